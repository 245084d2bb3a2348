"""A log in memory with seeded faults, for tests and the simulator: no threads, and no clock but the one it is given."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from services.runtime.log.port import LogRecord, LogUnavailable, OffsetOutOfRange, Outgoing

TICK_S = 0.005


@dataclass(frozen=True)
class Faults:
    """How often, from 0 to 1, the log does what a broker may do to a client on a bad day."""

    repeat: float = 0.0  # a poll delivers again some records delivered before
    delay: float = 0.0  # a poll gives nothing, or less, although there is more
    lost_reply: float = 0.0  # an append stores everything and then fails
    refused_append: float = 0.0  # an append fails and stores nothing
    gap_max: int = 1  # offsets skipped after every batch, at least one
    repeat_max: int = 20  # how far back a repeat reaches


@dataclass
class _Partition:
    records: list[LogRecord] = field(default_factory=list)
    begin: int = 0
    end: int = 0

    def from_offset(self, offset: int) -> int:
        return bisect_left(self.records, offset, key=lambda record: record.offset)

    def append(self, records: list[tuple[str, Outgoing]], gap: int) -> None:
        for producer, out in records:
            self.records.append(LogRecord(out.partition, self.end, producer, out.seq, out.key, out.value))
            self.end += 1
        self.end += gap

    def delete_before(self, offset: int) -> None:
        self.begin = min(max(self.begin, offset), self.end)
        del self.records[: self.from_offset(self.begin)]


class MemoryLog:
    """`wait` is how a poll with nothing to give passes its time; the simulator passes its own."""

    def __init__(
        self,
        partitions: int = 4,
        *,
        seed: int = 0,
        faults: Faults | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.partitions = partitions
        self.faults = faults or Faults()
        self.random = Random(seed)  # noqa: S311 - faults are to be repeatable, not secret
        self.wait = wait
        self._topics: dict[str, list[_Partition]] = {}

    def topic(self, topic: str) -> list[_Partition]:
        return self._topics.setdefault(topic, [_Partition() for _ in range(self.partitions)])

    def writer(self, topic: str, producer: str) -> MemoryWriter:
        return MemoryWriter(self, topic, producer)

    def reader(self, topic: str, positions: Mapping[int, int]) -> MemoryReader:
        return MemoryReader(self, topic, positions)

    def begins(self, topic: str) -> dict[int, int]:
        return {number: part.begin for number, part in enumerate(self.topic(topic))}

    def ends(self, topic: str) -> dict[int, int]:
        return {number: part.end for number, part in enumerate(self.topic(topic))}

    def glance(self, topic: str) -> dict[int, int]:
        """As `ends`, which nothing holds up here."""
        return self.ends(topic)

    def delete_before(self, topic: str, before: Mapping[int, int]) -> None:
        for number, offset in before.items():
            self.topic(topic)[number].delete_before(offset)

    def recreate(self, topic: str) -> None:
        """What an operator does who deletes a topic and makes it anew: its records are gone, offsets start at 0."""
        self._topics.pop(topic, None)

    def close(self) -> None:
        """Nothing to release: what was appended stays, as it does on a broker."""

    def happens(self, chance: float) -> bool:
        return chance > 0 and self.random.random() < chance


class MemoryWriter:
    def __init__(self, log: MemoryLog, topic: str, producer: str) -> None:
        self._log, self._topic, self._producer = log, topic, producer

    def append(self, records: Sequence[Outgoing]) -> None:
        log, faults = self._log, self._log.faults
        if log.happens(faults.refused_append):
            raise LogUnavailable("nothing was stored")
        by_partition: dict[int, list[tuple[str, Outgoing]]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append((self._producer, record))
        for number, batch in by_partition.items():
            log.topic(self._topic)[number].append(batch, log.random.randint(1, faults.gap_max))
        if log.happens(faults.lost_reply):
            raise LogUnavailable("everything was stored, the reply was lost")


class MemoryReader:
    def __init__(self, log: MemoryLog, topic: str, positions: Mapping[int, int]) -> None:
        self._log, self._topic = log, topic
        self._positions = dict(positions)

    def seek(self, partition: int, offset: int) -> None:
        self._positions[partition] = offset

    def position(self, partition: int) -> int:
        return self._positions[partition]

    def close(self) -> None:
        self._positions.clear()

    def poll(self, timeout_s: float, records_max: int) -> list[LogRecord]:
        waited = 0.0
        while not (found := self._take(records_max)) and waited < timeout_s:
            self._log.wait(min(TICK_S, timeout_s - waited))
            waited += TICK_S
        return found

    def _check_positions(self) -> None:
        for partition, position in self._positions.items():
            part = self._log.topic(self._topic)[partition]
            if not part.begin <= position <= part.end:
                raise OffsetOutOfRange(self._topic, partition, position)

    def _take(self, records_max: int) -> list[LogRecord]:
        self._check_positions()
        runs: list[list[LogRecord]] = []
        order = list(self._positions)
        self._log.random.shuffle(order)
        for partition in order:
            room = records_max - sum(map(len, runs))
            if room > 0 and not self._log.happens(self._log.faults.delay):
                runs.append(self._take_from(partition, room))
        return self._interleaved([run for run in runs if run])

    def _take_from(self, partition: int, room: int) -> list[LogRecord]:
        log, part = self._log, self._log.topic(self._topic)[partition]
        position = self._positions[partition]
        start = part.from_offset(position)
        if log.happens(log.faults.delay):
            room = log.random.randint(1, room)
        if log.happens(log.faults.repeat):
            start = max(0, start - log.random.randint(1, log.faults.repeat_max))
        found = part.records[start : start + room]
        reached = found[-1].offset + 1 if start + room < len(part.records) else part.end
        self._positions[partition] = max(position, reached)
        return found

    def _interleaved(self, runs: list[list[LogRecord]]) -> list[LogRecord]:
        """Partitions mixed at random; within a partition the order stays."""
        turns = [number for number, run in enumerate(runs) for _ in run]
        self._log.random.shuffle(turns)
        heads = [iter(run) for run in runs]
        return [next(heads[turn]) for turn in turns]
