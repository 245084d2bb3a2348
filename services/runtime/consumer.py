"""From the log to decisions: every record once and in order, its position stored with what was decided."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from services.runtime.backoff import Backoff
from services.runtime.gathering import gather
from services.runtime.holding import Holding
from services.runtime.lane import Lane, LogIncident
from services.runtime.log.port import Log, LogRecord
from services.runtime.metrics import Metric, Sizes, gauge
from services.runtime.store.port import Fenced, Position, VersionConflict
from services.runtime.telemetry import describe, get_logger
from services.runtime.topic_reader import TopicReader

__all__ = ["Consumer", "Handle", "LogIncident"]

log = get_logger(__name__)

Handle = Callable[[int, list[LogRecord], Position], None]
ENDS_THE_PROCESS = (Fenced, VersionConflict)  # another process writes this partition, or this one is wrong


class Consumer:
    """A worker over some partitions of one topic.

    `handle(partition, records, position)` decides on fresh records and stores `position` in the same transaction.
    When it fails, the stored position is read again (the commit may have happened) and the rest is tried, for ever.
    A seq beyond the next one is an incident: that partition stops, `incident` and `ready` say so, and it goes on by
    itself once the producer has republished.

    `partitions` are its own for good, or come and go as a `Holding` says. Then one that another process has claimed
    costs that partition and no more, and a stream that has moved (a guest's decision) is decided upon again.
    """

    def __init__(
        self,
        log: Log,
        topic: str,
        producer: str,
        positions: Callable[[int], Position],
        handle: Handle,
        partitions: Iterable[int] | Holding,
        batch_size_max: int = 500,
        idle: Callable[[int], None] | None = None,
        *,
        known_to_interval_s: float = 5.0,
        poll_timeout_s: float = 0.2,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"consumer {topic}"
        self.sizes = Sizes()
        self.trouble: str | None = None  # what failed in the last step
        self._fault: str | None = None  # what failed in this one
        self._log, self._topic, self._producer = log, topic, producer
        self._positions, self._handle, self._idle = positions, handle, idle
        self._reader = TopicReader(log, topic, positions, elapsed_s)
        self._batch_size_max, self._poll_timeout_s = batch_size_max, poll_timeout_s
        self._known_to_interval_s, self._elapsed_s = known_to_interval_s, elapsed_s
        self._holding = partitions if isinstance(partitions, Holding) else None
        fixed = () if isinstance(partitions, Holding) else partitions
        self._lanes = {partition: Lane(partition, elapsed_s()) for partition in fixed}
        self._done: dict[int, int] = {}  # the offset up to which everything was dealt with, per partition

    @property
    def shares(self) -> bool:
        """Whether other processes take part: then a partition that one of them has claimed is no reason to end."""
        return self._holding is not None

    @property
    def incident(self) -> LogIncident | None:
        return next((lane.incident for lane in list(self._lanes.values()) if lane.incident), None)

    def ready(self) -> dict[str, str]:
        """Empty when all is well, else what is wrong by name."""
        wrong = self.incident or self.trouble
        return {self.name: str(wrong)} if wrong else {}

    def pending(self) -> int:
        """Offsets between what has been dealt with and the end of the log, gaps counted.

        Where processes share the partitions, of all of them: one that nobody works yet would be in nobody's sum.
        LogUnavailable while the log does not say where it ends.
        """
        lanes = set(self._lanes)
        counted = range(self._log.partitions) if self.shares else lanes
        done = {part: self._dealt_with(part, part in lanes) for part in counted}  # before the end moves on
        ends = self._log.glance(self._topic)
        return sum(_behind(ends[part], done[part]) for part in counted)

    def _dealt_with(self, partition: int, ours: bool) -> int:
        return self._done.get(partition, 0) if ours else self._positions(partition).next_offset

    def measures(self) -> list[Metric]:
        """Which partitions stand still for want of a record; their topic's producer must republish."""
        found = [lane.incident for lane in list(self._lanes.values()) if lane.incident]
        said = "The seq missing from a partition of the log, while it is missing: republish from it."
        return [
            gauge(
                "log_gap", said, ["topic", "partition"], [([x.topic, str(x.partition)], x.expected_seq) for x in found]
            )
        ]

    def run(self, stop: threading.Event) -> None:
        backoff = Backoff()
        try:
            while not stop.is_set():
                handled = self.step(self._poll_timeout_s)
                if self.trouble is None:
                    backoff.succeeded()
                    self.gather(handled, stop)
                else:
                    stop.wait(backoff.failed())
        finally:
            self.close()

    def gather(self, handled: int, stop: threading.Event) -> None:
        """After a batch that was not full let some more records come."""
        gather(handled, self._batch_size_max, stop)

    def close(self) -> None:
        self._reader.close()

    def step(self, timeout_s: float = 0.0) -> int:
        """One poll and all it brings; the number of records handled. What failed is in `trouble`, to be tried again."""
        self._fault = None
        handled = 0
        self._follow()
        polled = self._poll(timeout_s)
        for lane in list(self._lanes.values()):
            if lane.known and lane.looking_back:
                with self._trying(lane):
                    self._reader.recognise(lane, polled.get(lane.partition, []))
        for partition, records in polled.items():
            if partition in self._lanes:
                with self._trying(self._lanes[partition]):
                    handled += self._take(self._lanes[partition], records)
        self._note_done()
        for lane in list(self._lanes.values()):
            with self._trying(lane):
                self._rest(lane)
        self.trouble = self._fault
        return handled

    def _note_done(self) -> None:
        """How far everything was dealt with, before anybody looks back."""
        looking_back = any(lane.looking_back for lane in self._lanes.values())
        if self._fault is None and not looking_back and (done := self._reader.read_up_to(self._lanes)) is not None:
            self._done = done

    @contextmanager
    def _trying(self, *lanes: Lane) -> Iterator[None]:
        try:
            yield
        except Exception as fault:
            if isinstance(fault, ENDS_THE_PROCESS) and not self.shares:
                raise
            if isinstance(fault, Fenced):
                self.lost(lane.partition for lane in lanes)
                return
            self._fault = describe(fault)
            log.fault("failed, will be tried again", fault, topic=self._topic, partition=[x.partition for x in lanes])
            for lane in lanes:
                lane.known = False

    def lost(self, partitions: Iterable[int]) -> None:
        """Another process works these now."""
        assert self._holding is not None
        for partition in partitions:
            self._lanes.pop(partition, None)
            self._holding.lost(partition)

    def _follow(self) -> None:
        """Take up and let go of partitions as the leases say."""
        if self._holding is None:
            return
        with self._trying():
            held = self._holding.follow()
            kept = {partition: lane for partition, lane in self._lanes.items() if partition in held}
            self._lanes = kept | {part: Lane(part, self._elapsed_s()) for part in held.keys() - kept.keys()}

    def _poll(self, timeout_s: float) -> dict[int, list[LogRecord]]:
        if not self._lanes:
            time.sleep(timeout_s)
            return {}
        with self._trying(*self._lanes.values()):
            return self._reader.poll(self._lanes, timeout_s, self._batch_size_max * len(self._lanes))
        return {}

    def _take(self, lane: Lane, records: Sequence[LogRecord]) -> int:
        fresh, beyond = lane.sift(self._ours(lane, records))
        for start in range(0, len(fresh), self._batch_size_max):
            batch = fresh[start : start + self._batch_size_max]
            position = Position(batch[-1].offset + 1, batch[-1].seq)
            self._handle(lane.partition, batch, position)
            self.sizes.observe(len(batch))
            lane.position, lane.active_at = position, self._elapsed_s()
        if beyond:
            self._search(lane, beyond)
        elif fresh:
            lane.incident = None
        return len(fresh)

    def _ours(self, lane: Lane, records: Sequence[LogRecord]) -> list[LogRecord]:
        """A second producer would number its records by itself: none of them may be taken for ours."""
        ours = [record for record in records if record.producer == self._producer]
        if strangers := len(records) - len(ours):
            log.error(
                "another producer's records left out", topic=self._topic, partition=lane.partition, count=strangers
            )
        return ours

    def _search(self, lane: Lane, got_seq: int) -> None:
        """A gap may only mean that offsets moved (a topic made anew): look from the beginning before crying wolf."""
        expected = lane.position.last_seq + 1
        if lane.searched_for != expected:
            lane.searched_for = expected
            self._reader.rewind(lane)
        elif lane.incident is None or lane.incident.expected_seq != expected:
            lane.incident = LogIncident(self._topic, lane.partition, expected, got_seq)
            log.error(
                "records are missing from the log",
                topic=self._topic,
                partition=lane.partition,
                expected_seq=expected,
                seq=got_seq,
            )

    def _rest(self, lane: Lane) -> None:
        if self._elapsed_s() - lane.active_at < self._known_to_interval_s:
            return
        if self._idle:
            self._idle(lane.partition)
        if lane.known and not lane.incident:
            self._reader.look_back(lane)
        lane.active_at = self._elapsed_s()


def _behind(end: int, done: int) -> int:
    """A position beyond the end is one of another log: nothing of this one has been read."""
    return end - done if done <= end else end
