"""One partition's timers: which learners an instant concerns that has come, though nobody says anything of them."""

from datetime import datetime

from services.mastery.domain.known import FOR_EVER
from services.runtime.clock import Clock
from services.runtime.store.port import Batch, PartitionStore, Timer


class Timers:
    """Asks the store only when there is something due: this writer alone sets them, and it alone keeps what it read."""

    def __init__(self, store: PartitionStore, clock: Clock, at_a_time: int) -> None:
        self._store, self._clock, self._at_a_time = store, clock, at_a_time
        self._earliest: datetime | None = None  # none is earlier; not known until the store has been asked

    def due(self) -> list[Timer]:
        """Those whose instant has come, the earliest first, as many as are dealt with in one transaction."""
        if self._earliest is None:
            self._earliest = self._read()
        now = self._clock.now()
        if self._earliest > now:
            return []
        found = self._store.timers(now, self._at_a_time)
        if not found:
            self._earliest = self._read()  # it was moved on, as by newer evidence
        return found

    def pending(self) -> int:
        """1 when some instant may have come, else 0; whichever thread asks."""
        earliest = self._earliest
        return int((self._read() if earliest is None else earliest) <= self._clock.now())

    def _read(self) -> datetime:
        return next((timer.due for timer in self._store.timers(FOR_EVER, 1) if timer.due), FOR_EVER)

    def committed(self, batch: Batch) -> None:
        """What was set is in the store now."""
        if self._earliest is not None:
            self._earliest = min([self._earliest, *(timer.due for timer in batch.timers if timer.due)])

    def forget(self) -> None:
        """The store has to be asked again: some were dealt with, or what was set was perhaps not committed."""
        self._earliest = None
