"""Learners that were erased: by which event, which identifiers meant them, and which keys are still to be destroyed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.storage.inbox import rows_by_tag
from services.runtime.clock import from_micros
from services.runtime.store.database import Cursor

ERASURES = """
CREATE TABLE erasure (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, learner BLOB NOT NULL, state TEXT NOT NULL, receipts_to INTEGER NOT NULL,
    erased_at INTEGER NOT NULL, erased_by TEXT NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX erasure_by_state ON erasure (state, erased_at);
CREATE TABLE erased_learner (
    learner BLOB PRIMARY KEY, tenant TEXT NOT NULL, erasure BLOB NOT NULL, event BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX erased_learner_by_erasure ON erased_learner (erasure);
CREATE TABLE erased_identifier (tag BLOB PRIMARY KEY, tenant TEXT NOT NULL, erasure BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX erased_identifier_by_erasure ON erased_identifier (erasure);
CREATE TABLE erased_key (
    erasure BLOB NOT NULL, id BLOB NOT NULL, tenant TEXT NOT NULL, PRIMARY KEY (erasure, id)
) WITHOUT ROWID;
"""

DESTROYING, WAITING, DONE = "destroying", "waiting", "done"

PUT_ERASURE = """
INSERT INTO erasure (id, tenant, learner, state, receipts_to, erased_at, erased_by, sealed)
VALUES (?, ?, ?, 'destroying', ?, ?, ?, ?)
"""
SET_STATE = "UPDATE erasure SET state = ? WHERE id = ?"
PUT_LEARNER = "INSERT INTO erased_learner (learner, tenant, erasure, event) VALUES (?, ?, ?, ?)"
PUT_IDENTIFIER = """
INSERT INTO erased_identifier (tag, tenant, erasure) VALUES (?, ?, ?)
ON CONFLICT (tag) DO UPDATE SET erasure = excluded.erasure
"""
PUT_KEY = "INSERT INTO erased_key (erasure, id, tenant) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
DROP_KEY = "DELETE FROM erased_key WHERE erasure = ? AND id = ?"

EMPTY_PROFILE = "UPDATE learner SET profile = ?, sealed = ? WHERE id = ?"
DROP_IDENTIFIERS = "DELETE FROM identifier WHERE learner = ?"
DROP_ENROLMENTS = "DELETE FROM enrolment WHERE learner = ?"
DROP_RECORDS = "DELETE FROM record WHERE learner = ?"
EMPTY_STATEMENT = """
UPDATE statement SET sealed = ?, person = ?, actor = NULL, activity = NULL, registration = NULL WHERE seq = ?
"""
FORGET_PERSON = "UPDATE outcome SET person = NULL WHERE receipt = ? AND item = ?"

UNFINISHED = "('waiting', 'running', 'behind', 'needs-confirmation')"
_UNDER_WAY = f"SELECT 1 FROM import WHERE tenant = ? AND receipt <= ? AND state IN {UNFINISHED} LIMIT 1"  # noqa: S608
_NAMING = f"""
SELECT r.id, o.receipt, o.item, o.person FROM outcome o JOIN receipt r ON r.seq = o.receipt
WHERE r.tenant = ? AND r.seq <= ?
    AND NOT EXISTS (SELECT 1 FROM import i WHERE i.receipt = r.seq AND i.state IN {UNFINISHED})
"""  # noqa: S608 - words of ours
_BY_EVIDENCE = f"{_NAMING} AND o.evidence IN (SELECT event_id FROM outbox WHERE key = ?)"  # noqa: S608
_OF_ALL = f"""
SELECT r.id FROM import i JOIN receipt r ON r.seq = i.receipt
WHERE i.tenant = ? AND i.receipt <= ? AND i.state NOT IN {UNFINISHED}
    AND (i.id IN (SELECT import FROM roster_import) OR i.id IN (SELECT import FROM package_import))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who was erased, when, how far it has come, and up to which receipt what was sent goes with them."""

    id: UUID
    tenant: str
    learner: UUID
    state: str
    receipts_to: int
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class Naming:
    """What of the inbox names somebody: submissions, and the places at which it is said by a tag."""

    submissions: set[UUID]
    places: list[tuple[int, int]]


def by_id(cursor: Cursor, id_: UUID) -> Erasure | None:
    """The erasure of this id."""
    select = "SELECT id, tenant, learner, state, receipts_to, erased_at FROM erasure WHERE id = ?"
    row = cursor.execute(select, (id_.bytes,)).fetchone()
    if row is None:
        return None
    return Erasure(UUID(bytes=row[0]), row[1], UUID(bytes=row[2]), row[3], row[4], from_micros(row[5]))


def of_learner(cursor: Cursor, learner: UUID) -> tuple[Erasure, UUID] | None:
    """The erasure of a learner, and the event that said so of this very one."""
    row = cursor.execute("SELECT erasure, event FROM erased_learner WHERE learner = ?", (learner.bytes,)).fetchone()
    if row is None:
        return None
    found = by_id(cursor, UUID(bytes=row[0]))
    assert found is not None, "they are written together"
    return found, UUID(bytes=row[1])


def learners_of(cursor: Cursor, erasure: UUID) -> dict[UUID, UUID]:
    """Each pseudonym that was erased, and the event that says so."""
    rows = cursor.execute(
        "SELECT learner, event FROM erased_learner WHERE erasure = ? ORDER BY learner", (erasure.bytes,)
    )
    return {UUID(bytes=learner): UUID(bytes=event) for learner, event in rows.fetchall()}


def tags_of(cursor: Cursor, erasure: UUID) -> set[bytes]:
    """The identifiers that meant them."""
    return {tag for (tag,) in cursor.execute("SELECT tag FROM erased_identifier WHERE erasure = ?", (erasure.bytes,))}


def keys_of(cursor: Cursor, erasure: UUID) -> list[UUID]:
    """The keys of what waited for them, still to be destroyed."""
    return [
        UUID(bytes=id_) for (id_,) in cursor.execute("SELECT id FROM erased_key WHERE erasure = ?", (erasure.bytes,))
    ]


def by_identifier(cursor: Cursor, tags: Iterable[bytes]) -> dict[bytes, UUID]:
    """The last erasure of each identifier that was erased."""
    found = rows_by_tag(cursor, "SELECT tag, erasure FROM erased_identifier WHERE tag", tags)
    return {tag: UUID(bytes=erasure) for tag, erasure in found}


def in_state(cursor: Cursor, state: str) -> list[Erasure]:
    """The oldest first."""
    rows = cursor.execute("SELECT id FROM erasure WHERE state = ? ORDER BY erased_at, id", (state,)).fetchall()
    return [found for (id_,) in rows if (found := by_id(cursor, UUID(bytes=id_))) is not None]


def imports_under_way(cursor: Cursor, erasure: Erasure) -> bool:
    """Whether a file that came before may still name them."""
    return cursor.execute(_UNDER_WAY, (erasure.tenant, erasure.receipts_to)).fetchone() is not None


def naming(cursor: Cursor, erasure: Erasure, tags: set[bytes], keys: Sequence[str]) -> Naming:
    """What names them by an identifier or by evidence (`keys` of the log), and every roster and package: all read."""
    submissions, places = set[UUID](), list[tuple[int, int]]()
    said = (erasure.tenant, erasure.receipts_to)
    for id_, receipt, item, person in cursor.execute(f"{_NAMING} AND o.person IS NOT NULL", said):
        if person in tags:
            submissions.add(UUID(bytes=id_))
            places.append((receipt, item))
    for key in keys:
        submissions |= {UUID(bytes=row[0]) for row in cursor.execute(_BY_EVIDENCE, (*said, key))}
    submissions |= {UUID(bytes=row[0]) for row in cursor.execute(_OF_ALL, said)}
    return Naming(submissions, places)
