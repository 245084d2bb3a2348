"""Receipts, messages, outcomes, records and streams: what came and what became of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from services.ingest.domain.records import RecordVersion
from services.runtime.clock import from_micros
from services.runtime.store.database import Cursor

CHUNK = 500

PUT_RECEIPT = "INSERT INTO receipt (seq, id, tenant, source, door, received_at, content) VALUES (?, ?, ?, ?, ?, ?, ?)"
PUT_SUBMISSION = "INSERT INTO submission (receipt, sealed) VALUES (?, ?)"
PUT_MESSAGE = "INSERT INTO message (tag, receipt, content) VALUES (?, ?, ?)"
PUT_OUTCOME = (
    "INSERT INTO outcome (receipt, item, line, outcome, evidence, reason, pointer, person)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
CHANGE_OUTCOME = "UPDATE outcome SET outcome = ?, evidence = ?, reason = ?, pointer = ? WHERE receipt = ? AND item = ?"
PUT_RECORD = """
INSERT INTO record (tag, arrival, content, learner, evidence, withdrawn) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (tag) DO UPDATE SET arrival = excluded.arrival, content = excluded.content, learner = excluded.learner,
    evidence = excluded.evidence, withdrawn = excluded.withdrawn
"""
PUT_QUARANTINE = """
INSERT INTO quarantine (id, tenant, source, receipt, item, line, reason, pointer, detail, quarantined_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, pointer = excluded.pointer, detail = excluded.detail
"""
PUT_STREAM = "INSERT INTO stream (id, tenant, source, next_line, opened_at) VALUES (?, ?, ?, 1, ?)"
MOVE_STREAM = "UPDATE stream SET next_line = ? WHERE id = ?"
PUT_STREAM_LINE = "INSERT INTO stream_line (stream, line, content) VALUES (?, ?, ?)"
ADD_TALLY = """
INSERT INTO tally (source, tenant, outcome, count) VALUES (?, ?, ?, ?)
ON CONFLICT (source, outcome) DO UPDATE SET count = tally.count + excluded.count
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message key seen before: its receipt, and a digest of what it said."""

    receipt: int
    content: bytes
    receipt_id: UUID


@dataclass(frozen=True, slots=True)
class Receipt:
    """The face of a submission: who sent what through which door, and when it was durable."""

    seq: int
    id: UUID
    tenant: str
    source: str
    door: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Stream:
    """A resumable stream of lines; `next_line` is the one wanted."""

    id: UUID
    tenant: str
    source: str
    next_line: int


def next_seq(cursor: Cursor) -> int:
    """The seq the next receipt gets."""
    (last,) = cursor.execute("SELECT coalesce(max(seq), 0) FROM receipt").fetchone()
    return int(last) + 1


def records_by_tag(cursor: Cursor, tags: Iterable[bytes]) -> dict[bytes, RecordVersion]:
    """The current version of each record that is known."""
    return {row[0]: record_from(row) for row in rows_by_tag(cursor, "SELECT * FROM record WHERE tag", tags)}


def record_from(row: tuple[Any, ...]) -> RecordVersion:
    """A row of `record`."""
    _, arrival, content, learner, evidence, withdrawn = row
    return RecordVersion(arrival, content, _uuid(learner), _uuid(evidence), bool(withdrawn))


def record_row(tag: bytes, version: RecordVersion) -> tuple[Any, ...]:
    """What PUT_RECORD takes."""
    learner, evidence = version.learner, version.evidence
    return (
        tag,
        version.arrival,
        version.content,
        learner.bytes if learner else None,
        evidence.bytes if evidence else None,
        int(version.withdrawn),
    )


def messages_by_tag(cursor: Cursor, tags: Iterable[bytes]) -> dict[bytes, Message]:
    """The messages seen before."""
    select = "SELECT m.tag, m.receipt, m.content, r.id FROM message m JOIN receipt r ON r.seq = m.receipt WHERE m.tag"
    found = rows_by_tag(cursor, select, tags)
    return {tag: Message(receipt, content, UUID(bytes=id_)) for tag, receipt, content, id_ in found}


def rows_by_tag(cursor: Cursor, select: str, tags: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
    """`<select> IN (…)`, some hundreds of tags at a time."""
    waiting = iter(tags)
    while chunk := list(islice(waiting, CHUNK)):
        yield from cursor.execute(f"{select} IN ({','.join('?' * len(chunk))})", chunk).fetchall()


def receipt_by(cursor: Cursor, column: str, value: object) -> Receipt | None:
    """By `id` (bytes) or `seq`."""
    assert column in {"id", "seq"}
    row = cursor.execute(
        f"SELECT seq, id, tenant, source, door, received_at FROM receipt WHERE {column} = ?",  # noqa: S608 - two names
        (value,),
    ).fetchone()
    return Receipt(row[0], UUID(bytes=row[1]), row[2], row[3], row[4], from_micros(row[5])) if row else None


def outcomes_of(cursor: Cursor, receipt: int, first: int, limit: int) -> list[tuple[Any, ...]]:
    """(item, line, outcome, evidence, reason, pointer, redriven), from an item on."""
    return cursor.execute(
        "SELECT item, line, outcome, evidence, reason, pointer, redriven FROM outcome WHERE receipt = ? AND item >= ? "
        "ORDER BY item LIMIT ?",
        (receipt, first, limit),
    ).fetchall()


def faults_of(cursor: Cursor, receipt: int, first: int, limit: int) -> list[tuple[Any, ...]]:
    """(item, line, outcome, reason, pointer) of what could not be counted, from an item on."""
    return cursor.execute(
        "SELECT item, line, outcome, reason, pointer FROM outcome WHERE receipt = ? AND item >= ? "
        "AND outcome IN ('quarantined', 'held', 'conflict') ORDER BY item LIMIT ?",
        (receipt, first, limit),
    ).fetchall()


def counts_of(cursor: Cursor, receipt: int) -> dict[str, int]:
    """How many items of a receipt came to which end."""
    return dict(
        cursor.execute(
            "SELECT outcome, count(*) FROM outcome WHERE receipt = ? GROUP BY outcome", (receipt,)
        ).fetchall()
    )


def tally_of(cursor: Cursor, source: str) -> dict[str, int]:
    """How many items of a source came to which end, ever."""
    return dict(cursor.execute("SELECT outcome, count FROM tally WHERE source = ?", (source,)).fetchall())


def stream_by_id(cursor: Cursor, stream: UUID) -> Stream | None:
    """The stream of this id."""
    row = cursor.execute("SELECT id, tenant, source, next_line FROM stream WHERE id = ?", (stream.bytes,)).fetchone()
    return Stream(stream, *row[1:]) if row else None


def line_contents(cursor: Cursor, stream: UUID, first: int, last: int) -> dict[int, bytes]:
    """The digests of the lines taken already."""
    return dict(
        cursor.execute(
            "SELECT line, content FROM stream_line WHERE stream = ? AND line BETWEEN ? AND ?",
            (stream.bytes, first, last),
        ).fetchall()
    )


def sealed_submission(cursor: Cursor, receipt: int) -> bytes | None:
    """What was sent, sealed under the submission's key."""
    row = cursor.execute("SELECT sealed FROM submission WHERE receipt = ?", (receipt,)).fetchone()
    return row[0] if row else None


def quarantined(cursor: Cursor, tenant: str, wanted: Sequence[tuple[str, object]], limit: int) -> list[Any]:
    """Rows of `quarantine`, newest receipts first, by `source` and `reason` when wanted."""
    where = "".join(f" AND {column} = ?" for column, _ in wanted)
    return cursor.execute(
        f"SELECT * FROM quarantine WHERE tenant = ?{where} ORDER BY receipt DESC, item LIMIT ?",  # noqa: S608 - our names
        (tenant, *(value for _, value in wanted), limit),
    ).fetchall()


def quarantined_by_id(cursor: Cursor, entry: UUID) -> tuple[Any, ...] | None:
    """One row of `quarantine`."""
    row: tuple[Any, ...] | None = cursor.execute("SELECT * FROM quarantine WHERE id = ?", (entry.bytes,)).fetchone()
    return row


def _uuid(raw: bytes | None) -> UUID | None:
    return UUID(bytes=raw) if raw is not None else None
