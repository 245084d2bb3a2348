"""The log on Kafka: what producers and consumers of this process share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from services.runtime.log.glance import Glance
from services.runtime.log.kafka.bounds import BoundedBatch
from services.runtime.log.kafka.connection import Connection
from services.runtime.log.kafka.reader import KafkaReader, Tally, open_consumer
from services.runtime.log.kafka.topics import Topics
from services.runtime.log.kafka.writer import KafkaWriter
from services.runtime.metrics import Metric, counter, gauge

DELIVERY_TIMEOUT_S = 10.0


class KafkaLog:
    """Topics that `wayproof topics` made; any number of processes read and write them."""

    def __init__(
        self,
        connection: Connection,
        partitions: int = 4,
        *,
        prefix: str = "",
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        self.partitions = partitions
        self.topics = Topics(connection, prefix)
        self._connection, self._delivery_timeout_s = connection, delivery_timeout_s
        self._writers: list[KafkaWriter] = []
        self._tally = Tally()
        self._glance = Glance(self.ends)

    def writer(self, topic: str, producer: str) -> KafkaWriter:
        """Nothing is opened before there is something to append."""
        writer = KafkaWriter(self._connection, self.topics, topic, producer, self.partitions, self._delivery_timeout_s)
        self._writers.append(writer)
        return writer

    def reader(self, topic: str, positions: Mapping[int, int]) -> KafkaReader:
        """Refuses a topic with another number of partitions; whoever reads closes it."""
        self.topics.check(topic, self.partitions)
        name = self.topics.name(topic)
        return KafkaReader(partial(open_consumer, self._connection), self, topic, name, positions, self._tally)

    def begins(self, topic: str) -> dict[int, int]:
        """The first offset still kept, per partition."""
        return self.topics.begins(topic, self.partitions)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last one that can be read, per partition."""
        return self.topics.ends(topic, self.partitions)

    def glance(self, topic: str) -> Mapping[int, int]:
        """As `ends`, for who merely looks; LogUnavailable within about a second."""
        return self._glance.ends(topic)

    def delete_before(self, topic: str, before: Mapping[int, int]) -> None:
        """Retention: forgets all records below an offset, per partition."""
        self.topics.delete_before(topic, before)

    def measures(self) -> list[Metric]:
        """Whether the log answers, and what was mended on the way since the start."""
        up = "0 while the log does not say how far it is; then wayproof_pending leaves out who depends on it."
        rebuilt = "Times a client of the log fell silent and was made anew."
        refused = "Batches on the log left out because they could not be read within bounds."
        return [
            gauge("log_up", up, (), [((), self._glance.answered)]),
            counter("log_rebuilt", rebuilt, (), [((), self._tally.rebuilt)]),
            counter("log_batches_left_out", refused, (), [((), BoundedBatch.left_out)]),
        ]

    def close(self) -> None:
        """Let go of the brokers."""
        while self._writers:
            self._writers.pop().close()
        self.topics.close()
