"""xAPI statements as they were sent, sealed, and the keyed numbers they are found by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from services.runtime.clock import from_micros
from services.runtime.store.database import Cursor

CHUNK = 500
VOIDS, VOIDED, SECOND_EDITION = 1, 2, 4  # flags: it takes another back; it was taken back; it came as xAPI 2.0

STATEMENTS = """
ALTER TABLE source ADD COLUMN lenient INTEGER NOT NULL DEFAULT 0;
CREATE TABLE statement (
    seq INTEGER PRIMARY KEY, source TEXT NOT NULL, id BLOB NOT NULL, stored INTEGER NOT NULL, content BLOB NOT NULL,
    flags INTEGER NOT NULL, records BLOB NOT NULL, learner BLOB, person BLOB NOT NULL, actor INTEGER,
    verb INTEGER NOT NULL, activity INTEGER, registration INTEGER, sealed BLOB NOT NULL
);
CREATE UNIQUE INDEX statement_by_id ON statement (id, source);
CREATE INDEX statement_of_source ON statement (source, seq);
CREATE INDEX statement_by_actor ON statement (actor, seq);
CREATE INDEX statement_by_verb ON statement (verb, seq);
CREATE INDEX statement_by_activity ON statement (activity, seq);
CREATE INDEX statement_by_registration ON statement (registration, seq) WHERE registration IS NOT NULL;
CREATE INDEX statement_of_nobody ON statement (person) WHERE learner IS NULL;
CREATE TABLE statement_agent (agent INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (agent, seq)) WITHOUT ROWID;
CREATE TABLE voiding (id BLOB NOT NULL, source TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (id, source))
WITHOUT ROWID;
"""

PUT_STATEMENT = """
INSERT INTO statement (seq, source, id, stored, content, flags, records, learner, person, actor, verb, activity,
    registration, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
PUT_AGENT = "INSERT INTO statement_agent (agent, seq) VALUES (?, ?) ON CONFLICT DO NOTHING"
PUT_VOIDING = "INSERT INTO voiding (id, source, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
SET_VOIDED = "UPDATE statement SET flags = flags | 2 WHERE id = ? AND source = ?"
RESEAL = "UPDATE statement SET learner = ?, sealed = ? WHERE seq = ?"
DROP_QUARANTINED = "DELETE FROM quarantine WHERE receipt = ? AND item = ?"

COLUMNS = "seq, source, id, stored, content, flags, records, learner, person, sealed"
FILTERS = ("verb", "activity", "registration")


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One statement; its seq is its place in the order of arrival (receipt and item). `records` are its items' tags."""

    seq: int
    source: str
    id: UUID
    stored: datetime
    content: bytes
    flags: int
    records: bytes
    learner: UUID | None
    person: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to find: keyed numbers, a span of time, a direction, and where to go on."""

    source: str
    agent: int | None = None
    verb: int | None = None
    activity: int | None = None
    registration: int | None = None
    since: int | None = None
    until: int | None = None
    ascending: bool = False
    beyond: int | None = None


def by_id(cursor: Cursor, source: str, ids: Iterable[UUID]) -> dict[UUID, StatementRow]:
    """Those of the statements that are here."""
    select = f"SELECT {COLUMNS} FROM statement"  # noqa: S608 - our names
    found = _by_id(cursor, select, source, ids)
    return {row.id: row for row in (row_of(*each) for each in found)}


def receipts_by_id(cursor: Cursor, source: str, ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, bytes]]:
    """(receipt, content) of those that are here."""
    select = "SELECT s.id, r.id, s.content FROM statement s JOIN receipt r ON r.seq = s.seq >> 24"
    found = _by_id(cursor, select, source, ids, "s.")
    return {UUID(bytes=id_): (UUID(bytes=receipt), content) for id_, receipt, content in found}


def voided_among(cursor: Cursor, source: str, ids: Iterable[UUID]) -> set[UUID]:
    """Which of them were taken back, be it before they came."""
    return {UUID(bytes=row[0]) for row in _by_id(cursor, "SELECT id FROM voiding", source, ids)}


def voided_by(cursor: Cursor, receipt: int, item: int) -> int | None:
    """The place of what took back the statement that an item is of; None when nothing did, or it is of no statement."""
    row = cursor.execute(
        "SELECT v.seq FROM statement s JOIN voiding v ON v.id = s.id AND v.source = s.source "
        "WHERE s.seq = (SELECT max(seq) FROM statement WHERE seq >= ? AND seq <= ?)",
        (receipt << 24, receipt << 24 | item),
    ).fetchone()
    return row[0] if row else None


def _by_id(cursor: Cursor, select: str, source: str, ids: Iterable[UUID], of: str = "") -> Iterable[tuple[Any, ...]]:
    waiting = iter(ids)
    while chunk := [each.bytes for each in islice(waiting, CHUNK)]:
        marks = ",".join("?" * len(chunk))
        yield from cursor.execute(f"{select} WHERE {of}source = ? AND {of}id IN ({marks})", (source, *chunk)).fetchall()


def of_receipt(cursor: Cursor, receipt: int) -> list[tuple[int, UUID, int]]:
    """(number of its first item, id, how many items) of the new statements of a receipt, in order."""
    rows = cursor.execute(
        "SELECT seq & 16777215, id, length(records) / 16 FROM statement WHERE seq >= ? AND seq < ? ORDER BY seq",
        (receipt << 24, (receipt + 1) << 24),
    ).fetchall()
    return [(first, UUID(bytes=id_), max(1, items)) for first, id_, items in rows]


def record_by_evidence(cursor: Cursor, evidence: bytes) -> bytes:
    """The record whose current version this is; looked for one by one, for the few that were redriven."""
    row = cursor.execute("SELECT tag FROM record WHERE evidence = ?", (evidence,)).fetchone()
    return row[0] if row else b""


def of_nobody(cursor: Cursor, person: bytes) -> list[StatementRow]:
    """Those whose person was not known when they came."""
    select = f"SELECT {COLUMNS} FROM statement WHERE person = ? AND learner IS NULL"  # noqa: S608 - our names
    return [row_of(*row) for row in cursor.execute(select, (person,)).fetchall()]


def find(cursor: Cursor, wanted: Wanted, limit: int) -> list[StatementRow]:
    """In the order of storing, newest first unless ascending; what was voided is not among them."""
    order, beyond = ("ASC", ">") if wanted.ascending else ("DESC", "<")
    clauses: list[tuple[str, Sequence[object]]] = [(f"(flags & {VOIDED}) = 0 AND source = ?", (wanted.source,))]
    if wanted.agent is not None:
        either = "(actor = ? OR seq IN (SELECT seq FROM statement_agent WHERE agent = ?))"
        clauses.append((either, (wanted.agent, wanted.agent)))
    said = [(f"{name} = ?", getattr(wanted, name)) for name in FILTERS]
    said += [("stored > ?", wanted.since), ("stored <= ?", wanted.until), (f"seq {beyond} ?", wanted.beyond)]
    clauses += [(clause, (value,)) for clause, value in said if value is not None]
    select = f"SELECT {COLUMNS} FROM statement WHERE {' AND '.join(clause for clause, _ in clauses)}"  # noqa: S608
    values = [value for _, given in clauses for value in given]
    rows = cursor.execute(f"{select} ORDER BY seq {order} LIMIT ?", (*values, limit)).fetchall()
    return [row_of(*row) for row in rows]


def newest(cursor: Cursor, source: str) -> datetime | None:
    """When the latest was stored; everything stored up to then can be found."""
    row = cursor.execute(
        "SELECT stored FROM statement WHERE source = ? ORDER BY seq DESC LIMIT 1", (source,)
    ).fetchone()
    return from_micros(row[0]) if row else None


def row_of(
    seq: int,
    source: str,
    id_: bytes,
    stored: int,
    content: bytes,
    flags: int,
    records: bytes,
    learner: bytes | None,
    person: bytes,
    sealed: bytes,
) -> StatementRow:
    """A row of COLUMNS."""
    of = UUID(bytes=learner) if learner else None
    return StatementRow(seq, source, UUID(bytes=id_), from_micros(stored), content, flags, records, of, person, sealed)
