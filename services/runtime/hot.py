"""Doors that are called all the time: documented as the framework's routes, answered without its detours."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from services.runtime.problems import is_expected, response_to
from services.runtime.tenancy import every_tenant
from services.runtime.whole import answered

UNSIGNED: Final = "request without a key"


class HotRoute(APIRoute):
    """Its endpoint reads the request itself and is given what its path names, and the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.answer

    async def answer(self, request: Request) -> Response:
        """The endpoint's answer; its refusals are the caller's to answer."""
        answer: Response = await self.endpoint(*request.path_params.values(), request)
        return answer


class Application(FastAPI):
    """FastAPI, which is not asked about a request that names a hot route exactly; any other goes its usual way."""

    hot: "Hot | None" = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.hot.find(scope) if self.hot is not None and scope["type"] == "http" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        route, said = found
        scope.update(app=self, route=route, path_params=said)
        with every_tenant(UNSIGNED):
            await _answer(route, Request(scope, receive, send))


class Hot:
    """The hot routes by method and path; of a path that names something, by what is before the name."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._exact: dict[tuple[str, str], HotRoute] = {}
        self._named: dict[tuple[str, str], tuple[HotRoute, str]] = {}
        for route, method in _hot(routers):
            before, brace, name = route.path.partition("{")
            if brace:
                self._named[method, before] = (route, name.removesuffix("}"))
            else:
                self._exact[method, route.path] = route

    def find(self, scope: Scope) -> tuple[HotRoute, dict[str, str]] | None:
        """The route, and what its path names."""
        method, path = scope["method"], scope["path"]
        if scope.get("root_path"):
            return None
        if (exact := self._exact.get((method, path))) is not None:
            return exact, {}
        end = path.rfind("/") + 1
        named = self._named.get((method, path[:end])) if end < len(path) else None
        return None if named is None else (named[0], {named[1]: path[end:]})


def _hot(routers: Iterable[APIRouter]) -> Iterator[tuple[HotRoute, str]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, HotRoute):
                assert route.path.count("{") == route.path.endswith("}"), "one name at most, at the end of the path"
                yield from ((route, method) for method in route.methods or ())


async def _answer(route: HotRoute, request: Request) -> None:
    """As the framework: a fault nobody expected is answered, and raised again for the server to note."""
    try:
        answer = await route.answer(request)
    except Exception as fault:
        await response_to(request, fault)(request.scope, request.receive, request._send)
        if not is_expected(fault):
            raise
        return
    if not answered(request.scope, answer):
        await answer(request.scope, request.receive, request._send)
