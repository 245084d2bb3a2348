"""The key a proof names, taken from the issuer's DID document only: never from the credential itself."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.credentials.signing.base58 import from_multikey
from services.credentials.verifying.verdict import Unbelievable

METHODS_MAX = 100


def issuer_id(document: Mapping[str, Any]) -> str:
    """The issuer's id, whether it stands alone or in a profile."""
    issuer = document.get("issuer")
    found = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(found, str) or not found:
        raise Unbelievable("issuer-missing", "The credential names no issuer.", "/issuer")
    return found


def issuer_key(did_document: object, issuer: str, method_id: object) -> Ed25519PublicKey:
    """The key, if the issuer's own document lists exactly this method, under its own control, for assertions."""
    if not isinstance(did_document, dict):
        raise Unbelievable("did-document-missing", "The issuer's DID document was not given.")
    if did_document.get("id") != issuer:
        raise Unbelievable("did-document-of-another", "The DID document is not the issuer's.", "/issuer")
    method = _method(did_document, method_id)
    if method.get("controller") != issuer:
        raise Unbelievable("key-not-of-issuer", "The key is controlled by somebody else.", "/proof/verificationMethod")
    if not _for_assertions(did_document, method_id):
        raise Unbelievable("key-not-for-assertions", "The issuer does not use this key to assert.", "/proof")
    return _public_key(method)


def _method(did_document: Mapping[str, Any], method_id: object) -> Mapping[str, Any]:
    """By exact id: a fragment that is itself a key means nothing unless the document lists it."""
    for method in [*_list(did_document, "verificationMethod"), *_list(did_document, "assertionMethod")]:
        if isinstance(method, dict) and isinstance(method_id, str) and method.get("id") == method_id:
            return method
    raise Unbelievable("key-not-found", "The issuer's DID document does not list the key.", "/proof/verificationMethod")


def _for_assertions(did_document: Mapping[str, Any], method_id: object) -> bool:
    entries = _list(did_document, "assertionMethod")
    return any((entry.get("id") if isinstance(entry, dict) else entry) == method_id for entry in entries)


def _public_key(method: Mapping[str, Any]) -> Ed25519PublicKey:
    if method.get("type") != "Multikey" or "revoked" in method or "expires" in method:
        raise Unbelievable("key-not-supported", "Only an unexpired Multikey is read.", "/proof/verificationMethod")
    try:
        return from_multikey(method.get("publicKeyMultibase"))
    except ValueError:
        raise Unbelievable("key-not-supported", "Only an Ed25519 Multikey is read.", "/proof") from None


def _list(did_document: Mapping[str, Any], name: str) -> list[Any]:
    value = did_document.get(name, [])
    if not isinstance(value, list) or len(value) > METHODS_MAX:
        raise Unbelievable("did-document-malformed", f"{name} is not a list of at most {METHODS_MAX}.")
    return value
