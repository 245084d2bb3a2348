"""Reading the partitions of a topic from where the store says, and noticing when the log is another than it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from services.runtime.lane import Lane
from services.runtime.log.port import Log, LogReader, LogRecord, OffsetOutOfRange
from services.runtime.store.port import Position
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class TopicReader:
    """One reader for all lanes of a consumer; opened anew when they are others."""

    def __init__(
        self, log: Log, topic: str, positions: Callable[[int], Position], elapsed_s: Callable[[], float]
    ) -> None:
        self._log, self._topic, self._positions, self._elapsed_s = log, topic, positions, elapsed_s
        self._opened: LogReader | None = None
        self._reads: set[int] = set()  # what it was opened for

    def close(self) -> None:
        """Let go of the log; the next poll opens it again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def poll(self, lanes: Mapping[int, Lane], timeout_s: float, records_max: int) -> dict[int, list[LogRecord]]:
        """What comes next on each partition; nothing where one has to be read from its beginning first."""
        reader = self._standing(lanes)
        by_partition: dict[int, list[LogRecord]] = defaultdict(list)
        try:
            for record in reader.poll(timeout_s, records_max):
                by_partition[record.partition].append(record)
        except OffsetOutOfRange as gone:
            log.warning(
                "position out of range, reading from the beginning", topic=self._topic, partition=gone.partition
            )
            self.rewind(lanes[gone.partition])
        return by_partition

    def read_up_to(self, lanes: Mapping[int, Lane]) -> dict[int, int] | None:
        """The offset each lane is read up to; None while it is opened for others, or not at all."""
        if self._opened is None or self._reads != lanes.keys():
            return None
        return {partition: self._opened.position(partition) for partition in lanes}

    def look_back(self, lane: Lane) -> None:
        """Read the last record taken once more: a topic made anew may by now have grown past our position.

        What was trimmed since cannot be read again; then our position is where the log begins, or beyond.
        """
        last = lane.position.next_offset - 1
        lane.looking_back = last >= self._log.begins(self._topic)[lane.partition]
        self._reader.seek(lane.partition, last if lane.looking_back else lane.position.next_offset)

    def recognise(self, lane: Lane, records: Sequence[LogRecord]) -> None:
        """Nothing new and the last record not seen again: this is another log, so read it from its beginning."""
        if any(record.seq >= lane.position.last_seq for record in records):
            lane.looking_back = False  # seen again, or beyond it: then what is missing is searched for
        elif self._reader.position(lane.partition) >= self._log.ends(self._topic)[lane.partition]:
            lane.looking_back = False
            self.rewind(lane)

    def rewind(self, lane: Lane) -> None:
        """Read the partition from where the log begins."""
        lane.active_at = self._elapsed_s()  # no looking back before this was read
        self._reader.seek(lane.partition, self._log.begins(self._topic)[lane.partition])

    def _standing(self, lanes: Mapping[int, Lane]) -> LogReader:
        """The reader, standing where the store says for every partition that starts or has failed."""
        if self._opened is not None and self._reads != lanes.keys():
            self.close()
            for lane in lanes.values():
                lane.known = False
        if self._opened is None:
            self._opened = self._log.reader(self._topic, dict.fromkeys(lanes, 0))
            self._reads = set(lanes)
        for lane in lanes.values():
            if not lane.known:
                lane.position = self._positions(lane.partition)
                lane.known, lane.searched_for = True, None
                self.look_back(lane)
        return self._opened

    @property
    def _reader(self) -> LogReader:
        assert self._opened is not None, "a lane is known once it has been polled"
        return self._opened
