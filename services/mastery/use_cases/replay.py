"""Replay: a partition decided again from its own events and documents, and compared with what was recorded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from services.mastery.domain.facts import (
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    Fact,
    LearnerAdmitted,
    LearnersMerged,
    LearnersUnmerged,
    LinkCorrected,
    PolicyAdopted,
)
from services.mastery.domain.learner_record import (
    AdmitLearner,
    AdoptPolicy,
    Command,
    LearnerRecord,
    RecordEnrolment,
    RecordEvidence,
    RecordIdentity,
    WithdrawEvidence,
    decide,
    evolve,
    pass_until,
)
from services.mastery.domain.thresholds import Crossing, Threshold
from services.mastery.storage.documents import Documents
from services.mastery.storage.drafts import LEARNER_ERASED
from services.mastery.storage.journal import PolicyApplied
from services.mastery.storage.learners import Learners
from services.runtime.keys import KeyDestroyed
from services.runtime.store.port import Erased, PartitionStore, RecordedEvent

PAGE = 1000


@dataclass
class Replayed:
    """Every learner's record as deciding again made it, and the seqs at which what was recorded differs."""

    records: dict[UUID, LearnerRecord] = field(default_factory=dict)
    events: int = 0
    differences: list[int] = field(default_factory=list)
    erased: set[UUID] = field(default_factory=set)
    owed: dict[UUID, list[Threshold]] = field(default_factory=dict)

    def finish(self) -> "Replayed":
        """Thresholds that deciding again makes and nobody recorded are differences too."""
        self.differences += [0 for owed in self.owed.values() for _ in owed]
        return self


def rebuild(store: PartitionStore, learners: Learners, documents: Documents) -> Replayed:
    """Fold the partition's journal from its first event; reads no state but events and documents."""
    replayed = Replayed()
    for recorded in journal(store):
        replayed.events += 1
        if isinstance(recorded.event, PolicyApplied):
            continue
        known_erased = recorded.topic == LEARNER_ERASED or recorded.stream in replayed.erased
        if known_erased or isinstance(recorded.event, Erased):
            _erase(replayed, recorded.stream)
            continue
        try:
            (event,) = learners.events([recorded])
        except KeyDestroyed:
            _erase(replayed, recorded.stream)
            continue
        _replay(replayed, recorded, event, documents)
    return replayed.finish()


def journal(store: PartitionStore) -> Iterator[RecordedEvent]:
    """The whole journal, a page at a time."""
    after = 0
    while page := store.events(after, PAGE):
        yield from page
        after = page[-1].seq


def command_of(fact: Fact) -> Command:
    """The command that made a fact."""
    match fact:
        case LearnerAdmitted():
            return AdmitLearner(fact)
        case EvidenceRecorded():
            return RecordEvidence(fact)
        case EvidenceWithdrawn():
            return WithdrawEvidence(fact)
        case EnrolmentRecorded():
            return RecordEnrolment(fact)
        case PolicyAdopted():
            return _adoption(fact)
        case LearnersMerged() | LearnersUnmerged() | LinkCorrected():
            return RecordIdentity(fact)


def _replay(replayed: Replayed, recorded: RecordedEvent, event: Fact | Threshold, documents: Documents) -> None:
    record = replayed.records.setdefault(recorded.stream, LearnerRecord(recorded.stream))
    owed = replayed.owed.setdefault(recorded.stream, [])
    rules = documents.rules(recorded.tenant)
    if isinstance(event, Crossing):
        if not owed:  # no fact crossed it, so time did
            owed += pass_until(record, rules, event.effective_at, event.recorded_at)
        if not owed or owed.pop(0) != event:
            replayed.differences.append(recorded.seq)
    else:
        decided = decide(command_of(event), record, rules)
        if owed or not decided or decided[0] != event:
            replayed.differences.append(recorded.seq)
        owed[:] = [threshold for threshold in decided[1:] if isinstance(threshold, Crossing)]
    replayed.records[recorded.stream] = evolve(record, event)


def _erase(replayed: Replayed, stream: UUID) -> None:
    replayed.erased.add(stream)
    replayed.records.pop(stream, None)
    replayed.owed.pop(stream, None)


def _adoption(fact: PolicyAdopted) -> AdoptPolicy:
    return AdoptPolicy(
        policy=fact.policy,
        version=fact.version,
        digest=fact.digest,
        control_seq=fact.control_seq,
        effective_from=fact.effective_from,
        organisation=fact.organisation,
        cohorts=fact.cohorts,
        recorded_at=fact.recorded_at,
    )
