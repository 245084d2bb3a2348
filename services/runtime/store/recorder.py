"""The library's recorders on one partition: gap-free notification ids, a fence, rows that commit with the events."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, StoredEvent, Tracking
from eventsourcing.sqlite import (
    SQLiteAggregateRecorder,
    SQLiteApplicationRecorder,
    SQLiteCursor,
    SQLiteProcessRecorder,
    SQLiteTrackingRecorder,
)

from services.runtime.clock import to_micros
from services.runtime.store.chain import GENESIS, link
from services.runtime.store.database import Cursor
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.mapper import SealedEvent
from services.runtime.store.port import Fenced

_TAKE = """
INSERT INTO partition_state (part, seq) VALUES (:part, :n)
ON CONFLICT (part) DO UPDATE SET seq = partition_state.seq + excluded.seq RETURNING seq
"""
_TAKE_FENCED = "UPDATE partition_state SET seq = seq + :n WHERE part = :part AND fence = :fence RETURNING seq"
_INSERT = """
INSERT INTO event (tenant, stream, ver, part, seq, topic, recorded_at, prev, hash, body, key_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_HEADS = "SELECT stream, tenant, part, ver, hash FROM head WHERE stream IN"
_MOVE_HEAD = "UPDATE head SET ver = ?, hash = ? WHERE stream = ? AND tenant = ? AND part = ? AND ver = ? AND hash = ?"
_TRACK = """
INSERT INTO position (topic, part, next_offset, last_seq) VALUES (:topic, :part, :id, :id)
ON CONFLICT (topic, part) DO UPDATE SET next_offset = :id, last_seq = :id WHERE position.last_seq < :id
RETURNING last_seq
"""
_LAST = 2**63 - 1
_VALUES_MAX = 500


class Head(NamedTuple):
    """Where a stream ends."""

    tenant: str
    part: int
    version: int
    hash: bytes


@dataclass(frozen=True)
class Commit:
    """What one transaction holds beside the events: the fence it stands on and the rows it takes along.

    A guest stands on no fence: its `count` events are placed once the partition is held, by `place`.
    """

    fence: int | None
    write: Callable[[Cursor], None]
    count: int = 0
    place: Callable[[Cursor, int], Sequence[SealedEvent]] | None = None


class _OnPartition:
    """What every recorder here has: a datastore of one partition, whose schema the database's migrations make."""

    datastore: PartitionDatastore

    def construct_create_table_statements(self) -> list[str]:
        return []

    def create_table(self) -> None:
        """Nothing to do: the migrations ran when the database was opened."""


class PartitionAggregateRecorder(_OnPartition, SQLiteAggregateRecorder):
    """Streams, each event linked to the one before it."""

    datastore: PartitionDatastore

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        self._append(c, stored_events, kwargs.get("commit"))
        return None

    def _append(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], commit: Commit | None) -> Sequence[int]:
        cursor = cast(Cursor, c.sqlite_cursor)  # one of ours: the library names its own kind
        count = len(stored_events) + (commit.count if commit else 0)
        first = self._take(cursor, count, commit)
        if commit is not None and commit.place is not None:
            stored_events = commit.place(cursor, first)
        events = self._linked(cursor, stored_events, first)
        cursor.executemany(_INSERT, [_row(event) for event in events])
        self._move_heads(cursor, self._moves(events, first))
        if commit is not None:
            commit.write(cursor)
        return range(first, first + count)

    def _take(self, cursor: Cursor, count: int, commit: Commit | None) -> int:
        """The first of `count` numbers, taken under the lock this transaction holds to its end."""
        fence = commit.fence if commit else None
        values = {"part": self.datastore.partition, "n": count}
        cursor.execute(*(_TAKE, values) if fence is None else (_TAKE_FENCED, values | {"fence": fence}))
        taken = cursor.fetchone()
        if taken is None:
            raise Fenced(f"partition {self.datastore.partition} has another writer")
        return int(taken[0]) - count + 1

    def _linked(self, cursor: Cursor, stored: Sequence[StoredEvent], first: int) -> list[SealedEvent]:
        """The events with their links; plain library events bring none, so they get one here."""
        plain = [stream_of(e).bytes for e in stored if not isinstance(e, SealedEvent)]
        heads = heads_of(cursor, plain)
        events = []
        for seq, e in enumerate(stored, start=first):
            event = e if isinstance(e, SealedEvent) else self._link(e, seq, heads.get(stream_of(e).bytes))
            if plain:
                heads[stream_of(e).bytes] = Head(event.tenant, event.part, event.originator_version, event.hash)
            events.append(event)
        return events

    def _link(self, e: StoredEvent, seq: int, head: Head | None) -> SealedEvent:
        store, stream, version = self.datastore, stream_of(e), e.originator_version
        prev, at = head.hash if head else GENESIS, to_micros(store.now())
        hash_ = link(prev, store.tenant, stream.bytes, version, store.partition, seq, e.topic, at, None, e.state)
        place = (store.tenant, store.partition, seq, at, prev, hash_, None)
        return SealedEvent(stream, stream.bytes, version, e.topic, e.state, *place)

    def _moves(self, events: Sequence[SealedEvent], first: int) -> dict[bytes, tuple[SealedEvent, SealedEvent]]:
        """The first and last new event of each stream; a gap in the stream or the journal is refused."""
        moves: dict[bytes, tuple[SealedEvent, SealedEvent]] = {}
        for seq, event in enumerate(events, start=first):
            stream = event.stream
            begin, last = moves.get(stream, (event, None))
            fits = last is None or (last.originator_version + 1, last.hash) == (event.originator_version, event.prev)
            if not fits or event.seq != seq or event.part != self.datastore.partition:
                raise IntegrityError(f"version {event.originator_version} is not the next of its stream")
            moves[stream] = (begin, event)
        return moves

    def _move_heads(self, cursor: Cursor, moves: dict[bytes, tuple[SealedEvent, SealedEvent]]) -> None:
        """Each head moves from exactly where its first new event is linked to; else a zombie or a bug is writing."""
        new, old = [], []
        for stream, (first, last) in moves.items():
            if first.prev == GENESIS and first.originator_version in (0, 1):
                new.append((stream, last.tenant, last.part, last.originator_version, last.hash))
            else:
                place = (stream, first.tenant, first.part, first.originator_version - 1, first.prev)
                old.append((last.originator_version, last.hash, *place))
        cursor.executemany("INSERT INTO head (stream, tenant, part, ver, hash) VALUES (?, ?, ?, ?, ?)", new)
        if old:
            cursor.executemany(_MOVE_HEAD, old)
            if cursor.rowcount != len(old):
                raise IntegrityError("a stream has moved since its events were decided")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        assert isinstance(originator_id, UUID)
        order = "DESC" if desc else "ASC"
        statement = (
            "SELECT ver, topic, body FROM event WHERE stream = ? AND part = ? AND ver > ? AND ver <= ? "  # noqa: S608
            f"ORDER BY ver {order} LIMIT ?"  # one of two words of ours
        )
        bounds = (-1 if gt is None else gt, _LAST if lte is None else lte, _LAST if limit is None else limit)
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, (originator_id.bytes, self.datastore.partition, *bounds))
            return [StoredEvent(originator_id, *row) for row in c.fetchall()]


class PartitionApplicationRecorder(PartitionAggregateRecorder, SQLiteApplicationRecorder):
    """The partition's journal: a notification id is the event's seq."""

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        return list(self._append(c, stored_events, kwargs.get("commit")))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = 0 if start is None else start if inclusive_of_start else start + 1
        among = f"AND topic IN ({','.join('?' * len(topics))}) " if topics else ""
        statement = (
            "SELECT stream, ver, topic, body, seq FROM event WHERE part = ? AND seq BETWEEN ? AND ? "  # noqa: S608
            f"{among}ORDER BY seq LIMIT ?"  # only question marks of ours
        )
        values = (self.datastore.partition, first, _LAST if stop is None else stop, *topics, limit)
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, values)
            return [Notification(UUID(bytes=row[0]), *row[1:]) for row in c.fetchall()]

    def _max_notification_id(self, c: SQLiteCursor) -> int:
        c.execute("SELECT nullif(seq, 0) FROM partition_state WHERE part = ?", (self.datastore.partition,))
        row = c.fetchone()
        return row and row[0]  # type: ignore[no-any-return]


class PositionRecorder(_OnPartition, SQLiteTrackingRecorder):
    """The library's tracking is our position: how far one partition of a topic has been consumed."""

    datastore: PartitionDatastore

    def _insert_tracking(self, c: SQLiteCursor, tracking: Tracking) -> None:
        place = {"topic": tracking.application_name, "part": self.datastore.partition, "id": tracking.notification_id}
        c.execute(_TRACK, place)
        if c.fetchone() is None:
            raise IntegrityError(f"{tracking.application_name} has been consumed further than that")

    def _max_tracking_id(self, application_name: str, c: SQLiteCursor) -> int | None:
        values = (application_name, self.datastore.partition)
        c.execute("SELECT last_seq FROM position WHERE topic = ? AND part = ?", values)
        row = c.fetchone()
        return row and int(row[0])


class PartitionRecorder(PositionRecorder, PartitionApplicationRecorder, SQLiteProcessRecorder):
    """Events, position and a service's own rows in one transaction."""

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        inserted = super()._insert_events(c, stored_events, **kwargs)
        if (tracking := kwargs.get("tracking")) is not None:
            self._insert_tracking(c, tracking)
        return inserted


def stream_of(event: StoredEvent) -> UUID:
    """Which stream an event belongs to; streams are UUIDs here."""
    assert isinstance(event.originator_id, UUID)
    return event.originator_id


def heads_of(cursor: Cursor, streams: Iterable[bytes]) -> dict[bytes, Head]:
    """The heads of the streams that have one."""
    wanted = list(dict.fromkeys(streams))
    heads: dict[bytes, Head] = {}
    for start in range(0, len(wanted), _VALUES_MAX):
        some = wanted[start : start + _VALUES_MAX]
        rows = cursor.execute(f"{_HEADS} ({','.join('?' * len(some))})", some)
        heads |= {row[0]: Head(*row[1:]) for row in rows}
    return heads


def _row(e: SealedEvent) -> tuple[Any, ...]:
    return (
        e.tenant, e.stream, e.originator_version, e.part, e.seq, e.topic, e.recorded_at,
        e.prev, e.hash, e.state, e.key_id,
    )  # fmt: skip
