"""The embedded log: one SQLite file a topic, written by one process, read by any number of others."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.runtime.log.port import LogRecord, OffsetOutOfRange, Outgoing
from services.runtime.log.topic_file import (
    OFFSET_BITS,
    OFFSET_MASK,
    TopicFile,
    connect_to_read,
    read_ranges,
)

TICK_S = 0.01
FILE_CHECK_INTERVAL_S = 1.0
POLL_BYTES_MAX = 32 * 1024 * 1024


class EmbeddedLog:
    """Topics under one folder. Writers belong to the process that opened them first; a second process is refused."""

    def __init__(self, folder: Path, partitions: int = 4) -> None:
        self.folder, self.partitions = folder, partitions
        self._files: dict[str, TopicFile] = {}
        self._opening = threading.Lock()

    def writer(self, topic: str, producer: str) -> EmbeddedWriter:
        return EmbeddedWriter(self._file(topic), producer)

    def reader(self, topic: str, positions: Mapping[int, int]) -> EmbeddedReader:
        return EmbeddedReader(self, topic, positions)

    def begins(self, topic: str) -> dict[int, int]:
        return {partition: begin for partition, (begin, _) in self._ranges(topic).items()}

    def ends(self, topic: str) -> dict[int, int]:
        return {partition: end for partition, (_, end) in self._ranges(topic).items()}

    def glance(self, topic: str) -> dict[int, int]:
        """As `ends`, which nothing holds up here."""
        return self.ends(topic)

    def delete_before(self, topic: str, before: Mapping[int, int]) -> None:
        self._file(topic).delete_before(before)

    def path(self, topic: str) -> Path:
        return self.folder / f"{topic}.db"

    def close(self) -> None:
        with self._opening:
            while self._files:
                self._files.popitem()[1].close()

    def _file(self, topic: str) -> TopicFile:
        with self._opening:
            if topic not in self._files:
                self._files[topic] = TopicFile(self.path(topic), self.partitions)
            return self._files[topic]

    def _ranges(self, topic: str) -> dict[int, tuple[int, int]]:
        connection = connect_to_read(self.path(topic), self.partitions)
        if connection is None:
            return dict.fromkeys(range(self.partitions), (0, 0))
        try:
            return read_ranges(connection)
        finally:
            connection.close()


class EmbeddedWriter:
    def __init__(self, file: TopicFile, producer: str) -> None:
        self._file, self._producer = file, producer

    def append(self, records: Sequence[Outgoing]) -> None:
        self._file.append(self._producer, records)


class EmbeddedReader:
    """Looks for news every few milliseconds; opened before the topic exists, it waits for it."""

    def __init__(self, log: EmbeddedLog, topic: str, positions: Mapping[int, int]) -> None:
        self._log, self._topic = log, topic
        self._positions = dict(positions)
        self._turn = 0
        self._path = log.path(topic)
        self._connection = connect_to_read(self._path, log.partitions)
        self._file_id = self._identity()
        self._checked_at = time.monotonic()

    def seek(self, partition: int, offset: int) -> None:
        self._positions[partition] = offset

    def position(self, partition: int) -> int:
        return self._positions[partition]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def poll(self, timeout_s: float, records_max: int) -> list[LogRecord]:
        deadline = time.monotonic() + timeout_s
        while not (found := self._take(records_max)):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(TICK_S, left))
        return found

    def _take(self, records_max: int) -> list[LogRecord]:
        self._follow_file()
        if self._connection is None:
            return []
        self._connection.execute("BEGIN")  # the ends and the records below them are of one moment
        try:
            return self._take_between(read_ranges(self._connection), records_max)
        finally:
            self._connection.execute("COMMIT")

    def _take_between(self, ranges: dict[int, tuple[int, int]], records_max: int) -> list[LogRecord]:
        for partition, position in self._positions.items():
            if not ranges[partition][0] <= position <= ranges[partition][1]:
                raise OffsetOutOfRange(self._topic, partition, position)
        found: list[LogRecord] = []
        bytes_left = POLL_BYTES_MAX
        for partition in self._in_turn():
            end = ranges[partition][1]
            if self._positions[partition] < end and len(found) < records_max and bytes_left > 0:
                taken = self._take_from(partition, end, records_max - len(found), bytes_left)
                bytes_left -= sum(len(record.value) for record in taken)
                found += taken
        return found

    def _in_turn(self) -> list[int]:
        """Each poll begins with the next partition, so that a busy one starves no other."""
        order = sorted(self._positions)
        self._turn = (self._turn + 1) % max(1, len(order))
        return order[self._turn :] + order[: self._turn]

    def _take_from(self, partition: int, end: int, room: int, bytes_left: int) -> list[LogRecord]:
        assert self._connection is not None
        base = partition << OFFSET_BITS
        rows = self._connection.execute(
            "SELECT id, producer, seq, key, value FROM record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (base | self._positions[partition], base | end, room),
        )
        found = []
        self._positions[partition] = end  # past the gap a batch leaves behind it, unless more is waiting
        for place, producer, seq, key, value in rows:
            found.append(LogRecord(partition, place & OFFSET_MASK, producer, seq, key, value))
            bytes_left -= len(value)
            if bytes_left <= 0 or len(found) == room:
                self._positions[partition] = found[-1].offset + 1
                break
        rows.close()
        return found

    def _follow_file(self) -> None:
        """A topic made, or made anew, since the last look: open the file that has the name now."""
        now = time.monotonic()
        if self._connection is not None and now - self._checked_at < FILE_CHECK_INTERVAL_S:
            return
        self._checked_at = now
        identity = self._identity()
        if self._connection is None or identity != self._file_id:
            self.close()
            self._connection = connect_to_read(self._path, self._log.partitions)
            self._file_id = identity

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino
