"""From a service's outbox to the log: in order, at least once, by one owner at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.runtime.backoff import Backoff
from services.runtime.gathering import gather
from services.runtime.leases import Lease
from services.runtime.log.port import Log, LogWriter, Outgoing, TopicRefused
from services.runtime.metrics import Metric, counter
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import Fenced
from services.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

POLL_INTERVAL_S = 0.01
IDLE_INTERVAL_S = 0.1  # each look is a transaction: a hundred a second of each service were a tenth of a busy server
BATCH_BYTES_MAX = 8 * 1024 * 1024
ENDS_THE_PROCESS = (Fenced, TopicRefused)

_CLAIM = """
UPDATE outbox_head SET fence = fence + 1, owner = ? WHERE topic = ? AND part = ? RETURNING fence, published_seq
"""
_STORE = """
UPDATE outbox_head SET published_seq = ? WHERE topic = ? AND part = ? AND fence = ? AND published_seq = ?
"""
_HEADS = "SELECT topic, part, last_seq, fence, published_seq FROM outbox_head"
_NEXT = "SELECT seq, key, value FROM outbox WHERE topic = ? AND part = ? AND seq > ? ORDER BY seq LIMIT ?"


class _TakenOver(Exception):
    """Rolls a claim back."""


@dataclass
class _Place:
    """Our hold on one partition of one topic, and how far it is known to be on the log."""

    topic: str
    part: int
    fence: int
    published: int
    stored: int  # what the database knows of `published`; another number there is a request to republish

    def follow(self, published: int) -> None:
        """Somebody set the place back: everything after it goes out again."""
        if published != self.stored:
            log.info("republishing", topic=self.topic, partition=self.part, seq=published + 1)
            self.published = self.stored = published


class Relay:
    """A worker that appends a database's outbox to the log and then stores how far it came.

    A crash in between repeats records, which every consumer skips by their seq. That place is stored at most every
    `store_interval_s` while there is much to do, so that the relay hardly ever holds up the service's own writes.
    A place that `wayproof republish` sets back in the database meanwhile is noticed at the next look and never undone.
    With `leases`, it sends the partitions that these name, and one that another relay has claimed is let go.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        producer: str,
        owner: str,
        *,
        batch_size_max: int = 1000,
        store_interval_s: float = 0.2,
        elapsed_s: Callable[[], float] = time.monotonic,
        leases: Callable[[], Mapping[int, Lease]] | None = None,
    ) -> None:
        self.name = f"relay {producer}"
        self.trouble: str | None = None
        self._database, self._log, self._producer, self._owner = database, log, producer, owner
        self._batch_size_max, self._store_interval_s = batch_size_max, store_interval_s
        self._elapsed_s, self._stored_at = elapsed_s, elapsed_s()
        self._leases = leases
        self._places: dict[tuple[str, int], _Place] = {}
        self._writers: dict[str, LogWriter] = {}
        self._news = threading.Event()

    def wake(self) -> None:
        """Something was put; without this it is found at the next look, a tenth of a second later at most."""
        self._news.set()

    def put(self, count: int) -> None:
        """A transaction put so many: most put nothing, and to look costs as much as to send."""
        if count:
            self.wake()

    def ready(self) -> dict[str, str]:
        """Empty when all is well, else what is wrong by name."""
        return {self.name: self.trouble} if self.trouble else {}

    def pending(self) -> int:
        """Messages put and not yet known to be on the log."""
        with self._database.read() as cursor:
            cursor.execute("SELECT coalesce(sum(last_seq - published_seq), 0) FROM outbox_head")
            return int(cursor.fetchone()[0])

    def measures(self) -> list[Metric]:
        """What was ever put, by topic."""
        with self._database.read() as cursor:
            rows = cursor.execute("SELECT topic, sum(last_seq) FROM outbox_head GROUP BY topic").fetchall()
        said = "Public events put into the outbox, ever, by topic."
        return [counter("events", said, ["topic"], [([topic], count) for topic, count in rows])]

    def run(self, stop: threading.Event) -> None:
        backoff, pause_s = Backoff(), POLL_INTERVAL_S
        while not stop.is_set():
            self._news.clear()  # what is put from here on is looked for again
            sent = self._try_step()
            if self.trouble is not None:
                stop.wait(backoff.failed())
                continue
            backoff.succeeded()
            gather(sent, self._batch_size_max, stop)
            news = sent or self._news.wait(pause_s)
            pause_s = POLL_INTERVAL_S if news else min(2 * pause_s, IDLE_INTERVAL_S)
        self._store_published()

    def _try_step(self) -> int:
        try:
            sent = self.step()
        except ENDS_THE_PROCESS as fault:
            log.error("relay stops", producer=self._producer, reason=str(fault))
            raise
        except Exception as fault:
            self.trouble = describe(fault)
            log.fault("failed, will be tried again", fault, producer=self._producer)
            return 0
        self.trouble = None
        return sent

    def step(self) -> int:
        """Append what waits, a batch a topic; the number of messages appended."""
        mine = None if self._leases is None else self._leases()
        self._let_go(mine)
        waiting, unclaimed = self._look(mine)
        if unclaimed:
            self._claim(unclaimed, mine)
            waiting, _ = self._look(mine)
        for topic, records in waiting.items():
            self._append(topic, records)
        if not waiting or self._elapsed_s() - self._stored_at >= self._store_interval_s:
            self._store_published()
        return sum(map(len, waiting.values()))

    def _let_go(self, mine: Mapping[int, Lease] | None) -> None:
        if mine is not None and any(place.part not in mine for place in self._places.values()):
            self._store_published()
            self._places = {at: place for at, place in self._places.items() if place.part in mine}

    def _look(self, mine: Mapping[int, Lease] | None) -> tuple[dict[str, list[Outgoing]], list[tuple[str, int]]]:
        """The next messages of each topic, read together with the fences they go under, and the places not held yet."""
        waiting: dict[str, list[Outgoing]] = {}
        unclaimed = []
        with self._database.read() as cursor:
            heads = cursor.execute(_HEADS).fetchall()
            self._check(heads)
            for topic, part, last_seq, _, published_seq in heads:
                if mine is not None and part not in mine:
                    continue
                place = self._places.get((topic, part))
                if place is None:
                    unclaimed.append((topic, part))
                    continue
                place.follow(published_seq)
                if place.published < last_seq:
                    waiting.setdefault(topic, []).extend(self._next(cursor, place))
        return waiting, unclaimed

    def _claim(self, places: list[tuple[str, int]], mine: Mapping[int, Lease] | None) -> None:
        for topic, part in places:
            place = self._claimed(topic, part, None if mine is None else mine[part])
            if place is not None:
                self._places[topic, part] = place

    def _claimed(self, topic: str, part: int, lease: Lease | None) -> _Place | None:
        """None when the partition was taken over meanwhile: then no fence was raised."""
        with suppress(_TakenOver), self._database.write() as cursor:
            fence, published = cursor.execute(_CLAIM, (self._owner, topic, part)).fetchone()
            if lease is not None and not lease.stands(cursor):
                raise _TakenOver
            return _Place(topic, part, fence, published, published)
        return None

    def _check(self, heads: list[tuple[str, int, int, int, int]]) -> None:
        for topic, part, _, fence, _ in heads:
            place = self._places.get((topic, part))
            if place is None or place.fence == fence:
                continue
            if self._leases is None:
                raise Fenced(f"another relay has taken over {topic}[{part}]")
            log.warning("another relay has taken over", topic=topic, partition=part)
            del self._places[topic, part]

    def _next(self, cursor: Cursor, place: _Place) -> list[Outgoing]:
        found, size = [], 0
        rows = cursor.execute(_NEXT, (place.topic, place.part, place.published, self._batch_size_max))
        for seq, key, value in rows:
            found.append(Outgoing(place.part, seq, key, value))
            size += len(value)
            if size >= BATCH_BYTES_MAX:
                break
        return found

    def _append(self, topic: str, records: list[Outgoing]) -> None:
        if topic not in self._writers:
            self._writers[topic] = self._log.writer(topic, self._producer)
        self._writers[topic].append(records)
        reached = {record.partition: record.seq for record in records}
        for part, seq in reached.items():
            self._places[topic, part].published = seq

    def _store_published(self) -> None:
        self._stored_at = self._elapsed_s()
        behind = [place for place in self._places.values() if place.stored < place.published]
        if not behind:
            return
        with self._database.write() as cursor:
            self._check(cursor.execute(_HEADS).fetchall())
            stored = [place for place in behind if _store(cursor, place)]
        for place in stored:
            place.stored = place.published


def _store(cursor: Cursor, place: _Place) -> bool:
    """False when the place was set back since the last look: the next look follows it."""
    cursor.execute(_STORE, (place.published, place.topic, place.part, place.fence, place.stored))
    return cursor.rowcount == 1
