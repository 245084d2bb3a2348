"""What waits in quarantine, in the order of its arrival, and what changes when it waits no longer."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.ingest.storage.inbox import rows_by_tag

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


def waiting(cursor: sqlite3.Cursor, chosen: Chosen, limit: int) -> list[Entry]:
    """The next of the chosen items, the first to arrive first."""
    ids = None if chosen.ids is None else [id_.bytes for id_ in chosen.ids]
    among = "" if ids is None else f" AND id IN ({','.join('?' * len(ids))})"
    rows = cursor.execute(
        "SELECT id, source, receipt, item, line, reason FROM quarantine WHERE tenant = ? AND (? IS NULL OR source = ?)"  # noqa: S608 - marks
        f" AND (? IS NULL OR reason = ?) AND (receipt, item) > (?, ?){among} ORDER BY receipt, item LIMIT ?",
        (
            chosen.tenant,
            *(chosen.source, chosen.source),
            *(chosen.reason, chosen.reason),
            *chosen.after,
            *(ids or ()),
            limit,
        ),
    ).fetchall()
    return [Entry(UUID(bytes=row[0]), *row[1:]) for row in rows]


def still_waiting(cursor: sqlite3.Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Those that are in quarantine."""
    found = rows_by_tag(cursor, "SELECT id FROM quarantine WHERE id", [id_.bytes for id_ in ids])
    return {UUID(bytes=row[0]) for row in found}


def items_by_line(cursor: sqlite3.Cursor, receipt: int) -> dict[int | None, list[int]]:
    """The items of a receipt, line by line."""
    found: dict[int | None, list[int]] = {}
    for item, line in cursor.execute("SELECT item, line FROM outcome WHERE receipt = ? ORDER BY item", (receipt,)):
        found.setdefault(line, []).append(item)
    return found
