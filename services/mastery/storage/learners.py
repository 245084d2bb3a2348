"""Learners as this partition knows them: whose they are, what they have adopted, and their streams opened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.mastery.domain.known import FOR_EVER
from services.mastery.domain.learner_record import Command, Event
from services.mastery.storage.received import Opening, Received
from services.runtime.clock import from_micros, to_micros
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import RecordedEvent, Row, Verbatim

_SELECT = "SELECT stream, tenant, part, adopted_seq, erased_by, erased_at FROM learner"
_UNSWEPT = "WHERE part = ? AND adopted_seq < ? AND erased_by IS NULL ORDER BY adopted_seq, stream LIMIT ?"
ROWS_AT_ONCE_MAX = 500

React = Callable[[Received, datetime], list[Command]]


@dataclass(frozen=True, slots=True)
class LearnerRow:
    """A learner's tenant and partition, the last control_seq it has adopted, and by which event it was erased, when."""

    learner: UUID
    tenant: str
    partition: int
    adopted_seq: int
    erased_by: UUID | None = None
    erased_at: datetime | None = None


@dataclass(slots=True)
class Entry:
    """One event of a learner's stream with its place in history."""

    version: int
    seq: int
    recorded_at: datetime
    event: Event


class Learners:
    """Reads learners; what their writer writes goes into its batch as rows."""

    def __init__(self, database: Database, opening: Opening, react: React) -> None:
        self._database, self._opening, self._react = database, opening, react

    def row(self, learner: UUID) -> LearnerRow | None:
        """The learner, or None when nobody by this id is known here."""
        with self._database.read() as cursor:
            cursor.execute(f"{_SELECT} WHERE stream = ?", (learner.bytes,))
            row = cursor.fetchone()
        return _row(row) if row else None

    def rows(self, learners: Sequence[UUID]) -> dict[UUID, LearnerRow]:
        """Those of them that are known here."""
        found: list[LearnerRow] = []
        for start in range(0, len(learners), ROWS_AT_ONCE_MAX):
            some = [learner.bytes for learner in learners[start : start + ROWS_AT_ONCE_MAX]]
            with self._database.read() as cursor:
                cursor.execute(f"{_SELECT} WHERE stream IN ({','.join('?' * len(some))})", some)
                found += map(_row, cursor.fetchall())
        return {row.learner: row for row in found}

    def unswept(self, partition: int, applied_seq: int, limit: int) -> list[LearnerRow]:
        """Learners of a partition that have not adopted all that is applied there."""
        select = f"{_SELECT} {_UNSWEPT}"
        with self._database.read() as cursor:
            return [_row(row) for row in cursor.execute(select, (partition, applied_seq, limit))]

    def events(self, recorded: Sequence[RecordedEvent], shown_by: datetime = FOR_EVER) -> list[Event]:
        """The events of one stream as the domain knows them: those kept as they came amount to one fact each.

        Without the evidence that was shown later than `shown_by` and replaces none.
        """
        if not recorded:
            return []
        bodies = (r.event.body for r in recorded if isinstance(r.event, Verbatim))
        opened = self._opening.opened(bodies, recorded[0].tenant, recorded[0].stream, shown_by)
        react, events = self._react, list[Event]()
        for r in recorded:
            if not isinstance(r.event, Verbatim):
                events.append(r.event)  # type: ignore[arg-type]
            elif (received := next(opened)) is not None:
                events.append(react(received, r.recorded_at)[0].fact)  # type: ignore[union-attr]
        return events


def entries(recorded: Sequence[RecordedEvent], events: Sequence[Event]) -> list[Entry]:
    """The events of one stream with their places."""
    return [Entry(r.version, r.seq, r.recorded_at, e) for r, e in zip(recorded, events, strict=True)]


def learner_row(row: LearnerRow) -> Row:
    """Stores where a learner stands, in the transaction that took it there."""
    upsert = (
        "INSERT INTO learner (stream, tenant, part, adopted_seq) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (stream) DO UPDATE SET adopted_seq = excluded.adopted_seq"
    )

    def write(cursor: Cursor) -> None:
        cursor.execute(upsert, (row.learner.bytes, row.tenant, row.partition, row.adopted_seq))

    return write


def erased_row(row: LearnerRow, event: UUID, at: datetime) -> Row:
    """Stores that a learner was erased, also one that nobody had told of."""
    upsert = (
        "INSERT INTO learner (stream, tenant, part, adopted_seq, erased_by, erased_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (stream) DO UPDATE SET erased_by = excluded.erased_by, erased_at = excluded.erased_at"
    )

    def write(cursor: Cursor) -> None:
        values = (row.learner.bytes, row.tenant, row.partition, row.adopted_seq, event.bytes, to_micros(at))
        cursor.execute(upsert, values)

    return write


def _row(row: tuple[bytes, str, int, int, bytes | None, int | None]) -> LearnerRow:
    stream, tenant, part, adopted_seq, by, at = row
    erased_by = UUID(bytes=by) if by is not None else None
    return LearnerRow(
        UUID(bytes=stream), tenant, part, adopted_seq, erased_by, from_micros(at) if at is not None else None
    )
