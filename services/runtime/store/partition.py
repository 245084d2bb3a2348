"""One partition of an event store: reads verify; one fenced transaction writes all that a batch decided."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from services.runtime.clock import from_micros, to_micros
from services.runtime.store import many_streams, outbox
from services.runtime.store.chain import GENESIS
from services.runtime.store.codec import Codec
from services.runtime.store.database import Cursor, Database
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.many_streams import COLUMNS, VERSION
from services.runtime.store.mapper import EventRow, KeyFor, Placed, SealedEvent, SealingMapper
from services.runtime.store.port import (
    Append,
    Batch,
    Fenced,
    Position,
    RecordedEvent,
    Tampered,
    Timer,
    Unopened,
    VersionConflict,
)
from services.runtime.store.recorder import Commit, Head, PartitionRecorder, heads_of

SEQ, PREV, HASH = (EventRow._fields.index(name) for name in ("seq", "prev", "hash"))
_STREAM = f"SELECT {COLUMNS} FROM event WHERE stream = ? AND part = ? ORDER BY ver"  # noqa: S608
_JOURNAL = f"SELECT {COLUMNS}, stream FROM event WHERE part = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
_WRITTEN = "SELECT coalesce(max(seq), 0) FROM partition_state WHERE part = ?"
_END = "SELECT coalesce(max(seq), 0), coalesce(max(known_to), 0) FROM partition_state WHERE part = ?"
_CLAIM = """
INSERT INTO partition_state (part, fence, owner) VALUES (?, 1, ?)
ON CONFLICT (part) DO UPDATE SET fence = partition_state.fence + 1, owner = excluded.owner RETURNING fence
"""
_MOVE = """
INSERT INTO position (topic, part, next_offset, last_seq) VALUES (?, ?, ?, ?)
ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset, last_seq = excluded.last_seq
"""
_SET_TIMER = """
INSERT INTO timer (part, stream, name, due, tenant, body) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (part, stream, name) DO UPDATE SET due = excluded.due, body = excluded.body
"""


class StoredPartition:
    """The PartitionStore port, by way of the library's recorder and mapper.

    `log_partitions` is how many partitions the topics published to have; `on_publish` is told of each commit how many
    messages it put. Nothing is cached: what another
    process has written is seen, and what it may no longer write is refused.
    """

    def __init__(
        self,
        database: Database,
        partition: int,
        codec: Codec,
        key_for: KeyFor,
        *,
        log_partitions: int,
        on_publish: Callable[[int], None] = lambda put: None,
    ) -> None:
        self.partition = partition
        self.recorder = PartitionRecorder(PartitionDatastore(database, partition))
        self._database = database
        self._mapper = SealingMapper(codec, key_for)
        self._log_partitions, self._on_publish = log_partitions, on_publish
        self._fence: int | None = None
        self._committing = threading.Lock()

    def claim(self, owner: str, stands: Callable[[Cursor], bool] | None = None) -> None:
        with self._database.write() as cursor:
            (fence,) = cursor.execute(_CLAIM, (self.partition, owner)).fetchone()  # may wait; the lease must not
            if stands is not None and not stands(cursor):
                raise Fenced(f"partition {self.partition} was taken over before it was claimed")
        self._fence = fence

    def release(self) -> None:
        self._fence = None

    def position(self, topic: str) -> Position:
        row = self._one("SELECT next_offset, last_seq FROM position WHERE topic = ? AND part = ?", topic)
        return Position(*row) if row else Position()

    def known_to(self) -> datetime:
        row = self._one("SELECT known_to FROM partition_state WHERE part = ?")
        return from_micros(row[0] if row else 0)

    def next_seq(self) -> int:
        row = self._one(_WRITTEN)
        assert row is not None
        return row[0] + 1

    def end(self) -> tuple[int, datetime]:
        row = self._one(_END)
        assert row is not None
        return row[0] + 1, from_micros(row[1])

    def version(self, stream: UUID) -> int:
        row = self._one("SELECT ver FROM head WHERE stream = ? AND part = ?", stream.bytes)
        return row[0] if row else 0

    def stream(self, stream: UUID, recorded_by: datetime | None = None) -> list[RecordedEvent]:
        with self._database.read() as cursor:
            rows = cursor.execute(_STREAM, (stream.bytes, self.partition)).fetchall()
            head = heads_of(cursor, [stream.bytes]).get(stream.bytes)
        return self._opened(stream, rows, head, None if recorded_by is None else to_micros(recorded_by))

    def streams(self, streams: Iterable[UUID]) -> Iterator[Unopened]:
        for stream, rows, head in many_streams.read(self._database, self.partition, (s.bytes for s in streams)):
            yield Unopened(UUID(bytes=stream), partial(self._opened, UUID(bytes=stream), rows, head))

    def _opened(
        self, stream: UUID, rows: Sequence[EventRow], head: Head | None, recorded_by: int | None = None
    ) -> list[RecordedEvent]:
        _verify_order(rows, head if head and head.part == self.partition else None)
        return self._mapper.opened(rows, stream, self.partition, recorded_by)

    def events(self, after_seq: int, limit: int) -> list[RecordedEvent]:
        with self._database.read() as cursor:
            rows = cursor.execute(_JOURNAL, (self.partition, after_seq, limit)).fetchall()
            written = cursor.execute(_WRITTEN, (self.partition,)).fetchone()[0]
        last = max(after_seq, min(after_seq + limit, written))
        if [row[SEQ] for row in rows] != list(range(after_seq + 1, last + 1)):
            raise Tampered(f"events after {self.partition}/{after_seq} are missing")
        return [
            self._mapper.opened_or_erased(EventRow(*row), UUID(bytes=stream), self.partition) for *row, stream in rows
        ]

    def timers(self, due_at: datetime, limit: int) -> list[Timer]:
        with self._database.read() as cursor:
            cursor.execute(
                "SELECT due, tenant, stream, name, body FROM timer WHERE part = ? AND due <= ? "
                "ORDER BY due, stream, name LIMIT ?",
                (self.partition, to_micros(due_at), limit),
            )
            return [
                Timer(from_micros(due), tenant, UUID(bytes=stream), name, body)
                for due, tenant, stream, name, body in cursor
            ]

    def commit(self, batch: Batch) -> None:
        if self._fence is None:
            raise Fenced(f"partition {self.partition} was never claimed here")
        with self._committing:  # threads of this process take turns; other processes meet the fence
            self._commit(batch, self._fence)

    def _commit(self, batch: Batch, fence: int | None) -> None:
        """The events are placed within the transaction that has taken their numbers: nobody comes in between."""

        def place(cursor: Cursor, first: int) -> Sequence[SealedEvent]:
            return self._placed(cursor, batch.appends, batch.expected, first - 1)

        commit = Commit(fence, lambda cursor: self._write(cursor, batch), len(batch.appends), place)
        self.recorder.insert_events([], commit=commit)
        self._on_publish(len(batch.publish))

    def _placed(
        self, cursor: Cursor, appends: Sequence[Append], expected: dict[UUID, int], seq: int
    ) -> list[SealedEvent]:
        """Seal and link each event at the end of its stream, after this seq of the journal."""
        streams = [append.stream.bytes for append in appends]
        heads = heads_of(cursor, streams + [stream.bytes for stream in expected])
        _expect(expected, heads)
        stored: list[SealedEvent] = []
        for append, stream in zip(appends, streams, strict=True):
            seq += 1
            head = heads.get(stream)
            version, prev = (head.version + 1, head.hash) if head else (1, GENESIS)
            event = self._mapper.to_stored_event(Placed(append, stream, version, self.partition, seq, prev))
            heads[stream] = Head(append.tenant, self.partition, version, event.hash)
            stored.append(event)
        return stored

    def _write(self, cursor: Cursor, batch: Batch) -> None:
        """Everything beside the events, within their transaction."""
        for row in batch.rows:
            row(cursor)
        moved = [(topic, self.partition, p.next_offset, p.last_seq) for topic, p in batch.positions.items()]
        cursor.executemany(_MOVE, moved)
        self._set(cursor, batch.timers)
        outbox.put(cursor, self._log_partitions, batch.publish)
        if batch.known_to is not None:
            cursor.execute(
                "UPDATE partition_state SET known_to = :at WHERE part = :part AND known_to < :at",
                {"at": to_micros(batch.known_to), "part": self.partition},
            )

    def _set(self, cursor: Cursor, timers: Sequence[Timer]) -> None:
        """Of several of one name the last is the one that holds."""
        named = {(timer.stream.bytes, timer.name): timer for timer in timers}
        over = [(self.partition, *place) for place, timer in named.items() if timer.due is None]
        due = [
            (self.partition, *place, to_micros(timer.due), timer.tenant, timer.body)
            for place, timer in named.items()
            if timer.due is not None
        ]
        cursor.executemany("DELETE FROM timer WHERE part = ? AND stream = ? AND name = ?", over)
        cursor.executemany(_SET_TIMER, due)

    def _one(self, select: str, *values: object) -> tuple[int, ...] | None:
        with self._database.read() as cursor:
            row: tuple[int, ...] | None = cursor.execute(select, (*values, self.partition)).fetchone()
            return row


def _expect(expected: dict[UUID, int], heads: dict[bytes, Head]) -> None:
    for stream, version in expected.items():
        found = heads[stream.bytes].version if stream.bytes in heads else 0
        if found != version:
            raise VersionConflict(f"decided at version {version} of a stream that is at {found}")


def _verify_order(rows: Sequence[tuple[object, ...]], head: Head | None) -> None:
    """Versions run from 1, each link holds on to the one before, and the last is the stream's head."""
    prev: object = GENESIS
    for version, row in enumerate(rows, start=1):
        if row[VERSION] != version or row[PREV] != prev:
            raise Tampered(f"version {version} of a stream is not the one that was written")
        prev = row[HASH]
    if (len(rows), prev) != ((head.version, head.hash) if head else (0, GENESIS)):
        raise Tampered(f"a stream does not end at its head, version {head.version if head else 0}")
