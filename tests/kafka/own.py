"""Topics on a broker of the test's own, and a consumer that keeps what it was given."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from services.runtime.consumer import Consumer
from services.runtime.log.kafka import Connection, KafkaLog
from services.runtime.log.kafka.topics import Shape
from services.runtime.log.port import LogUnavailable, Outgoing
from tests.conformance.logs import PARTITIONS, PRODUCER, TOPIC, outgoing
from tests.runtime.consuming import Store

DELIVERY_TIMEOUT_S = 6.0


@contextmanager
def opened(bootstrap: str, *, replicas: int = 1, connection: Connection | None = None) -> Iterator[KafkaLog]:
    """A log with the one topic; as small a patience as the settings allow."""
    reached = connection or Connection(tuple(bootstrap.split(",")))
    with closing(KafkaLog(reached, PARTITIONS, delivery_timeout_s=DELIVERY_TIMEOUT_S)) as log:
        log.topics.create(TOPIC, Shape(PARTITIONS, replicas=replicas, retention_days=7))
        yield log


def consumer(log: KafkaLog, store: Store, **options: float) -> Consumer:
    """A consumer of every partition."""
    return Consumer(log, TOPIC, PRODUCER, store.position, store.handle, range(PARTITIONS), **options)


def asked_ahead(consumer: Consumer) -> bool:
    """Whether the consumer's client still waits for an answer: what is sent meanwhile would be fetched unasked."""
    return consumer._reader._opened._client._fetcher.in_flight_fetches()


class Sender:
    """Appends without end, the same again when it is unsure: what a relay does."""

    def __init__(self, log: KafkaLog, each: int = 25) -> None:
        self._writer = log.writer(TOPIC, PRODUCER)
        self._each = each
        self.acknowledged = 0  # the seq up to which every partition is known to be on the log
        self.unsure = 0  # appends that failed

    def step(self) -> None:
        """One batch over all partitions, however long it takes to be sure of it."""
        batch = [record for p in range(PARTITIONS) for record in outgoing(p, self.acknowledged + 1, self._each, 600)]
        while not self._append(batch):
            self.unsure += 1
        self.acknowledged += self._each

    def _append(self, batch: list[Outgoing]) -> bool:
        try:
            self._writer.append(batch)
        except LogUnavailable:
            return False
        return True


def in_order(store: Store, count: int) -> bool:
    """Whether every partition's records were handled once each, in order, from the first."""
    return all(store.handled[partition] == list(range(1, count + 1)) for partition in range(PARTITIONS))
