"""The library's recorders on one partition: gap-free notification ids, a fence, rows that commit with the events."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
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
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.mapper import SealedEvent
from services.runtime.store.port import Fenced

_TAKE = "INSERT INTO partition_state (part, seq) VALUES (:part, :n) ON CONFLICT (part) DO UPDATE SET seq = seq + :n "
_TAKE_FENCED = "UPDATE partition_state SET seq = seq + :n WHERE part = :part AND fence = :fence "
_INSERT = """
INSERT INTO event (tenant, stream, ver, part, seq, topic, recorded_at, prev, hash, body, key_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_HEAD = "SELECT tenant, part, ver, hash FROM head WHERE stream = ?"
_MOVE_HEAD = """
INSERT INTO head (stream, tenant, part, ver, hash) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET ver = excluded.ver, hash = excluded.hash
"""
_TRACK = """
INSERT INTO position (topic, part, next_offset, last_seq) VALUES (:topic, :part, :id, :id)
ON CONFLICT (topic, part) DO UPDATE SET next_offset = :id, last_seq = :id WHERE last_seq < :id RETURNING last_seq
"""


class Head(NamedTuple):
    """Where a stream ends."""

    tenant: str
    part: int
    version: int
    hash: bytes


@dataclass(frozen=True)
class Commit:
    """What one transaction holds beside the events: the fence it stands on and the rows it takes along."""

    fence: int
    write: Callable[[sqlite3.Cursor], None]


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
        cursor, count = c.sqlite_cursor, len(stored_events)
        first = self._take(cursor, count, commit)
        heads = dict(heads_of(cursor, (e.originator_id for e in stored_events)))
        rows = [self._row(e, seq, heads) for seq, e in enumerate(stored_events, start=first)]
        cursor.executemany(_INSERT, rows)
        cursor.executemany(_MOVE_HEAD, [(s.bytes, h.tenant, h.part, h.version, h.hash) for s, h in heads.items()])
        if commit is not None:
            commit.write(cursor)
        return range(first, first + count)

    def _take(self, cursor: sqlite3.Cursor, count: int, commit: Commit | None) -> int:
        """The first of `count` numbers, taken under the lock this transaction holds to its end."""
        values = {"part": self.datastore.partition, "n": count, "fence": commit and commit.fence}
        cursor.execute((_TAKE_FENCED if commit else _TAKE) + "RETURNING seq", values)
        taken = cursor.fetchone()
        if taken is None:
            raise Fenced(f"partition {self.datastore.partition} has another writer")
        return int(taken[0]) - count + 1

    def _row(self, stored: StoredEvent, seq: int, heads: dict[UUID, Head]) -> tuple[Any, ...]:
        stream = stored.originator_id
        assert isinstance(stream, UUID)
        e = stored if isinstance(stored, SealedEvent) else self._linked(stored, seq, heads.get(stream))
        self._check(e, seq, heads.get(stream))
        heads[stream] = Head(e.tenant, e.part, e.originator_version, e.hash)
        return (
            e.tenant, stream.bytes, e.originator_version, e.part, seq, e.topic, e.recorded_at,
            e.prev, e.hash, e.state, e.key_id,
        )  # fmt: skip

    def _linked(self, stored: StoredEvent, seq: int, head: Head | None) -> SealedEvent:
        """A plain library event, which brings no link of its own."""
        store, stream, version = self.datastore, stored.originator_id, stored.originator_version
        assert isinstance(stream, UUID)
        prev, at = head.hash if head else GENESIS, to_micros(store.now())
        hash_ = link(
            prev, store.tenant, stream.bytes, version, store.partition, seq, stored.topic, at, None, stored.state
        )
        return SealedEvent(
            stream, version, stored.topic, stored.state, store.tenant, store.partition, seq, at, prev, hash_, None
        )

    def _check(self, e: SealedEvent, seq: int, head: Head | None) -> None:
        """Another place than the next one, of the stream or of the journal, means a zombie or a bug."""
        if head is None:
            fits = e.originator_version in (0, 1) and e.prev == GENESIS
        else:
            fits = head == (e.tenant, e.part, e.originator_version - 1, e.prev)
        if not fits or e.seq != seq or e.part != self.datastore.partition:
            raise IntegrityError(f"version {e.originator_version} is not the next of its stream")

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
        bounds = (-1 if gt is None else gt, _LAST if lte is None else lte, -1 if limit is None else limit)
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, (originator_id.bytes, self.datastore.partition, *bounds))
            return [StoredEvent(originator_id, *row) for row in c.fetchall()]


_LAST = 2**63 - 1


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


def heads_of(cursor: sqlite3.Cursor, streams: Iterable[UUID | str]) -> Iterable[tuple[UUID, Head]]:
    """The heads of the streams that have one."""
    for stream in dict.fromkeys(streams):
        assert isinstance(stream, UUID), "streams are UUIDs here"
        row = cursor.execute(_HEAD, (stream.bytes,)).fetchone()
        if row is not None:
            yield stream, Head(*row)
