"""What waits in quarantine, in the order of its arrival, and what changes when it waits no longer."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.ingest.storage.inbox import rows_by_tag
from services.runtime.store.database import Cursor

DROP_QUARANTINED = "DELETE FROM quarantine WHERE id = ?"
MARK_REDRIVEN = "UPDATE outcome SET redriven = ?, person = ? WHERE receipt = ? AND item = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """One quarantined item and its place."""

    id: UUID
    source: str
    receipt: int
    item: int
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which items of a tenant: by source, reason or id, after a place in the order of arrival."""

    tenant: str
    source: str | None = None
    reason: str | None = None
    ids: tuple[UUID, ...] | None = None
    after: tuple[int, int] = (0, -1)


def waiting(cursor: Cursor, chosen: Chosen, limit: int) -> list[Entry]:
    """The next of the chosen items, the first to arrive first."""
    said: list[tuple[str, tuple[object, ...]]] = [
        ("tenant = ? AND (receipt, item) > (?, ?)", (chosen.tenant, *chosen.after))
    ]
    if chosen.source is not None:
        said.append(("source = ?", (chosen.source,)))
    if chosen.reason is not None:
        said.append(("reason = ?", (chosen.reason,)))
    if chosen.ids is not None:
        said.append((f"id IN ({','.join('?' * len(chosen.ids))})", tuple(id_.bytes for id_ in chosen.ids)))
    rows = cursor.execute(
        "SELECT id, source, receipt, item, line, reason FROM quarantine WHERE "  # noqa: S608 - clauses of ours
        f"{' AND '.join(clause for clause, _ in said)} ORDER BY receipt, item LIMIT ?",
        (*(value for _, values in said for value in values), limit),
    ).fetchall()
    return [Entry(UUID(bytes=row[0]), *row[1:]) for row in rows]


def still_waiting(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Those that are in quarantine."""
    found = rows_by_tag(cursor, "SELECT id FROM quarantine WHERE id", [id_.bytes for id_ in ids])
    return {UUID(bytes=row[0]) for row in found}


def items_by_line(cursor: Cursor, receipt: int) -> dict[int | None, list[int]]:
    """The items of a receipt, line by line."""
    found: dict[int | None, list[int]] = {}
    for item, line in cursor.execute("SELECT item, line FROM outcome WHERE receipt = ? ORDER BY item", (receipt,)):
        found.setdefault(line, []).append(item)
    return found
