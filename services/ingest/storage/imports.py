"""Files being imported: which rows were settled already, so that a kill changes nothing."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.runtime.store.database import Cursor

FILES = "ALTER TABLE import ADD COLUMN charset TEXT;"
FAULTS = """
CREATE INDEX outcome_faulty ON outcome (receipt, item) WHERE outcome IN ('quarantined', 'held', 'conflict');
"""

READ_BY_NO_MAPPING = 0  # the mapping of an import that is a roster
PUT_IMPORT = """
INSERT INTO import (id, tenant, source, receipt, mapping, charset, upload, next_row, rows_total, state, fault)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, NULL, 'waiting', NULL)
"""
MOVE_IMPORT = "UPDATE import SET next_row = ?, rows_total = ?, state = ? WHERE id = ?"
REFUSE_IMPORT = "UPDATE import SET state = 'refused', fault = ? WHERE id = ?"

_SELECT = "SELECT id, tenant, source, receipt, mapping, next_row, rows_total, state, fault, charset, upload FROM import"


@dataclass(frozen=True, slots=True)
class Import:
    """One file; rows before `next_row` are settled. State: waiting, running, done or refused (`fault` says why)."""

    id: UUID
    tenant: str
    source: str
    receipt: int
    mapping: int
    next_row: int
    rows_total: int | None
    state: str
    fault: str | None
    charset: str | None = None  # as the request's Content-Type said
    upload: UUID | None = None  # of a file that is kept in parts


def import_by_id(cursor: Cursor, id_: UUID) -> Import | None:
    """The import of this id."""
    row = cursor.execute(f"{_SELECT} WHERE id = ?", (id_.bytes,)).fetchone()
    return _import(*row) if row else None


def next_import(cursor: Cursor, *, rosters: bool = False) -> Import | None:
    """The oldest file, or roster, that is not done: order of arrival is order of settling."""
    kind = "=" if rosters else "<>"
    row = cursor.execute(
        f"{_SELECT} WHERE state IN ('waiting', 'running') AND mapping {kind} {READ_BY_NO_MAPPING} "
        "ORDER BY receipt LIMIT 1"
    ).fetchone()
    return _import(*row) if row else None


def count_waiting(cursor: Cursor) -> int:
    """How many files are not done."""
    count: int = cursor.execute("SELECT count(*) FROM import WHERE state IN ('waiting', 'running')").fetchone()[0]
    return count


def import_of_receipt(cursor: Cursor, receipt: int) -> Import | None:
    """The import a receipt belongs to."""
    row = cursor.execute(f"{_SELECT} WHERE receipt = ?", (receipt,)).fetchone()
    return _import(*row) if row else None


def _import(id_: bytes, *said: Any) -> Import:
    fields = (*said[:-1], None if said[-1] is None else UUID(bytes=said[-1]))
    return Import(UUID(bytes=id_), *fields)
