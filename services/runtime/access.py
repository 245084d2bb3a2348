"""Who is calling, by a bearer key or HTTP Basic, and whether the role of that key may do what is asked."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from services.runtime.access_register import AccessRegister, Caller, FileRegister
from services.runtime.permissions import Permission, may
from services.runtime.problems import Refusal
from services.runtime.tenancy import see_only

__all__ = ["AccessRegister", "Caller", "Can", "FileRegister", "NotAuthenticated", "NotPermitted", "authorise"]

AUTHORIZATION_CHARACTERS_MAX = 400


class NotAuthenticated(Refusal):
    """A valid access key is required."""

    status: ClassVar[int] = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="wayproof", Basic realm="wayproof"'}


class NotPermitted(Refusal):
    """This key's role may not do that."""

    status: ClassVar[int] = 403


def authorise(register: AccessRegister, headers: Mapping[str, str], permission: Permission) -> Caller:
    """The caller, when the key is valid and its role has the permission; for hot paths without dependencies."""
    caller = register.caller(_token(headers.get("authorization", "")))
    if caller is None:
        raise NotAuthenticated
    if not may(caller.role, permission):
        raise NotPermitted(f"It takes {permission}.")
    see_only(caller.tenant)
    return caller


def Can(permission: Permission) -> Any:
    """`caller: Annotated[Caller, Can("evidence:write")]` in an endpoint's signature."""

    async def check(request: Request, _documented: Annotated[Any, Depends(_BEARER)] = None) -> Caller:
        register: AccessRegister = request.app.state.access
        return authorise(register, request.headers, permission)

    return Depends(check)


_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="`wp_<id>.<secret>`, as `wayproof key add` says.")


def _token(authorization: str) -> str:
    """`wp_<id>.<secret>` whichever scheme carried it; an empty text when neither did."""
    scheme, _, given = authorization.partition(" ")
    if len(authorization) > AUTHORIZATION_CHARACTERS_MAX:
        return ""
    if scheme.lower() == "bearer":
        return given.strip()
    return _from_basic(given) if scheme.lower() == "basic" else ""


def _from_basic(given: str) -> str:
    try:
        name, _, secret = b64decode(given.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return ""
    return f"wp_{name.removeprefix('wp_')}.{secret}"
