"""Verify files: a credential, or a bundle of a credential with its issuer's DID document and status list."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeGuard

from services.credentials.verifying.verdict import Reason, Verdict
from services.credentials.verifying.verify import verify
from services.runtime.strict_json import MalformedJson, parse_json

BYTES_MAX = 4 * 1024 * 1024
BUNDLE_MEMBERS = {"credential", "didDocument", "statusList"}


def verify_file(
    path: Path, did: Path | None = None, status: Path | None = None, *, now: datetime | None = None
) -> Verdict:
    """What `wayproof verify FILE` says; a DID document or list given by itself goes before the bundle's own."""
    at = now or datetime.now(UTC)
    try:
        document = _read(path)
        did_document, status_list = did and _read(did), status and _read(status)
    except (MalformedJson, OSError) as fault:
        detail = fault.detail if isinstance(fault, MalformedJson) else "The file cannot be read."
        return Verdict(at, reasons=[Reason("malformed", detail or "Not JSON.")])
    return verify_bundle(document, did_document, status_list, now=at)


def verify_bundle(
    document: object, did_document: object = None, status_list: object = None, *, now: datetime
) -> Verdict:
    """Verify a bundle or a bare credential."""
    key_from = "given" if did_document is not None else None
    if is_bundle(document):
        if did_document is None and document.get("didDocument") is not None:
            did_document, key_from = document["didDocument"], "bundle"
        status_list = document.get("statusList") if status_list is None else status_list
        document = document["credential"]
    return verify(document, did_document, status_list, now=now, key_from=key_from)


def is_bundle(document: object) -> TypeGuard[dict[str, object]]:
    """Whether it is a credential together with what it takes to verify it."""
    return isinstance(document, dict) and "credential" in document and document.keys() <= BUNDLE_MEMBERS


def _read(path: Path) -> object:
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise MalformedJson("larger than a credential may be")
    return parse_json(raw)
