"""The partitions this process writes: one store and one lock each, so that requests and the log take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

from contracts.envelope import log_key
from services.runtime.log.partition import partition_of
from services.runtime.store.port import PartitionStore, Position

CATALOGUE = "catalogue"


class Partitions:
    """Every partition's store; whoever decides holds its lock until it has committed."""

    def __init__(self, stores: list[PartitionStore]) -> None:
        self._stores = stores
        self._locks = [Lock() for _ in stores]

    def __len__(self) -> int:
        return len(self._stores)

    def claim(self, owner: str) -> None:
        """Become the one writer of every partition."""
        for store in self._stores:
            store.claim(owner)

    def position(self, topic: str, partition: int) -> Position:
        """How far this partition of the topic has been consumed."""
        return self._stores[partition].position(topic)

    def reading(self, partition: int) -> PartitionStore:
        """The store, for reading only."""
        return self._stores[partition]

    @contextmanager
    def writing(self, partition: int) -> Iterator[PartitionStore]:
        """The store, held for one decision and its commit."""
        with self._locks[partition]:
            yield self._stores[partition]

    def of_learner(self, tenant: str, learner: UUID) -> int:
        """Where everything about the learner lies."""
        return partition_of(log_key(tenant, str(learner)), len(self._stores))

    def of_catalogue(self, tenant: str) -> int:
        """Where the tenant's documents lie."""
        return partition_of(log_key(tenant, CATALOGUE), len(self._stores))
