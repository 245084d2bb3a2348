"""The log adapters under test, and how a careful client uses one: it appends again when unsure and drops repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from services.runtime.log.embedded import EmbeddedLog
from services.runtime.log.kafka import Connection, KafkaLog
from services.runtime.log.kafka.topics import Shape
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.log.port import Log, LogReader, LogRecord, LogUnavailable, LogWriter, Outgoing
from tests.servers import broker as servers

TOPIC = "ingest.learner"
PRODUCER = "ingest"
PARTITIONS = 4
EVERY_FAULT = Faults(repeat=0.2, delay=0.2, lost_reply=0.1, refused_append=0.1, gap_max=5)


@dataclass
class Broker:
    """One log that outlives its clients; `connect` is what a process does when it starts."""

    connect: Callable[[], Log]
    exclusive: bool = False  # whether a topic has one writing process only
    gaps: bool = True  # whether it makes gaps by itself, as Kafka does where there are transactions


def embedded(folder: Path) -> Broker:
    return Broker(lambda: EmbeddedLog(folder, PARTITIONS), exclusive=True)


def memory(_: Path) -> Broker:
    log = MemoryLog(PARTITIONS, seed=7)
    return Broker(lambda: log)


def faulty_memory(_: Path) -> Broker:
    log = MemoryLog(PARTITIONS, seed=11, faults=EVERY_FAULT)
    return Broker(lambda: log)


@contextmanager
def on_kafka(server: servers.Broker, *topics: str) -> Iterator[Broker]:
    """Topics of a test's own on a broker shared by all."""
    prefix = f"t{uuid4().hex[:12]}."

    def connect() -> KafkaLog:
        return KafkaLog(Connection((server.bootstrap,)), PARTITIONS, prefix=prefix)

    with closing(connect()) as log:
        for topic in topics:
            log.topics.create(topic, Shape(PARTITIONS, replicas=1, retention_days=7))
        yield Broker(connect, gaps=False)
        for topic in topics:
            log.topics.delete(topic)


ADAPTERS = {"embedded": embedded, "memory": memory, "faulty memory": faulty_memory}


def outgoing(partition: int, first: int, count: int, size: int = 20) -> list[Outgoing]:
    return [
        Outgoing(partition, seq, f"north/{partition}", f"{partition}/{seq}".encode().ljust(size, b"."))
        for seq in range(first, first + count)
    ]


def append_surely(writer: LogWriter, records: Sequence[Outgoing]) -> None:
    for _ in range(100):
        try:
            return writer.append(records)
        except LogUnavailable:
            continue
    raise AssertionError("the log refused 100 times")


def read_until(reader: LogReader, count: int, *, records_max: int = 50) -> list[LogRecord]:
    """The first `count` records with repeats dropped, or fewer when nothing more comes."""
    fresh: list[LogRecord] = []
    seen: set[tuple[int, int]] = set()
    quiet = 0
    while len(fresh) < count and quiet < 40:
        before = len(fresh)
        for record in reader.poll(0.01, records_max):
            if (record.partition, record.seq) not in seen:
                seen.add((record.partition, record.seq))
                fresh.append(record)
        quiet = 0 if len(fresh) > before else quiet + 1
    return fresh


def read_all(log: Log, positions: Mapping[int, int], count: int) -> list[LogRecord]:
    reader = log.reader(TOPIC, positions)
    try:
        return read_until(reader, count)
    finally:
        reader.close()


def of_partition(records: Sequence[LogRecord], partition: int) -> list[LogRecord]:
    return [record for record in records if record.partition == partition]


def sent(records: Sequence[LogRecord | Outgoing]) -> list[tuple[int, int, str, bytes]]:
    """What must come out as it went in."""
    return [(record.partition, record.seq, record.key, record.value) for record in records]


FROM_THE_BEGINNING = dict.fromkeys(range(PARTITIONS), 0)
