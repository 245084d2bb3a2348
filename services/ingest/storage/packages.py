"""What a source's packages say by now, row by row: what a later package is compared with, and what it may refer to.

Rows are known by keyed digests of their sourcedIds; what they say stays in the package they came in, sealed there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.ingest.storage.inbox import CHUNK
from services.runtime.store.database import Cursor

PACKAGES = """
CREATE TABLE package_row (
    source TEXT NOT NULL, file TEXT NOT NULL, tag BLOB NOT NULL, parent BLOB, receipt INTEGER NOT NULL,
    line INTEGER NOT NULL, seen INTEGER NOT NULL, content BLOB NOT NULL, record BLOB, gone INTEGER NOT NULL,
    PRIMARY KEY (source, file, tag)
) WITHOUT ROWID;
CREATE INDEX package_row_of_parent ON package_row (source, file, parent);
CREATE TABLE package_import (
    import BLOB PRIMARY KEY, added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL,
    missing INTEGER NOT NULL, compared INTEGER NOT NULL, reason TEXT, verdict TEXT, decided_at INTEGER,
    decided_by TEXT, sealed BLOB
) WITHOUT ROWID;
"""

PUT_ROW = """
INSERT INTO package_row (source, file, tag, parent, receipt, line, seen, content, record, gone)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, file, tag) DO UPDATE SET parent = excluded.parent, receipt = excluded.receipt,
    line = excluded.line, seen = excluded.seen, content = excluded.content, record = excluded.record,
    gone = excluded.gone
WHERE excluded.seen >= package_row.seen
"""
SET_RECORD = """
UPDATE package_row SET record = ? WHERE source = ? AND file = ? AND tag = ? AND receipt = ? AND gone = 0
"""
_SELECT = (
    "SELECT tag, parent, receipt, line, seen, content, record, gone FROM package_row WHERE source = ? AND file = ?"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One row as its source last said it.

    It stands on `line` of the package of `receipt`; `seen` is the receipt of the latest package that had a say in
    it. `parent` is the row it belongs to; `content` a digest of the row's own cells, or of its parent's as it was
    joined with; `record` what it is counted under, None when it claims nothing.
    """

    tag: bytes
    parent: bytes | None
    receipt: int
    line: int
    seen: int
    content: bytes
    record: bytes | None
    gone: bool = False

    def row(self, source: str, file: str) -> tuple[Any, ...]:
        """What PUT_ROW takes."""
        place = (self.parent, self.receipt, self.line, self.seen)
        return (source, file, self.tag, *place, self.content, self.record, int(self.gone))


def rows_by_tag(cursor: Cursor, source: str, file: str, tags: Iterable[bytes]) -> dict[bytes, Said]:
    """Those of the rows that were ever said."""
    return {said.tag: said for said in _among(cursor, source, file, "tag", tags)}


def children_of(cursor: Cursor, source: str, file: str, parents: Iterable[bytes], before: int) -> list[Said]:
    """The rows in force that belong to these, and that nobody has had a say in since a receipt; by tag."""
    found = _among(cursor, source, file, "parent", parents)
    return sorted((said for said in found if not said.gone and said.seen < before), key=lambda said: said.tag)


def in_force(cursor: Cursor, source: str, file: str, before: int) -> list[Said]:
    """All rows in force that nobody has had a say in since a receipt; by tag."""
    rows = cursor.execute(f"{_SELECT} AND gone = 0 AND seen < ? ORDER BY tag", (source, file, before))
    return [_said(*row) for row in rows.fetchall()]


def _among(cursor: Cursor, source: str, file: str, column: str, tags: Iterable[bytes]) -> list[Said]:
    wanted, found = sorted(set(tags)), list[Said]()
    for first in range(0, len(wanted), CHUNK):
        chunk = wanted[first : first + CHUNK]
        marks = ",".join("?" * len(chunk))
        rows = cursor.execute(f"{_SELECT} AND {column} IN ({marks})", (source, file, *chunk))
        found += [_said(*row) for row in rows.fetchall()]
    return found


def _said(
    tag: bytes,
    parent: bytes | None,
    receipt: int,
    line: int,
    seen: int,
    content: bytes,
    record: bytes | None,
    gone: int,
) -> Said:
    return Said(tag, parent, receipt, line, seen, content, record, bool(gone))
