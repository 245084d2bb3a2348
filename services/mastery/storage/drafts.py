"""One transaction in the making: stamps, places in the journal, and everything that is written together."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid5

from contracts.envelope import log_key
from contracts.events import MASTERY_LEARNER
from contracts.mastery_v1 import RecordErasedV1
from services.mastery.domain.thresholds import Threshold
from services.mastery.storage.learners import LearnerRow, erased_row, learner_row
from services.runtime.clock import MICROSECOND, Clock
from services.runtime.sealing import Sealer, Written
from services.runtime.store.port import Append, Batch, OutboxMessage, PartitionStore, Row, Timer, Verbatim

LEARNER_ERASED = "mastery.learner-erased.v1"  # of no class: its body is the envelope, which is all there is to it
TIME_PASSES = "time"  # a learner's one timer

ToPublic = Callable[[Threshold, str, int, int], Written]  # tenant, partition and seq


class Draft:
    """Collects a batch for one partition. Its clock is read once; each stamp is later than the one before."""

    def __init__(self, store: PartitionStore, clock: Clock) -> None:
        self.batch = Batch()
        self.touched: set[UUID] = set()
        self.read: dict[UUID, LearnerRow | None] = {}  # learners as they stood when it was begun, those asked after
        self.now = clock.now()
        self._partition = store.partition
        self._seq, self._stamp = store.end()
        self._rows: dict[UUID, LearnerRow] = {}
        self._wakes: dict[UUID, Timer] = {}
        self.erased: set[UUID] = set()
        self._erased: list[Row] = []

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

    def publish(
        self, threshold: Threshold, seq: int, tenant: str, learner: UUID, to_public: ToPublic, sealer: Sealer
    ) -> None:
        """A threshold for the other services, sealed under the learner's key."""
        subject, public = str(learner), to_public(threshold, tenant, self._partition, seq)
        value = sealer.seal(public, id=threshold.id, tenant=tenant, subject=subject, time=threshold.recorded_at)
        self.batch.publish.append(OutboxMessage(MASTERY_LEARNER, log_key(tenant, subject), threshold.id, value))

    def adopted(self, learner: UUID, tenant: str, adopted_seq: int) -> None:
        """The learner has adopted everything up to this control_seq."""
        self._rows[learner] = LearnerRow(learner, tenant, self._partition, adopted_seq)

    def wake(self, learner: UUID, tenant: str, at: datetime | None) -> None:
        """When the learner must be looked at though nobody says anything of them; none: not at all."""
        self._wakes[learner] = Timer(at, tenant, learner, TIME_PASSES)

    def erase(self, learner: UUID, tenant: str, event: UUID, at: datetime, body: bytes, sealer: Sealer) -> None:
        """The learner's last event, in clear as its key is gone, and what the others are told of it."""
        self.append(tenant, learner, Verbatim(LEARNER_ERASED, body), self.stamp())
        self.erased.add(learner)
        self.wake(learner, tenant, None)
        self._erased.append(erased_row(LearnerRow(learner, tenant, self._partition, 0), event, at))
        id_, subject, said = uuid5(event, "record-erased"), str(learner), RecordErasedV1(erased_by=event)
        value = sealer.clear(said, id=id_, tenant=tenant, subject=subject, time=at)
        self.batch.publish.append(OutboxMessage(MASTERY_LEARNER, log_key(tenant, subject), id_, value))

    def finish(self) -> Batch:
        """The batch, complete."""
        self.batch.timers += self._wakes.values()
        self.batch.rows += [*(learner_row(row) for row in self._rows.values()), *self._erased]
        return self.batch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.batch.appends or self.batch.rows or self.batch.positions or self._rows or self._wakes)
