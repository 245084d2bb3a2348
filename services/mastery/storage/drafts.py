"""One transaction in the making: stamps, places in the journal, and everything that is written together."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from contracts.envelope import log_key
from contracts.events import MASTERY_LEARNER
from contracts.mastery_v1 import JournalPosition
from contracts.mastery_v1 import Threshold as PublicThreshold
from services.mastery.domain.thresholds import Threshold
from services.mastery.storage.learners import LearnerRow, learner_row
from services.runtime.clock import MICROSECOND, Clock
from services.runtime.sealing import Sealer
from services.runtime.store.port import Append, Batch, OutboxMessage, PartitionStore

ToPublic = Callable[[Threshold, str, JournalPosition], PublicThreshold]


class Draft:
    """Collects a batch for one partition. Its clock is read once; each stamp is later than the one before."""

    def __init__(self, store: PartitionStore, clock: Clock) -> None:
        self.batch = Batch()
        self.touched: set[UUID] = set()
        self.now = clock.now()
        self._partition = store.partition
        self._seq = store.next_seq()
        self._stamp = store.known_to()
        self._rows: dict[UUID, LearnerRow] = {}

    def stamp(self) -> datetime:
        """The next `recorded_at` of this partition."""
        self._stamp = max(self.now, self._stamp + MICROSECOND)
        self.batch.known_to = self._stamp
        return self._stamp

    def append(self, tenant: str, stream: UUID, event: object, recorded_at: datetime) -> int:
        """An event at the end of its stream; its seq in the journal."""
        self.batch.appends.append(Append(tenant, stream, event, recorded_at))
        seq, self._seq = self._seq, self._seq + 1
        return seq

    def position(self, seq: int) -> JournalPosition:
        """A place in this partition's journal, as public events name it."""
        return JournalPosition(partition=self._partition, seq=seq)

    def publish(self, threshold: PublicThreshold, id: UUID, tenant: str, learner: UUID, sealer: Sealer) -> None:
        """A threshold for the other services, sealed under the learner's key."""
        subject = str(learner)
        value = sealer.seal(threshold, id=id, tenant=tenant, subject=subject, time=threshold.recorded_at)
        self.batch.publish.append(OutboxMessage(MASTERY_LEARNER, log_key(tenant, subject), id, value))

    def adopted(self, learner: UUID, tenant: str, adopted_seq: int) -> None:
        """The learner has adopted everything up to this control_seq."""
        self._rows[learner] = LearnerRow(learner, tenant, self._partition, adopted_seq)

    def finish(self) -> Batch:
        """The batch, complete."""
        self.batch.rows += [learner_row(row) for row in self._rows.values()]
        return self.batch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.batch.appends or self.batch.rows or self.batch.positions or self._rows)
