"""The service's one writing thread: takes from the log, and tends every partition in between."""

import threading
from collections.abc import Callable, Mapping

from services.mastery.use_cases.assess import PartitionWriter
from services.runtime.backoff import Backoff
from services.runtime.consumer import ENDS_THE_PROCESS, Consumer
from services.runtime.store.port import Fenced
from services.runtime.telemetry import describe, get_logger

log = get_logger(__name__)


class Assessing:
    """A worker: consumer and sweeps share a thread, so that a partition has one writer."""

    name = "assessing"

    def __init__(
        self,
        consumer: Consumer,
        writers: Mapping[int, PartitionWriter],
        last_seq: Callable[[], int],
        poll_timeout_s: float,
    ) -> None:
        """`last_seq` is the latest control_seq: asked once for all partitions."""
        self._consumer, self._writers, self._last_seq = consumer, writers, last_seq
        self._poll_timeout_s = poll_timeout_s
        self.sizes, self.measures = consumer.sizes, consumer.measures
        self.trouble: str | None = None
        self._fault: str | None = None

    def run(self, stop: threading.Event) -> None:
        backoff = Backoff()
        try:
            while not stop.is_set():
                done = self.step()
                if self.trouble is None and self._consumer.trouble is None:
                    backoff.succeeded()
                    self._consumer.gather(done, stop)
                else:
                    stop.wait(backoff.failed())
        finally:
            self._consumer.close()

    def step(self, timeout_s: float | None = None) -> int:
        """What the log has, then a part of what else there is to do in each partition; how much was done."""
        done = self._consumer.step(self._poll_timeout_s if timeout_s is None else timeout_s)
        return done + self._tend()

    def ready(self) -> dict[str, str]:
        """Empty when all is well, else what is wrong by name."""
        return self._consumer.ready() | ({self.name: self.trouble} if self.trouble else {})

    def pending(self) -> int:
        """What of the log, and how many activations' sweeps, are still to be dealt with."""
        return self._consumer.pending() + sum(writer.pending() for writer in list(self._writers.values()))

    def _tend(self) -> int:
        self._fault = None
        try:
            last_seq = self._last_seq()
        except Exception as fault:
            swept = self._failed(fault)
        else:
            swept = sum(self._try_tend(part, writer, last_seq) for part, writer in list(self._writers.items()))
        self.trouble = self._fault
        return swept

    def _try_tend(self, partition: int, writer: PartitionWriter, last_seq: int) -> int:
        try:
            return writer.tend(last_seq)
        except ENDS_THE_PROCESS as fault:
            if not self._consumer.shares:
                raise
            if isinstance(fault, Fenced):
                self._consumer.lost([partition])
                return 0
            return self._failed(fault)
        except Exception as fault:
            return self._failed(fault)

    def _failed(self, fault: Exception) -> int:
        self._fault = describe(fault)
        log.fault("a sweep failed, will be tried again", fault)
        return 0
