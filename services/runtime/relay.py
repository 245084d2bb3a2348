"""From a service's outbox to the log: in order, at least once, by one owner at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.runtime.backoff import Backoff
from services.runtime.log.port import Log, LogWriter, Outgoing, TopicRefused
from services.runtime.metrics import Metric, counter
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import Fenced
from services.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

POLL_INTERVAL_S = 0.01
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


@dataclass
class _Lease:
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
    ) -> None:
        self.name = f"relay {producer}"
        self.trouble: str | None = None
        self._database, self._log, self._producer, self._owner = database, log, producer, owner
        self._batch_size_max, self._store_interval_s = batch_size_max, store_interval_s
        self._elapsed_s, self._stored_at = elapsed_s, elapsed_s()
        self._leases: dict[tuple[str, int], _Lease] = {}
        self._writers: dict[str, LogWriter] = {}
        self._news = threading.Event()

    def wake(self) -> None:
        """Something was put; without this it is found at the next look, some milliseconds later."""
        self._news.set()

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
        backoff = Backoff()
        while not stop.is_set():
            sent = self._try_step()
            if self.trouble is not None:
                stop.wait(backoff.failed())
                continue
            backoff.succeeded()
            if not sent:
                self._news.wait(POLL_INTERVAL_S)
                self._news.clear()
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
        waiting, unclaimed = self._look()
        if unclaimed:
            self._claim(unclaimed)
            waiting, _ = self._look()
        for topic, records in waiting.items():
            self._append(topic, records)
        if not waiting or self._elapsed_s() - self._stored_at >= self._store_interval_s:
            self._store_published()
        return sum(map(len, waiting.values()))

    def _look(self) -> tuple[dict[str, list[Outgoing]], list[tuple[str, int]]]:
        """The next messages of each topic, read together with the fences they go under, and the places not held yet."""
        waiting: dict[str, list[Outgoing]] = {}
        unclaimed = []
        with self._database.read() as cursor:
            heads = cursor.execute(_HEADS).fetchall()
            self._check(heads)
            for topic, part, last_seq, _, published_seq in heads:
                lease = self._leases.get((topic, part))
                if lease is None:
                    unclaimed.append((topic, part))
                    continue
                lease.follow(published_seq)
                if lease.published < last_seq:
                    waiting.setdefault(topic, []).extend(self._next(cursor, lease))
        return waiting, unclaimed

    def _claim(self, places: list[tuple[str, int]]) -> None:
        claimed = []
        with self._database.write() as cursor:
            for topic, part in places:
                fence, published = cursor.execute(_CLAIM, (self._owner, topic, part)).fetchone()
                claimed.append(_Lease(topic, part, fence, published, published))
        self._leases |= {(lease.topic, lease.part): lease for lease in claimed}

    def _check(self, heads: list[tuple[str, int, int, int, int]]) -> None:
        for topic, part, _, fence, _ in heads:
            lease = self._leases.get((topic, part))
            if lease is not None and lease.fence != fence:
                raise Fenced(f"another relay has taken over {topic}[{part}]")

    def _next(self, cursor: Cursor, lease: _Lease) -> list[Outgoing]:
        found, size = [], 0
        rows = cursor.execute(_NEXT, (lease.topic, lease.part, lease.published, self._batch_size_max))
        for seq, key, value in rows:
            found.append(Outgoing(lease.part, seq, key, value))
            size += len(value)
            if size >= BATCH_BYTES_MAX:
                break
        return found

    def _append(self, topic: str, records: list[Outgoing]) -> None:
        if topic not in self._writers:
            self._writers[topic] = self._log.writer(topic, self._producer)
        self._writers[topic].append(records)
        for record in records:
            self._leases[topic, record.partition].published = record.seq

    def _store_published(self) -> None:
        self._stored_at = self._elapsed_s()
        behind = [lease for lease in self._leases.values() if lease.stored < lease.published]
        if not behind:
            return
        with self._database.write() as cursor:
            self._check(cursor.execute(_HEADS).fetchall())
            stored = [lease for lease in behind if _store(cursor, lease)]
        for lease in stored:
            lease.stored = lease.published


def _store(cursor: Cursor, lease: _Lease) -> bool:
    """False when the place was set back since the last look: the next look follows it."""
    cursor.execute(_STORE, (lease.published, lease.topic, lease.part, lease.fence, lease.stored))
    return cursor.rowcount == 1
