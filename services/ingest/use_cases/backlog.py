"""How much was taken that is not on the log yet; beyond a limit nothing more is taken until the log has caught up."""

import threading
import time

from services.ingest.use_cases.group_commit import LogBehind
from services.runtime.metrics import Metric, gauge
from services.runtime.store.database import Database
from services.runtime.telemetry import describe, get_logger

log = get_logger(__name__)

LOOK_S = 0.25
SHARE_OF_TIME = 20  # a look that takes long is followed by a pause that many times as long

_BEHIND = "SELECT topic, part, published_seq FROM outbox_head WHERE last_seq > published_seq"
_BYTES = "SELECT coalesce(sum(length(value)), 0) FROM outbox WHERE topic = ? AND part = ? AND seq > ?"


class Backlog:
    """A worker: measures the part of the outbox that no relay has sent, whichever processes put it there.

    What a 202 was given for lies in the database and waits for the broker there, not in memory. The limit is held but
    for what is taken between two looks.
    """

    name = "backlog"

    def __init__(self, database: Database, bytes_max: int) -> None:
        self._database, self._bytes_max = database, bytes_max
        self.bytes = 0
        self.trouble: str | None = None

    def check(self) -> None:
        """Raises LogBehind while too much waits."""
        if self.bytes > self._bytes_max:
            raise LogBehind

    def ready(self) -> dict[str, str]:
        """Empty while more may be taken, else what is wrong by name."""
        if self.bytes > self._bytes_max:
            return {self.name: f"{self.bytes} bytes wait for the log, and nothing more is taken"}
        return {self.name: self.trouble} if self.trouble else {}

    def measures(self) -> list[Metric]:
        """How much waits, as of the last look."""
        said = "Bytes taken and not yet on the log; nothing more is taken beyond the limit."
        return [gauge("backlog_bytes", said, (), [((), self.bytes)])]

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; a look that fails leaves the last figure standing."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.look()
                self.trouble = None
            except Exception as fault:
                self.trouble = describe(fault)
                log.fault("not measured", fault)
            stop.wait(max(LOOK_S, SHARE_OF_TIME * (time.monotonic() - began)))

    def look(self) -> None:
        """Measure now."""
        with self._database.read() as cursor:
            behind = cursor.execute(_BEHIND).fetchall()
            self.bytes = sum(int(cursor.execute(_BYTES, place).fetchone()[0]) for place in behind)
