"""The log port: what producers and consumers may expect of any log, written for Kafka's semantics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True, unsafe_hash=True)
class Outgoing:
    """What a relay appends; `seq` counts the producer's records in that partition from 1, without gaps."""

    partition: int
    seq: int
    key: str
    value: bytes


@dataclass(slots=True, unsafe_hash=True)
class LogRecord:
    """What a reader gets: offsets grow within a partition and may have gaps; `seq` tells repeats and losses."""

    partition: int
    offset: int
    producer: str
    seq: int
    key: str
    value: bytes


class OffsetOutOfRange(Exception):
    """The position is before the first record kept or past the end: the log was trimmed, restored or made anew."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(f"{topic}[{partition}] has no offset {offset}")
        self.topic, self.partition, self.offset = topic, partition, offset


class LogUnavailable(Exception):
    """The call failed and may or may not have taken effect: repeat it."""


class TopicRefused(Exception):
    """The topic cannot be opened so: it is held by another writer, or has another number of partitions."""


class LogWriter(Protocol):
    def append(self, records: Sequence[Outgoing]) -> None:
        """Durable on return, in the order given within a partition; after LogUnavailable append the same again."""


class LogReader(Protocol):
    def poll(self, timeout_s: float, records_max: int) -> list[LogRecord]:
        """At most `records_max` records, in order within a partition; an empty list once the timeout has passed.

        Raises OffsetOutOfRange when a partition's position cannot be read; `seek` it and go on.
        """

    def seek(self, partition: int, offset: int) -> None: ...

    def position(self, partition: int) -> int:
        """The offset the next poll reads from; equal to the partition's end when all of it was read."""

    def close(self) -> None: ...


class Log(Protocol):
    @property
    def partitions(self) -> int:
        """The number of partitions of every topic, fixed for the topic's life."""

    def writer(self, topic: str, producer: str) -> LogWriter: ...

    def reader(self, topic: str, positions: Mapping[int, int]) -> LogReader:
        """Reads the partitions named, each from its position, independently of every other reader."""

    def begins(self, topic: str) -> dict[int, int]:
        """The first offset still kept, per partition."""

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last one used, per partition."""

    def glance(self, topic: str) -> Mapping[int, int]:
        """As `ends`, for who merely looks: a log that is away is LogUnavailable within about a second."""

    def delete_before(self, topic: str, before: Mapping[int, int]) -> None:
        """Retention: forgets all records below an offset, per partition."""

    def close(self) -> None: ...
