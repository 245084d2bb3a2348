"""The partitions one worker works, taken and dropped at its transactions' ends as the leases say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.runtime.leases import Lease, Leases
from services.runtime.store.port import Fenced
from services.runtime.telemetry import get_logger

log = get_logger(__name__)


class Holding:
    """What `take` makes for a partition belongs to that claim: caches and all go with `drop`."""

    def __init__(
        self,
        leases: Leases,
        take: Callable[[Lease], None] = lambda lease: None,
        drop: Callable[[int], None] = lambda partition: None,
    ) -> None:
        self._leases, self._take, self._drop = leases, take, drop
        self._held: dict[int, Lease] = {}

    def follow(self) -> dict[int, Lease]:
        """Between two transactions: drop what is not ours any more, claim what is; what is held now."""
        wanted = self._leases.mine()
        for partition, lease in list(self._held.items()):
            if wanted.get(partition) != lease:
                self._let_go(partition)
                self._leases.give_back(lease)
        for partition, lease in wanted.items():
            if partition not in self._held:
                with self._unless_lost(lease):
                    self._take(lease)
                    self._held[partition] = lease
        return dict(self._held)

    def lost(self, partition: int) -> None:
        """Another process has claimed it: drop it and say so; what remains is worked on."""
        lease = self._held.get(partition)
        if lease is not None:
            log.warning("fenced: nothing was written", partition=partition)
            self._let_go(partition)
            self._leases.lost(lease)

    def _let_go(self, partition: int) -> None:
        del self._held[partition]
        self._drop(partition)

    @contextmanager
    def _unless_lost(self, lease: Lease) -> Iterator[None]:
        try:
            yield
        except Fenced:
            self._leases.lost(lease)
