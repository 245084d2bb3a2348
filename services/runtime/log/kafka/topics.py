"""Topics as the brokers know them: how many partitions, from where to where, how they are kept, and made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import IsolationLevel, KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import UnknownTopicOrPartitionError, for_code

from services.runtime.log.kafka.connection import RECORD_BYTES_MAX, Connection, unavailable
from services.runtime.log.port import LogUnavailable, TopicRefused

DAY_MS = 24 * 3600 * 1000
FOR_EVER = -1
Answer = TypeVar("Answer")


class TopicMissing(LogUnavailable):
    """There is no such topic; `wayproof topics` makes it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a topic must be like; retention is time alone, because no consumed topic may be compacted."""

    partitions: int
    replicas: int
    retention_days: int  # 0 keeps for ever

    def configuration(self) -> dict[str, str]:
        """The topic's own settings: kept whole, uncompressed, acknowledged by more than one when there are more."""
        retention_ms = self.retention_days * DAY_MS if self.retention_days else FOR_EVER
        return {
            "cleanup.policy": "delete",
            "compression.type": "uncompressed",
            "max.message.bytes": str(RECORD_BYTES_MAX),
            "min.insync.replicas": str(max(1, self.replicas - 1)),
            "retention.bytes": str(FOR_EVER),
            "retention.ms": str(retention_ms),
            "unclean.leader.election.enable": "false",
        }


class Topics:
    """One client for questions; whoever asks waits for the one before, and a client that failed is made anew."""

    def __init__(self, connection: Connection, prefix: str = "") -> None:
        self._connection, self._prefix = connection, prefix
        self._asking = threading.Lock()
        self._client: Any = None

    def name(self, topic: str) -> str:
        """What the brokers call it."""
        return f"{self._prefix}{topic}"

    def partitions(self, topic: str) -> int:
        """How many partitions it has; TopicMissing when there is none of that name."""
        return len(self._described(topic))

    def check(self, topic: str, partitions: int) -> None:
        """Refuses a topic with another number of partitions: learners would be looked for in the wrong one."""
        if (found := self.partitions(topic)) != partitions:
            name = self.name(topic)
            raise TopicRefused(f"{name} has {found} partitions, the settings say {partitions}: they cannot change")

    def begins(self, topic: str, partitions: int) -> dict[int, int]:
        """The first offset still kept, per partition."""
        return self._offsets(topic, partitions, OffsetSpec.EARLIEST)

    def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """The offset after the last one that can be read, per partition: an open transaction's are beyond it."""
        return self._offsets(topic, partitions, OffsetSpec.LATEST)

    def delete_before(self, topic: str, before: Mapping[int, int]) -> None:
        """Forget all records below an offset, per partition."""
        below = {TopicPartition(self.name(topic), partition): offset for partition, offset in before.items()}
        self._ask(lambda client: client.delete_records(below))

    def replicas(self, topic: str) -> int:
        """The least number of copies any partition has; TopicMissing as for `partitions`."""
        return min(len(partition["replica_nodes"]) for partition in self._described(topic))

    def configuration(self, topic: str) -> dict[str, str]:
        """All its settings, its own and the brokers'."""
        resource = ConfigResource(ConfigResourceType.TOPIC, self.name(topic))
        found = self._ask(lambda client: client.describe_configs([resource], config_filter="all"))
        return {name: str(said["value"]) for name, said in found["topic"][self.name(topic)].items()}

    def create(self, topic: str, shape: Shape) -> None:
        """Make it; returns when every partition has a leader."""
        wanted = {
            "num_partitions": shape.partitions,
            "replication_factor": shape.replicas,
            "configs": shape.configuration(),
        }
        self._ask(lambda client: client.create_topics({self.name(topic): wanted}, wait_for_metadata=True))

    def delete(self, topic: str) -> None:
        """Forget it and all it holds."""
        self._ask(lambda client: client.delete_topics([self.name(topic)]))

    def close(self) -> None:
        """Let go of the brokers."""
        with self._asking:
            self._drop()

    def _described(self, topic: str) -> list[dict[str, Any]]:
        """Its partitions; each question may reach another broker, and not every one has heard of a new topic."""
        found = self._ask(lambda client: client.describe_topics([self.name(topic)]))[0]
        if (fault := for_code(found["error_code"])) is UnknownTopicOrPartitionError:
            raise TopicMissing(f"{self.name(topic)} does not exist; `wayproof topics` makes it")
        if found["error_code"]:
            raise LogUnavailable(fault.__name__)
        partitions: list[dict[str, Any]] = found["partitions"]
        return partitions

    def _offsets(self, topic: str, partitions: int, which: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(self.name(topic), number): which for number in range(partitions)}
        found = self._ask(
            lambda client: client.list_partition_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED)
        )
        return {place.partition: at.offset for place, at in found.items()}

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        with self._asking, unavailable():
            try:
                if self._client is None:
                    self._client = self._connection.open(KafkaAdminClient)
                return question(self._client)
            except UnknownTopicOrPartitionError as fault:
                raise TopicMissing("there is no such topic; `wayproof topics` makes it") from fault
            except BaseException:
                self._drop()
                raise

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
