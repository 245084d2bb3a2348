"""What became of a submission, and what could not be read and why."""

from functools import partial
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.storage import imports, inbox
from services.ingest.use_cases.upload import opened
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant, from_micros
from services.runtime.keys import KeyDestroyed
from services.runtime.problems import Refusal, problems

router = APIRouter(prefix="/v1", tags=["receipts"])
ITEMS_MAX = 1000
PIECE_BYTES = 256 * 1024


class ReceiptUnknown(Refusal):
    """No receipt of this id."""

    status: ClassVar[int] = 404


class QuarantineUnknown(Refusal):
    """Nothing in quarantine has this id."""

    status: ClassVar[int] = 404


@router.get("/receipts/{receipt}", responses=problems(ReceiptUnknown))
def get_receipt(
    receipt: UUID,
    shared: Shared,
    caller: Annotated[Caller, Can("receipts:read")],
    first: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=ITEMS_MAX)] = ITEMS_MAX,
) -> Response:
    """Each item with what became of it by now; outcomes sum to what was sent."""
    with shared.database.read() as cursor:
        found = inbox.receipt_by(cursor, "id", receipt.bytes)
        if found is None or not may_see(caller, found.tenant, found.source):
            raise ReceiptUnknown
        counts = inbox.counts_of(cursor, found.seq)
        items = [_item(row) for row in inbox.outcomes_of(cursor, found.seq, first, limit)]
    head = {"receipt": str(receipt), "source": found.source, "door": found.door}
    body = {**head, "received_at": format_instant(found.received_at), "outcomes": counts, "items": items}
    more = first + len(items) < sum(counts.values())
    return json_response({**body, "next": first + len(items)} if more else body)


@router.get("/quarantine")
def list_quarantine(
    shared: Shared,
    caller: Annotated[Caller, Can("quarantine:read")],
    source: Annotated[str | None, Query(max_length=100)] = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=ITEMS_MAX)] = 100,
) -> Response:
    """Reasons and pointers, the latest first; values never."""
    source = caller.source or source
    wanted = [(name, value) for name, value in (("source", source), ("reason", reason)) if value is not None]
    with shared.database.read() as cursor:
        rows = inbox.quarantined(cursor, caller.tenant, wanted, limit)
        entries = [_entry(row, _receipt_id(cursor, row)) for row in rows]
    return json_response({"quarantine": entries})


@router.get("/quarantine/{entry}", responses=problems(QuarantineUnknown))
def get_quarantined(entry: UUID, shared: Shared, caller: Annotated[Caller, Can("quarantine:read")]) -> Response:
    """Why one item is in quarantine."""
    row, receipt = _find(shared, caller, entry)
    return json_response(_entry(row, receipt))


@router.get("/quarantine/{entry}/raw", responses=problems(QuarantineUnknown, KeyDestroyed))
def get_quarantined_raw(entry: UUID, shared: Shared, caller: Annotated[Caller, Can("quarantine:redrive")]) -> Response:
    """The whole submission as it was sent, for those who may redrive it."""
    row, receipt = _find(shared, caller, entry)
    with shared.database.read() as cursor:
        sealed = inbox.sealed_submission(cursor, row[3])
        imported = imports.import_of_receipt(cursor, row[3])
    if sealed is None:
        raise KeyDestroyed
    plain = shared.keys.submission_key(caller.tenant, receipt).open(sealed, receipt.bytes)
    file = opened(shared.database, plain, imported.upload if imported else None)
    return StreamingResponse(iter(partial(file.read, PIECE_BYTES), b""), media_type="application/octet-stream")


def may_see(caller: Caller, tenant: str, source: str) -> bool:
    """A source sees its own; others see their tenant's; nobody sees another tenant's."""
    return caller.tenant == tenant and caller.source in {None, source}


def _find(shared: Parts, caller: Caller, entry: UUID) -> tuple[tuple[Any, ...], UUID]:
    with shared.database.read() as cursor:
        row = inbox.quarantined_by_id(cursor, entry)
        if row is None or not may_see(caller, row[1], row[2]):
            raise QuarantineUnknown
        return row, _receipt_id(cursor, row)


def _receipt_id(cursor: Any, row: tuple[Any, ...]) -> UUID:
    receipt = inbox.receipt_by(cursor, "seq", row[3])
    assert receipt is not None, "what is in quarantine came with a receipt"
    return receipt.id


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    item, line, outcome, evidence, reason, pointer, redriven = row
    said = {"line": line, "evidence": evidence and str(UUID(bytes=evidence)), "reason": reason, "pointer": pointer}
    said["redriven"] = redriven and format_instant(from_micros(redriven))
    return {"item": item, "outcome": outcome, **{name: value for name, value in said.items() if value is not None}}


def _entry(row: tuple[Any, ...], receipt: UUID) -> dict[str, Any]:
    id_, _, source, _, item, line, reason, pointer, detail, at = row
    place = {"receipt": str(receipt), "item": item, "line": line, "quarantined_at": format_instant(from_micros(at))}
    why = {"reason": reason, "pointer": pointer, "detail": detail}
    return {"id": str(UUID(bytes=id_)), "source": source, **place, "reasons": [why]}
