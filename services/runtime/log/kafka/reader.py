"""Reading partitions of one topic from Kafka: assigned by hand, positions our own, a fair turn for each partition."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import LogTruncationError, OffsetOutOfRangeError

from services.runtime.log.kafka.bounds import install
from services.runtime.log.kafka.connection import RECORD_BYTES_MAX, Connection, unavailable
from services.runtime.log.kafka.headers import read
from services.runtime.log.kafka.silence import Silence
from services.runtime.log.port import LogRecord, OffsetOutOfRange
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

POLL_BYTES_MAX = 32 * 1024 * 1024
WAITING_BYTES_MAX = 4 * 1024 * 1024
FETCH_RECORDS_MAX = 2_000
FETCH_BYTES_MAX = RECORD_BYTES_MAX  # of one answer; a single larger batch is still given, or it would block for ever
FETCH_PARTITION_BYTES_MAX = 1 * 1024 * 1024
FETCH_WAIT_S = 0.1
CLOSE_S = 1.0


@dataclass
class Tally:
    """What went wrong on the way and was mended; read by `/metrics`."""

    rebuilt: int = 0


class Ranges(Protocol):
    """Where a topic's partitions begin and end now."""

    def begins(self, topic: str) -> dict[int, int]: ...

    def ends(self, topic: str) -> dict[int, int]: ...


def open_consumer(connection: Connection) -> Any:
    """A consumer in no group, that commits nothing and never moves a position by itself."""
    install()
    return connection.open(
        KafkaConsumer,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        check_crcs=True,
        max_poll_records=FETCH_RECORDS_MAX,
        fetch_max_bytes=FETCH_BYTES_MAX,
        max_partition_fetch_bytes=FETCH_PARTITION_BYTES_MAX,
        receive_message_max_bytes=FETCH_BYTES_MAX + 2 * RECORD_BYTES_MAX,
        fetch_max_wait_ms=int(FETCH_WAIT_S * 1000),
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


@dataclass
class _Lane:
    """One partition: where the next fetch goes on, and what was fetched and not given yet."""

    place: TopicPartition
    next_offset: int
    unsure: bool = True  # whether the position must be compared with the log before it is read from
    cut: bool = False  # whether the brokers say the log was cut below the position, wherever it ends by now
    fetched: deque[LogRecord] = field(default_factory=deque)

    @property
    def position(self) -> int:
        return self.fetched[0].offset if self.fetched else self.next_offset


class KafkaReader:
    """One consumer of the library; made anew when it falls silent."""

    def __init__(
        self,
        open_: Callable[[], Any],
        ranges: Ranges,
        topic: str,
        name: str,
        positions: Mapping[int, int],
        tally: Tally,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._ranges, self._topic, self._tally = open_, ranges, topic, tally
        self._lanes = {number: _Lane(TopicPartition(name, number), at) for number, at in positions.items()}
        self._silence = Silence(elapsed_s)
        self._turn = 0
        self._waiting_bytes = 0
        self._client: Any = None

    def position(self, partition: int) -> int:
        """The offset the next poll gives from."""
        return self._lanes[partition].position

    def seek(self, partition: int, offset: int) -> None:
        """Read from there; whether it is there is seen at the next poll."""
        lane = self._lanes[partition]
        self._waiting_bytes -= sum(len(record.value) for record in lane.fetched)
        lane.fetched.clear()
        lane.next_offset, lane.unsure, lane.cut = offset, True, False
        if self._client is not None:
            self._client.seek(lane.place, offset)

    def close(self) -> None:
        """Let go of the brokers; positions stay."""
        client, self._client = self._client, None
        if client is not None:
            client.close(autocommit=False, timeout_ms=int(CLOSE_S * 1000))

    def poll(self, timeout_s: float, records_max: int) -> list[LogRecord]:
        """What was fetched, a fair turn each; waits only when there is nothing."""
        with unavailable():
            self._assign()
            self._compare()
            self._fetch(0.0 if any(lane.fetched for lane in self._lanes.values()) else timeout_s)
            self._listen()
        return self._take(records_max)

    def _assign(self) -> None:
        if self._client is not None:
            return
        self._client = self._open()
        self._client.assign([lane.place for lane in self._lanes.values()])
        for lane in self._lanes.values():
            self._client.seek(lane.place, lane.next_offset)

    def _compare(self) -> None:
        """A new position is within what the log has, or out of range: the library would say so late, or never."""
        unsure = [lane for lane in self._lanes.values() if lane.unsure]
        if not unsure:
            return
        begins, ends = self._ranges.begins(self._topic), self._ranges.ends(self._topic)
        for lane in unsure:
            number = lane.place.partition
            if lane.cut or not begins[number] <= lane.next_offset <= ends[number]:
                raise OffsetOutOfRange(self._topic, number, lane.next_offset)
            lane.unsure = False

    def _fetch(self, timeout_s: float) -> None:
        """More, while some partition has nothing waiting and not too much waits.

        Nothing is paused meanwhile: what the library parks for a paused partition it may never give.
        """
        hungry = [lane for lane in self._lanes.values() if not lane.fetched]
        if not hungry or self._waiting_bytes >= WAITING_BYTES_MAX:
            return
        with self._positions_checked():
            found = self._client.poll(timeout_ms=int(timeout_s * 1000), max_records=FETCH_RECORDS_MAX)
            for place, records in found.items():
                self._keep(self._lanes[place.partition], records)
            for lane in self._lanes.values():
                lane.next_offset = self._client.position(lane.place, timeout_ms=0)

    def _keep(self, lane: _Lane, records: Sequence[Any]) -> None:
        lane.fetched.extend(read(lane.place.partition, r.offset, r.key, r.value, r.headers) for r in records)
        self._waiting_bytes += sum(len(record.value or b"") for record in records)

    @contextmanager
    def _positions_checked(self) -> Iterator[None]:
        try:
            yield
        except OffsetOutOfRangeError as fault:
            self._cut(fault.args[0])
        except LogTruncationError as fault:
            self._cut(fault.divergent_offsets)
        except BaseException:
            self.close()  # after any other failure the library goes round in circles
            raise

    def _cut(self, places: Iterable[TopicPartition]) -> None:
        """The library says it once, of several partitions; the port says it of one at a poll until all were moved."""
        lanes = [self._lanes[place.partition] for place in places]
        for lane in lanes:
            lane.unsure = lane.cut = True
        raise OffsetOutOfRange(self._topic, lanes[0].place.partition, lanes[0].next_offset)

    def _listen(self) -> None:
        """A partition that stands still while the log goes on means the client is deaf: make another."""
        standing = {number: lane.next_offset for number, lane in self._lanes.items() if not lane.fetched}
        silent = self._silence.observed(standing)
        if not silent:
            return
        ends = self._ranges.ends(self._topic)
        for number, position in silent.items():
            self._lanes[number].unsure = ends[number] < position
        if deaf := [number for number, position in silent.items() if position < ends[number]]:
            log.error("the log's client fell silent and is made anew", topic=self._topic, partition=deaf)
            self._tally.rebuilt += 1
            self.close()

    def _take(self, records_max: int) -> list[LogRecord]:
        """Each poll begins with the next partition, so that a busy one starves no other."""
        order = sorted(self._lanes)
        self._turn = (self._turn + 1) % max(1, len(order))
        found: list[LogRecord] = []
        bytes_left = POLL_BYTES_MAX
        for number in order[self._turn :] + order[: self._turn]:
            waiting = self._lanes[number].fetched
            while waiting and len(found) < records_max and bytes_left > 0:
                found.append(waiting.popleft())
                bytes_left -= len(found[-1].value)
        self._waiting_bytes -= POLL_BYTES_MAX - bytes_left
        return found
