"""Rosters that come as packages: whose each is, how it is to be taken, and what it changed."""

from dataclasses import dataclass
from uuid import UUID

from services.runtime.store.database import Cursor

ROSTERS = """
CREATE TABLE roster_import (
    import BLOB PRIMARY KEY, organisation TEXT, link_email INTEGER NOT NULL, compared INTEGER NOT NULL,
    told_by TEXT NOT NULL, registered INTEGER NOT NULL, linked INTEGER NOT NULL, enrolled INTEGER NOT NULL,
    released INTEGER NOT NULL
) WITHOUT ROWID;
"""

PUT_ROSTER = """
INSERT INTO roster_import (import, organisation, link_email, compared, told_by, registered, linked, enrolled, released)
VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0)
"""
ADD_COUNTS = """
UPDATE roster_import SET registered = registered + ?, linked = linked + ?, enrolled = enrolled + ?,
    released = released + ? WHERE import = ?
"""


@dataclass(frozen=True, slots=True)
class RosterImport:
    """`organisation`: where everybody is enrolled, whatever the package says. `compared`: its sender is known."""

    organisation: str | None
    link_email: bool
    compared: bool
    told_by: str
    registered: int = 0
    linked: int = 0
    enrolled: int = 0
    released: int = 0


def roster_import(cursor: Cursor, import_id: UUID) -> RosterImport | None:
    """None for an import that is no roster."""
    row = cursor.execute(
        "SELECT organisation, link_email, compared, told_by, registered, linked, enrolled, released "
        "FROM roster_import WHERE import = ?",
        (import_id.bytes,),
    ).fetchone()
    return RosterImport(row[0], bool(row[1]), bool(row[2]), *row[3:]) if row else None
