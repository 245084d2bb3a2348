"""Files on their way: how far they have come, what they would do, and a person's word on what is missing from one."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from services.ingest.api.dependencies import Shared, json_response
from services.ingest.api.receipts import may_see
from services.ingest.api.registrars_word import said_by
from services.ingest.api.shapes import Strict
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import imports, inbox, verdicts
from services.ingest.storage.imports import Import
from services.ingest.use_cases.decide_import import DecideImport, ImportNotAsking, ImportUnknown
from services.ingest.use_cases.group_commit import NotDurable, TooBusy
from services.ingest.use_cases.package_import import CONFIRMED, REJECTED
from services.runtime.access import Caller, Can
from services.runtime.clock import format_instant
from services.runtime.keys import KeyDestroyed
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/imports", tags=["imports"])
FAULTS_MAX = 1000
IMPORTS_MAX = 1000
VERDICTS = {"confirm": CONFIRMED, "reject": REJECTED}


class DecisionIn(Strict):
    """What is missing from the package is gone (`confirm`), or the package counts for nothing (`reject`); and why."""

    decision: Literal["confirm", "reject"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("")
def list_imports(
    shared: Shared,
    caller: Annotated[Caller, Can("receipts:read")],
    source: Annotated[str | None, Query(max_length=100)] = None,
    state: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=IMPORTS_MAX)] = 100,
) -> Response:
    """The latest first; `state=needs-confirmation` are those that wait for a person."""
    source = caller.source or source
    wanted = [(name, value) for name, value in (("source", source), ("state", state)) if value is not None]
    with shared.database.read() as cursor:
        found = [imports.import_by_id(cursor, id_) for id_ in verdicts.imports_of(cursor, caller.tenant, wanted, limit)]
        told = [told_of(cursor, each) for each in found if each is not None]
    return json_response({"imports": told})


@router.get("/{import_id}", responses=problems(ImportUnknown))
def get_import(
    import_id: UUID,
    shared: Shared,
    caller: Annotated[Caller, Can("receipts:read")],
    first: Annotated[int, Query(ge=0, description="Faults from this row on: `next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=0, le=FAULTS_MAX, description="How many faults.")] = 100,
) -> Response:
    """How far it has come, how its rows ended, the faults by row (`next` when there are more), what it changed."""
    with shared.database.read() as cursor:
        found = _find(cursor, caller, import_id)
        told = told_of(cursor, found)
        faults = [fault_of(row) for row in inbox.faults_of(cursor, found.receipt, first, limit + 1)]
    following = faults[limit]["row"] if len(faults) > limit > 0 else None
    return json_response({**told, "faults": faults[:limit], "next": following})


@router.get("/{import_id}/diff", responses=problems(ImportUnknown, PackageRefused, KeyDestroyed, TooBusy, NotDurable))
def get_import_diff(import_id: UUID, shared: Shared, caller: Annotated[Caller, Can("receipts:read")]) -> Response:
    """What a package would do if it were settled now; nothing is changed."""
    with shared.database.read() as cursor:
        found = _find(cursor, caller, import_id)
    if found.mapping == imports.READ_BY_NO_MAPPING:
        return json_response(shared.people.preview_of(found))
    return json_response(shared.importer.preview_of(found).answer())


@router.post(
    "/{import_id}/decision",
    status_code=201,
    responses=problems(ImportUnknown, ImportNotAsking, TooBusy, NotDurable),
)
def decide_import(
    import_id: UUID, body: DecisionIn, shared: Shared, caller: Annotated[Caller, Can("imports:decide")]
) -> Response:
    """Confirmed, it is settled and what is missing from it is removed; rejected, nothing of it counts. Again: 200."""
    work = DecideImport(import_id, VERDICTS[body.decision], said_by(caller, body.reason))
    decided = shared.commits.do(work)
    shared.importer.wake()
    shared.people.wake()
    return json_response({"import": str(import_id), "verdict": decided.verdict}, 201 if decided.new else 200)


def _find(cursor: Any, caller: Caller, import_id: UUID) -> Import:
    found = imports.import_by_id(cursor, import_id)
    if found is None or not may_see(caller, found.tenant, found.source):
        raise ImportUnknown
    return found


def told_of(cursor: Any, found: Import) -> dict[str, Any]:
    """An import as it is now."""
    receipt = inbox.receipt_by(cursor, "seq", found.receipt)
    assert receipt is not None, "an import has a receipt"
    head = {"import": str(found.id), "receipt": str(receipt.id), "source": found.source, "state": found.state}
    done = found.next_row if found.rows_total is None else min(found.next_row, found.rows_total)
    rows = {"rows_done": done, "rows_total": found.rows_total, "outcomes": inbox.counts_of(cursor, found.receipt)}
    told = {**head, "received_at": format_instant(receipt.received_at), **rows, "refused": found.fault}
    package = verdicts.package_import(cursor, found.id)
    return told if package is None else {**told, **_judged(package)}


def _judged(package: verdicts.PackageImport) -> dict[str, Any]:
    """`missing` of the `compared` rows that counted were not in the package; `asks` why a person is asked."""
    diff = {"added": package.added, "changed": package.changed, "removed": package.removed}
    said = {"diff": diff, "missing": package.missing, "compared": package.compared, "asks": package.reason}
    if package.verdict is None or package.decided_at is None:
        return said
    at = format_instant(package.decided_at)
    return {**said, "verdict": package.verdict, "decided_at": at, "decided_by": package.decided_by}


def fault_of(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row that could not be counted."""
    item, line, outcome, reason, pointer = row
    return {"row": item, "line": line, "outcome": outcome, "reason": reason, "pointer": pointer}
