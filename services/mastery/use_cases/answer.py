"""Answering about one learner: a fold of what was recorded by one instant, evaluated as of another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from services.mastery.domain.applying import in_force
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.facts import LearnersMerged, LearnersUnmerged
from services.mastery.domain.known import FOR_EVER, Known, known_at
from services.mastery.domain.learner_record import Event
from services.mastery.domain.rules import CompiledPolicy, Rules
from services.mastery.domain.thresholds import DocumentRef
from services.mastery.storage.documents import Documents
from services.mastery.storage.learners import Entry, LearnerRow, Learners, entries
from services.mastery.use_cases.answers import Lost, PolicyRef, Position
from services.mastery.use_cases.set_policy import PolicyUnknown
from services.runtime.clock import Clock
from services.runtime.erased import learner_erased
from services.runtime.problems import Refusal
from services.runtime.restored import losses_of
from services.runtime.store.database import Database
from services.runtime.store.port import PartitionStore, RecordedEvent


class LearnerUnknown(Refusal):
    """Nobody by this id is known here."""

    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """About whom, for when, as known when, under which policy; `organisation` sees only those enrolled there."""

    tenant: str
    learner: UUID
    as_of: datetime | None = None
    known_at: datetime | None = None
    policy: str | None = None
    version: int | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with everything its answer is computed from."""

    question: Question
    recorded: list[RecordedEvent]  # by `known_at`
    events: list[Event]  # of those, the ones that were read
    known: Known
    as_of: datetime
    known_at: datetime
    known_to: datetime
    partition: int
    lost: list[Lost]
    rules: Rules
    policies: list[CompiledPolicy] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        """The events with their places, where the whole record was asked for."""
        return entries(self.recorded, self.events)

    def reckonings(self) -> list[Reckoning]:
        """One a policy: what is not asked for is not computed."""
        return [Reckoning(self.known, policy, self.as_of) for policy in self.policies]

    def header(self) -> dict[str, Any]:
        """What every answer carries."""
        return {
            "learner": self.question.learner,
            "as_of": self.as_of,
            "known_at": self.known_at,
            "finality": "final" if self.known_at <= self.known_to else "provisional",
            "known_to": self.known_to,
            "position": Position(partition=self.partition, seq=self.recorded[-1].seq if self.recorded else 0),
            "documents": _documents(self.policies),
            "lost": self.lost,
            "merged_into": _merged_into(self.question.learner, self.events),
        }


class Asking:
    """Reads what a question needs, in one snapshot of the store."""

    def __init__(
        self,
        database: Database,
        stores: Sequence[PartitionStore],
        learners: Learners,
        documents: Documents,
        clock: Clock,
    ) -> None:
        self._database, self._stores, self._learners = database, stores, learners
        self._documents, self._clock = documents, clock

    def ask(self, question: Question, *, whole: bool = False) -> Asked:
        """Raises LearnerUnknown for whoever is not here or not enrolled where the asker is, LearnerErased.

        Evidence that was shown only after `as_of` is not read, as no result of then rests on it; unless the `whole`
        record is asked for, which names it all the same.
        """
        now = self._clock.now()
        with self._database.read():
            row = self._row(question)
            store = self._stores[row.partition]
            known_to = store.known_to()
            at = question.known_at or max(now, known_to)  # stamps may run ahead of a clock that stands still
            by = at if question.organisation is None else None  # who is enrolled now is said to its end
            recorded = store.stream(question.learner, by)
            lost = self._lost(row.partition, at)
        if question.organisation is not None:
            _check_enrolled(self._learners.events(recorded), question.organisation, now)
            recorded = [event for event in recorded if event.recorded_at <= at]
        shown_by = FOR_EVER if whole or question.as_of is None else question.as_of
        events = self._learners.events(recorded, shown_by)
        return self._asked(question, row, recorded, events, at, known_to, lost, now)

    def _lost(self, partition: int, at: datetime) -> list[Lost]:
        with self._database.read() as cursor:
            losses = list(losses_of(cursor, partition))
        return [Lost(after=x.lost_from, until=x.lost_to) for x in losses if x.lost_from < at <= x.lost_to]

    def _row(self, question: Question) -> LearnerRow:
        row = self._learners.row(question.learner)
        if row is None or row.tenant != question.tenant:
            raise LearnerUnknown
        if row.erased_by is not None and row.erased_at is not None:
            raise learner_erased(row.erased_by, row.erased_at)
        return row

    def _asked(
        self,
        question: Question,
        row: LearnerRow,
        recorded: list[RecordedEvent],
        events: list[Event],
        at: datetime,
        known_to: datetime,
        lost: list[Lost],
        now: datetime,
    ) -> Asked:
        known = known_at(events)
        as_of = question.as_of or max(now, known.as_of)
        rules = self._documents.rules(row.tenant)
        asked = Asked(question, recorded, events, known, as_of, at, known_to, row.partition, lost, rules)
        asked.policies.extend(self._policies(asked))
        return asked

    def _policies(self, asked: Asked) -> list[CompiledPolicy]:
        question = asked.question
        if question.policy is not None and question.version is not None:
            document = self._documents.policy(question.tenant, question.policy, question.version)
            if document is None:
                raise PolicyUnknown
            return [asked.rules[document.digest]]
        judging = in_force(asked.known, asked.rules, asked.as_of)
        if question.policy is None:
            return list(judging.values())
        if not self._documents.versions(question.tenant, "policy", question.policy):
            raise PolicyUnknown
        return [judging[question.policy]] if question.policy in judging else []


def ref(policy: CompiledPolicy) -> PolicyRef:
    """The policy version as answers name it."""
    return PolicyRef(id=policy.id, version=policy.version, digest=policy.digest)


def _merged_into(learner: UUID, events: list[Event]) -> UUID | None:
    """By which id the learner was known at the end of what was read, when by another."""
    into: UUID | None = None
    for event in events:
        match event:
            case LearnersMerged(learner=merged) if merged == learner:
                into = event.into
            case LearnersUnmerged(learner=unmerged) if unmerged == learner:
                into = None
    return into


def _documents(policies: list[CompiledPolicy]) -> list[DocumentRef]:
    return list(dict.fromkeys(document for policy in policies for document in policy.documents))


def _check_enrolled(events: list[Event], organisation: str, now: datetime) -> None:
    enrolments = known_at(events).enrolments.values()
    today = now.date()
    for enrolment in enrolments:
        begun = enrolment.begins_on is None or enrolment.begins_on <= today
        if (
            enrolment.organisation == organisation
            and begun
            and (enrolment.ends_on is None or today <= enrolment.ends_on)
        ):
            return
    raise LearnerUnknown
