"""What a learner's stream says happened: the facts that evaluation reads."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerAdmitted:
    """A learner exists here from now on."""

    TOPIC: ClassVar = "mastery.learner-admitted.v1"
    id: UUID
    registered_by: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(slots=True, kw_only=True, unsafe_hash=True)  # never changed; `frozen` takes four times as long to make one
class EvidenceRecorded:
    """The learner showed a competency at a level or score; `revises` names the evidence this replaces."""

    TOPIC: ClassVar = "mastery.evidence-recorded.v1"
    id: UUID
    competency: str  # the CASE item's identifier
    code: str
    framework: str
    scale: str
    scale_version: int
    assessor: str
    assessor_role: str
    assessor_organisation: str
    pathway: str
    organisation: str
    source: str
    occurred_at: datetime
    recorded_at: datetime
    kind: str = "summative"
    level: str | None = None
    score: str | None = None
    observed: bool = True
    activity: str | None = None
    artifact: str | None = None
    attempt: int | None = None
    expires_at: datetime | None = None
    revises: UUID | None = None
    moved_from: UUID | None = None  # the evidence this was, when it was another learner's
    merged_with: UUID | None = None  # whose it was, when both are one person


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceWithdrawn:
    """The evidence it names counts no more; `id` is the withdrawal's own."""

    TOPIC: ClassVar = "mastery.evidence-withdrawn.v1"
    id: UUID
    withdraws: UUID
    reason: str
    occurred_at: datetime
    recorded_at: datetime
    moved_to: UUID | None = None  # the evidence it is from now on, another learner's
    merged_with: UUID | None = None  # whose it is by now, when both are one person


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRecorded:
    """An enrolment as it now stands; the same `enrolment` again replaces what was said before."""

    TOPIC: ClassVar = "mastery.enrolment-recorded.v1"
    id: UUID
    enrolment: UUID
    organisation: str
    cohort: str | None = None
    begins_on: date | None = None
    ends_on: date | None = None
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAdopted:
    """From here on this version of the policy is among those that may judge the learner."""

    TOPIC: ClassVar = "mastery.policy-adopted.v1"
    id: UUID
    policy: str
    version: int
    digest: str
    control_seq: int
    effective_from: datetime
    organisation: str | None = None
    cohorts: tuple[str, ...] = ()
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnersMerged:
    """`learner` is known as `into` from now on, both being one person; the evidence that moves says so itself."""

    TOPIC: ClassVar = "mastery.learners-merged.v1"
    id: UUID
    learner: UUID
    into: UUID
    by: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnersUnmerged:
    """`learner` is not the person known as `into` after all."""

    TOPIC: ClassVar = "mastery.learners-unmerged.v1"
    id: UUID
    learner: UUID
    into: UUID
    by: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCorrected:
    """An identifier meant `wrong` and means `learner`; what came by it moves."""

    TOPIC: ClassVar = "mastery.link-corrected.v1"
    id: UUID
    scheme: str
    wrong: UUID
    learner: UUID
    by: str
    occurred_at: datetime
    recorded_at: datetime


EVIDENCE = (EvidenceRecorded, EvidenceWithdrawn)
Identified = LearnersMerged | LearnersUnmerged | LinkCorrected
Fact = LearnerAdmitted | EvidenceRecorded | EvidenceWithdrawn | EnrolmentRecorded | PolicyAdopted | Identified
FACTS = (
    LearnerAdmitted,
    EvidenceRecorded,
    EvidenceWithdrawn,
    EnrolmentRecorded,
    PolicyAdopted,
    LearnersMerged,
    LearnersUnmerged,
    LinkCorrected,
)  # isinstance is quicker
