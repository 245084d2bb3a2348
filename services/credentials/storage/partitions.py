"""The partitions as this process writes them: those it works, and others as a guest where several processes share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar
from uuid import UUID

from contracts.envelope import log_key
from services.runtime.log.partition import partition_of
from services.runtime.store.database import Contended
from services.runtime.store.port import PartitionStore, Position, VersionConflict

CATALOGUE = "catalogue"
TRIES = 8

Decided = TypeVar("Decided")


class Partitions:
    """Every partition's store; whoever decides holds its lock until it has committed.

    With `guests`, other processes write too: what is asked of this one is decided as a guest, whoever works the
    partition, and what meets another's decision is decided again.
    """

    def __init__(self, stores: Sequence[PartitionStore], guests: Sequence[PartitionStore] | None = None) -> None:
        self._stores, self._guests = stores, guests
        self._locks = [Lock() for _ in stores]
        self._held: set[int] = set()

    def __len__(self) -> int:
        return len(self._stores)

    @property
    def shared(self) -> bool:
        """Whether other processes write here too."""
        return self._guests is not None

    @property
    def held(self) -> list[int]:
        """Those this process works."""
        return sorted(self._held)

    def claim(self, owner: str, partition: int, stands: Callable[..., bool] | None = None) -> None:
        """Become the one that works the partition."""
        with self._locks[partition]:
            self._stores[partition].claim(owner, stands)
            self._held.add(partition)

    def release(self, partition: int) -> None:
        """Work it no more; whoever is deciding comes to the end first."""
        with self._locks[partition]:
            self._held.discard(partition)
            self._stores[partition].release()

    def position(self, topic: str, partition: int) -> Position:
        """How far this partition of the topic has been consumed."""
        return self._stores[partition].position(topic)

    def reading(self, partition: int) -> PartitionStore:
        """The store, for reading only."""
        return self._stores[partition]

    @contextmanager
    def writing(self, partition: int) -> Iterator[PartitionStore]:
        """The store of a partition that is worked here, held for one decision and its commit."""
        with self._locks[partition]:
            yield self._stores[partition]

    @contextmanager
    def visiting(self, partition: int) -> Iterator[PartitionStore]:
        """The same for any partition, whoever works it."""
        with self._locks[partition]:
            yield (self._guests or self._stores)[partition]

    def deciding(self, partition: int, decide: Callable[[PartitionStore], Decided]) -> Decided:
        """Decide for any partition, and again while another process's decisions come between."""

        def once() -> Decided:
            with self.visiting(partition) as store:
                return decide(store)

        return self.again_while_others_do(once)

    def again_while_others_do(self, decide: Callable[[], Decided]) -> Decided:
        """A stream that has moved since it was read is read again; for ever it does not."""
        for _ in range(TRIES if self.shared else 0):
            try:
                return decide()
            except VersionConflict:
                continue
        try:
            return decide()
        except VersionConflict:
            if not self.shared:
                raise
            raise Contended("others kept deciding on the same streams") from None

    def of_learner(self, tenant: str, learner: UUID) -> int:
        """Where everything about the learner lies."""
        return partition_of(log_key(tenant, str(learner)), len(self._stores))

    def of_catalogue(self, tenant: str) -> int:
        """Where the tenant's documents lie."""
        return partition_of(log_key(tenant, CATALOGUE), len(self._stores))
