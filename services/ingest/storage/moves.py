"""Learners that turned out to be one, links that were wrong: which moves there were, and what they took along."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.runtime.store.database import Cursor

MOVES = """
ALTER TABLE outcome ADD COLUMN redriven INTEGER;
ALTER TABLE outcome ADD COLUMN person BLOB;
ALTER TABLE learner ADD COLUMN merged_into BLOB;
CREATE INDEX learner_merged ON learner (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX record_of_learner ON record (learner) WHERE learner IS NOT NULL;
CREATE INDEX outbox_of_learner ON outbox (key);
CREATE TABLE move (
    id BLOB PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, origin BLOB NOT NULL, target BLOB NOT NULL,
    state TEXT NOT NULL, moved INTEGER NOT NULL, moved_at INTEGER NOT NULL, moved_by TEXT NOT NULL,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX move_by_state ON move (state, moved_at);
CREATE INDEX move_of_learner ON move (origin, moved_at);
CREATE TABLE move_person (move BLOB NOT NULL, tag BLOB NOT NULL, PRIMARY KEY (move, tag)) WITHOUT ROWID;
CREATE TABLE move_enrolment (move BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (move, id)) WITHOUT ROWID;
"""

PUT_MOVE = """
INSERT INTO move (id, tenant, kind, origin, target, state, moved, moved_at, moved_by, sealed)
VALUES (?, ?, ?, ?, ?, 'moving', 0, ?, ?, ?)
"""
PUT_PERSON = "INSERT INTO move_person (move, tag) VALUES (?, ?) ON CONFLICT DO NOTHING"
PUT_ENROLMENT_MOVED = "INSERT INTO move_enrolment (move, id) VALUES (?, ?) ON CONFLICT DO NOTHING"
PROGRESS = "UPDATE move SET moved = moved + ?, state = ? WHERE id = ?"
UNDONE = "UPDATE move SET state = CASE state WHEN 'moving' THEN 'undoing' ELSE 'undone' END WHERE id = ?"
UNDER_WAY = ("moving", "undoing")  # the second: what it moves is to move back, once it has all come
POINT = "UPDATE learner SET merged_into = ? WHERE id = ?"
RELINK = "UPDATE identifier SET learner = ?, link = ?, sealed = ?, linked_at = ?, linked_by = ? WHERE tag = ?"
FOLLOW_EVIDENCE = "UPDATE outcome SET evidence = ?, person = coalesce(person, ?) WHERE receipt = ? AND evidence = ?"

CHAIN_MAX = 100
_SELECT = "SELECT id, tenant, kind, origin, target, state, moved FROM move"


@dataclass(frozen=True, slots=True)
class Move:
    """What is said of `origin` is said of `target` from now on; of a correction, only what came by some identifiers."""

    id: UUID
    tenant: str
    kind: str
    origin: UUID
    target: UUID
    state: str
    moved: int


@dataclass(frozen=True, slots=True)
class IdentifierRow:
    """An identifier as the vault keeps it."""

    tag: bytes
    scheme: str
    sealed: bytes


def next_move(cursor: Cursor, tenant: str | None = None) -> Move | None:
    """The oldest move, of anybody or of a tenant, that is not complete: no later one moves anything before it is."""
    whose, values = ("", UNDER_WAY) if tenant is None else (" AND tenant = ?", (*UNDER_WAY, tenant))
    select = f"{_SELECT} WHERE state IN (?, ?){whose} ORDER BY moved_at, id LIMIT 1"
    row = cursor.execute(select, values).fetchone()
    return _move(*row) if row else None


def progress_row(move: Move, count: int, *, complete: bool) -> tuple[int, str, bytes]:
    """So many pieces more; one that is to be taken back is over once it is complete."""
    ended = "undone" if move.state == "undoing" else "done"
    return (count, ended if complete else move.state, move.id.bytes)


def last_at(cursor: Cursor) -> int:
    """When the latest move was begun; the next is later, whatever the clock says."""
    (latest,) = cursor.execute("SELECT coalesce(max(moved_at), 0) FROM move").fetchone()
    return int(latest)


def count_moving(cursor: Cursor) -> int:
    """How many moves are not complete."""
    (count,) = cursor.execute("SELECT count(*) FROM move WHERE state IN (?, ?)", UNDER_WAY).fetchone()
    return int(count)


def move_by_id(cursor: Cursor, id_: UUID) -> Move | None:
    """The move of this id."""
    row = cursor.execute(f"{_SELECT} WHERE id = ?", (id_.bytes,)).fetchone()
    return _move(*row) if row else None


def under_way_with(cursor: Cursor, learners: Iterable[UUID]) -> bool:
    """Whether a move to or from one of them is not complete."""
    select = "SELECT origin, target FROM move WHERE state IN ('moving', 'undoing')"
    moving = {id_ for row in cursor.execute(select).fetchall() for id_ in row}
    return any(learner.bytes in moving for learner in learners)


def merge_of(cursor: Cursor, learner: UUID) -> Move | None:
    """The merge by which the learner was merged into another and still is."""
    select = f"{_SELECT} WHERE origin = ? AND kind = 'merge' AND state IN ('moving', 'done')"
    select += " ORDER BY moved_at DESC LIMIT 1"
    row = cursor.execute(select, (learner.bytes,)).fetchone()
    return _move(*row) if row else None


def persons_of(cursor: Cursor, move: UUID) -> list[bytes]:
    """The tags of the identifiers the move took along."""
    return [tag for (tag,) in cursor.execute("SELECT tag FROM move_person WHERE move = ?", (move.bytes,))]


def enrolments_moved(cursor: Cursor, move: UUID) -> list[UUID]:
    """The enrolments the move took along."""
    rows = cursor.execute("SELECT id FROM move_enrolment WHERE move = ?", (move.bytes,))
    return [UUID(bytes=id_) for (id_,) in rows]


def current_learner(cursor: Cursor, learner: UUID) -> UUID:
    """Who the learner is by now: the end of the chain of merges."""
    for _ in range(CHAIN_MAX):
        row = cursor.execute("SELECT merged_into FROM learner WHERE id = ?", (learner.bytes,)).fetchone()
        if row is None or row[0] is None:
            break
        learner = UUID(bytes=row[0])
    return learner


def merged_into(cursor: Cursor, learner: UUID) -> list[UUID]:
    """Every learner that was merged into this one, also by way of others."""
    found: list[UUID] = []
    waiting = [learner]
    while waiting and len(found) < CHAIN_MAX:
        rows = cursor.execute("SELECT id FROM learner WHERE merged_into = ? ORDER BY id", (waiting.pop().bytes,))
        nearer = [UUID(bytes=id_) for (id_,) in rows.fetchall()]
        found += nearer
        waiting += nearer
    return found


def identifiers_of(cursor: Cursor, learner: UUID) -> list[IdentifierRow]:
    """The identifiers that mean the learner."""
    select = "SELECT tag, scheme, sealed FROM identifier WHERE learner = ? ORDER BY tag"
    return [IdentifierRow(*row) for row in cursor.execute(select, (learner.bytes,)).fetchall()]


def identifiers_by_tag(cursor: Cursor, learner: UUID, tags: Iterable[bytes]) -> list[IdentifierRow]:
    """Those of the identifiers that mean the learner."""
    wanted = set(tags)
    return [row for row in identifiers_of(cursor, learner) if row.tag in wanted]


def said_about(cursor: Cursor, topic: str, key: str) -> list[bytes]:
    """Everything published about a learner, in order: what was accepted, and what of it is still in force."""
    select = "SELECT value FROM outbox WHERE key = ? AND topic || '' = ? ORDER BY seq"  # found by key, never by topic
    return [value for (value,) in cursor.execute(select, (key, topic))]


def records_of(cursor: Cursor, learner: UUID) -> dict[UUID, bytes]:
    """The record of each piece of evidence of a learner that has one."""
    rows = cursor.execute("SELECT evidence, tag FROM record WHERE learner = ?", (learner.bytes,))
    return {UUID(bytes=evidence): tag for evidence, tag in rows if evidence is not None}


def came_by(cursor: Cursor, receipt: int, evidence: Iterable[UUID]) -> dict[UUID, bytes]:
    """By which identifier the evidence of a receipt was named, where that is known."""
    wanted = {each.bytes for each in evidence}
    rows = cursor.execute("SELECT evidence, person FROM outcome WHERE receipt = ? AND evidence IS NOT NULL", (receipt,))
    return {UUID(bytes=id_): person for id_, person in rows if id_ in wanted and person}


def _move(id_: bytes, tenant: str, kind: str, origin: bytes, target: bytes, state: str, moved: int) -> Move:
    return Move(UUID(bytes=id_), tenant, kind, UUID(bytes=origin), UUID(bytes=target), state, moved)
