"""What the import of a package did or would do, and what a person said about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.runtime.clock import from_micros
from services.runtime.store.database import Cursor

PUT_PLAN = """
INSERT INTO package_import (import, added, changed, removed, missing, compared, reason)
VALUES (?, 0, 0, 0, ?, ?, ?)
ON CONFLICT (import) DO UPDATE SET missing = excluded.missing, compared = excluded.compared, reason = excluded.reason
"""
ADD_EFFECTS = """
UPDATE package_import SET added = added + ?, changed = changed + ?, removed = removed + ? WHERE import = ?
"""
PUT_VERDICT = """
INSERT INTO package_import (import, added, changed, removed, missing, compared, verdict, decided_at, decided_by, sealed)
VALUES (?, 0, 0, 0, 0, 0, ?, ?, ?, ?)
ON CONFLICT (import) DO UPDATE SET verdict = excluded.verdict, decided_at = excluded.decided_at,
    decided_by = excluded.decided_by, sealed = excluded.sealed
"""
SET_STATE = "UPDATE import SET state = ? WHERE id = ?"
GO_ON = "UPDATE import SET state = 'waiting' WHERE source = ? AND state = 'behind'"

_FIELDS = (
    *("added", "changed", "removed", "missing", "compared", "reason"),
    *("verdict", "decided_at", "decided_by", "sealed"),
)
_SELECT = """
SELECT added, changed, removed, missing, compared, reason, verdict, decided_at, decided_by, sealed
FROM package_import WHERE import = ?
"""


@dataclass(frozen=True, slots=True)
class PackageImport:
    """An import's effect so far, and how it was judged.

    `missing` of the `compared` rows that are counted were not in it; `reason` says why a person is asked. Verdict:
    confirmed or rejected by a person, replaced by a later complete package; why is sealed.
    """

    added: int
    changed: int
    removed: int
    missing: int
    compared: int
    reason: str | None
    verdict: str | None
    decided_at: datetime | None
    decided_by: str | None
    sealed: bytes | None


def package_import(cursor: Cursor, import_id: UUID) -> PackageImport | None:
    """What is known of an import beyond its progress; None for one that is no package, or not begun."""
    row = cursor.execute(_SELECT, (import_id.bytes,)).fetchone()
    if row is None:
        return None
    said = dict(zip(_FIELDS, row, strict=True))
    return PackageImport(**{**said, "decided_at": from_micros(row[7]) if row[7] is not None else None})


def undecided(cursor: Cursor, source: str, before: int) -> list[UUID]:
    """The source's imports that wait for a person, or behind one that does, received before a receipt."""
    rows = cursor.execute(
        "SELECT id FROM import WHERE source = ? AND state IN ('needs-confirmation', 'behind') AND receipt < ? "
        "ORDER BY receipt",
        (source, before),
    )
    return [UUID(bytes=id_) for (id_,) in rows.fetchall()]


def imports_of(cursor: Cursor, tenant: str, wanted: Sequence[tuple[str, object]], limit: int) -> list[UUID]:
    """The tenant's imports, the latest first, by `source` and `state` when wanted."""
    where = "".join(f" AND {column} = ?" for column, _ in wanted)
    rows = cursor.execute(
        f"SELECT id FROM import WHERE tenant = ?{where} ORDER BY receipt DESC LIMIT ?",  # noqa: S608 - our names
        (tenant, *(value for _, value in wanted), limit),
    )
    return [UUID(bytes=id_) for (id_,) in rows.fetchall()]
