"""What the consumer's tests share: a store that may fail, a log, and small ways to drive them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from services.runtime.consumer import Consumer
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.log.port import LogRecord, Outgoing
from services.runtime.store.port import Position
from tests.conformance.logs import PRODUCER, TOPIC, append_surely

PARTITIONS = 3


class DiskFull(Exception):
    """What a store may say on a bad day."""


@dataclass
class Store:
    """Keeps the position with what was decided, as a service's transaction does; `fail` may spoil any commit."""

    positions: dict[int, Position] = field(default_factory=dict)
    handled: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    batches: list[int] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def position(self, partition: int) -> Position:
        return self.positions.get(partition, Position())

    def handle(self, partition: int, records: list[LogRecord], position: Position) -> None:
        self.before()
        self.handled[partition] += [record.seq for record in records]
        self.positions[partition] = position
        self.batches.append(len(records))
        self.after()

    def handled_count(self) -> int:
        return sum(map(len, self.handled.values()))


class Elapsed:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def make_log(faults: Faults | None = None, seed: int = 1) -> MemoryLog:
    return MemoryLog(PARTITIONS, seed=seed, faults=faults, wait=lambda _: None)


def make_consumer(log: MemoryLog, store: Store, **options) -> Consumer:
    return Consumer(log, TOPIC, PRODUCER, store.position, store.handle, range(PARTITIONS), **options)


def append(log: MemoryLog, *batches: list[Outgoing], producer: str = PRODUCER) -> None:
    writer = log.writer(TOPIC, producer)
    for batch in batches:
        append_surely(writer, batch)


def step_until(consumer: Consumer, done: Callable[[], bool], steps: int = 2_000) -> None:
    for _ in range(steps):
        if done():
            return
        consumer.step()
    raise AssertionError(f"not done after {steps} steps: {consumer.ready()}")


def in_order(store: Store, count: int) -> bool:
    return all(store.handled[partition] == list(range(1, count + 1)) for partition in range(PARTITIONS))
