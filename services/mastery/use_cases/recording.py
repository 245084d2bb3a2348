"""Recording in learners' streams: what is decided goes into the draft, and into the record held in memory."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.mastery.domain.learner_record import (
    AdoptPolicy,
    Command,
    Event,
    LearnerRecord,
    decide,
    due,
    evolve,
    pass_until,
)
from services.mastery.domain.rules import Rules
from services.mastery.domain.thresholds import Crossing
from services.mastery.storage.controls import Activation, in_force
from services.mastery.storage.documents import Documents
from services.mastery.storage.drafts import Draft, ToPublic
from services.mastery.storage.learners import LearnerRow, Learners
from services.mastery.storage.received import Received
from services.mastery.storage.records import Held, RecordCache
from services.runtime.keys import KeyDestroyed
from services.runtime.sealing import Sealer
from services.runtime.store.database import StoreUnavailable
from services.runtime.store.port import PartitionStore, RecordedEvent, Unopened, Verbatim


def folded(learner: UUID, events: Iterable[Event]) -> LearnerRecord:
    """A learner's record, from its stream and nothing else."""
    record = LearnerRecord(learner)
    for event in events:
        record = evolve(record, event)
    return record


class Recording:
    """The learners of one partition as their one writer sees them."""

    def __init__(
        self,
        store: PartitionStore,
        learners: Learners,
        documents: Documents,
        to_public: ToPublic,
        sealer: Sealer,
        cache: RecordCache,
    ) -> None:
        self._store, self._learners, self._documents = store, learners, documents
        self._to_public, self._sealer = to_public, sealer
        self._cache = cache

    def read_ahead(self, learners: Iterable[UUID], draft: Draft) -> None:
        """Fold from the store together those who are about to be asked for and are not in memory.

        Whatever is the matter with one of them is left for `held` to say: it then reads that one alone. They stay when
        the draft fails: until `held` gives one away nothing has changed it.
        """
        missing = self._cache.missing(learners)
        draft.read = dict.fromkeys(missing) | self._learners.rows(missing)
        rows = {learner: row for learner, row in draft.read.items() if row is not None and row.erased_by is None}
        for read in self._store.streams(rows):
            if (held := self._ahead(rows[read.stream], read)) is not None:
                self._cache.put_ahead(read.stream, held)

    def held(self, learner: UUID, tenant: str, draft: Draft) -> Held:
        """The learner's record: from memory, folded from the store, or new; of an erased one KeyDestroyed is raised."""
        draft.touched.add(learner)
        if learner in draft.erased:
            raise KeyDestroyed
        held = self._cache.get(learner)
        if held is None:
            row = draft.read[learner] if learner in draft.read else self._learners.row(learner)
            held = self._read(row) if row is not None else Held(tenant, LearnerRecord(learner))
            self._cache.put(learner, held)
        return held

    def record(self, command: Command, held: Held, draft: Draft, body: Verbatim | None = None) -> None:
        """Decide, and record the fact (as `body`, where it came sealed) with the thresholds it crosses."""
        rules = self._documents.rules(held.tenant)
        self._take(decide(command, held.record, rules), held, draft, body)
        self._arm(held, rules, draft)

    def let_time_pass(self, held: Held, draft: Draft) -> None:
        """Record what time alone has brought about by now, and say when to look again."""
        rules, stamp = self._documents.rules(held.tenant), draft.stamp()
        self._take(pass_until(held.record, rules, stamp, stamp), held, draft)
        held.record.shelving.reach(stamp)
        held.wakes_at = due(held.record, rules)
        draft.wake(held.record.learner, held.tenant, held.wakes_at)  # the one that was due is over either way

    def catch_up(self, held: Held, activations: list[Activation], applied_seq: int, draft: Draft) -> None:
        """The learner adopts what was activated since it last did; a new learner, what is in force."""
        if held.known and held.adopted_seq >= applied_seq:
            return
        said = [a for a in activations if a.control_seq > held.adopted_seq] if held.known else in_force(activations)
        for activation in said:
            self.record(_adopt(activation, draft), held, draft)
        held.known, held.adopted_seq = True, applied_seq
        draft.adopted(held.record.learner, held.tenant, applied_seq)

    def erase(self, received: Received, body: bytes, draft: Draft) -> None:
        """Nothing is held or decided of the learner any more; the second time changes nothing."""
        learner, row = received.learner, self._learners.row(received.learner)
        if learner in draft.erased or (row is not None and row.erased_by is not None):
            return
        draft.touched.add(learner)
        self._cache.forget(learner)
        draft.erase(learner, received.tenant, received.id, received.occurred_at, body, self._sealer)

    def committed(self) -> None:
        """What the last transaction changed is in the store: memory may be given back."""
        self._cache.trim()

    def forget(self, draft: Draft) -> None:
        """The draft was not committed, or perhaps was: read its learners from the store again."""
        for learner in draft.touched:
            self._cache.forget(learner)

    def _take(self, events: Iterable[Event], held: Held, draft: Draft, body: Verbatim | None = None) -> None:
        learner, tenant = held.record.learner, held.tenant
        for event in events:
            if isinstance(event, Crossing):
                seq = draft.append(tenant, learner, event, event.recorded_at)
                draft.publish(event, seq, tenant, learner, self._to_public, self._sealer)
            else:
                draft.append(tenant, learner, body or event, event.recorded_at)
            held.record = evolve(held.record, event)

    def _arm(self, held: Held, rules: Rules, draft: Draft) -> None:
        """Set the learner's timer where it moves; one that is too early in the store finds nothing to do."""
        if (wakes_at := due(held.record, rules)) != held.wakes_at:
            held.wakes_at = wakes_at
            draft.wake(held.record.learner, held.tenant, wakes_at)

    def _read(self, row: LearnerRow) -> Held:
        if row.erased_by is not None:
            raise KeyDestroyed
        return self._folded(row, self._store.stream(row.learner))

    def _ahead(self, row: LearnerRow, read: Unopened) -> Held | None:
        try:
            return self._folded(row, read.opened())
        except StoreUnavailable:
            raise
        except Exception:  # said by `held`, where a record asks for this learner
            return None

    def _folded(self, row: LearnerRow, recorded: Sequence[RecordedEvent]) -> Held:
        record = folded(row.learner, self._learners.events(recorded))
        return Held(row.tenant, record, row.adopted_seq, known=True)


def _adopt(activation: Activation, draft: Draft) -> AdoptPolicy:
    return AdoptPolicy(
        policy=activation.policy,
        version=activation.version,
        digest=activation.digest,
        control_seq=activation.control_seq,
        effective_from=activation.effective_from,
        organisation=activation.organisation,
        cohorts=activation.cohorts,
        recorded_at=draft.stamp(),
    )
