"""The threshold events: a determination or a requirement passing into or out of met."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

NAMED_MAX = 20  # pieces of evidence an event names a competency; all of them follow from a replay at its position
Cause = Literal["evidence", "correction", "retraction", "time", "policy", "override", "merge"]


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A document named by its content."""

    kind: Literal["policy", "framework", "scale"]
    id: str
    version: int
    digest: str


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Achieved:
    """What a learner reached in one competency, enough for a credential to state it."""

    framework: str
    competency: str
    code: str
    scale: str
    scale_version: int
    level: str | None
    value: str | None  # rounded for display
    required: str
    evidence: tuple[UUID, ...]  # the latest counted, at most NAMED_MAX
    evidence_count: int


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Crossing:
    """What every threshold event carries; `documents` begins with the policy."""

    id: UUID
    policy: str
    node: str
    cycle: int
    cause: Cause
    caused_by: UUID
    evidence: tuple[UUID, ...]  # the latest counted, at most NAMED_MAX a competency
    evidence_count: int
    documents: tuple[DocumentRef, ...]
    effective_at: datetime
    recorded_at: datetime
    merged_with: UUID | None = None  # of cause merge, when both learners are one person: the other


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class LevelReached(Crossing):
    """A competency's determination passed into met."""

    TOPIC: ClassVar = "mastery.level-reached.v1"
    achieved: Achieved


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class LevelLost(Crossing):
    """A competency's determination passed out of met."""

    TOPIC: ClassVar = "mastery.level-lost.v1"


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class RequirementMet(Crossing):
    """A requirement passed into met; `achieved` are the levels it rests on; time alone ends it after `valid_until`."""

    TOPIC: ClassVar = "mastery.requirement-met.v1"
    achieved: tuple[Achieved, ...]
    valid_until: datetime | None = None


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class RequirementLapsed(Crossing):
    """A requirement passed out of met."""

    TOPIC: ClassVar = "mastery.requirement-lapsed.v1"


Threshold = LevelReached | LevelLost | RequirementMet | RequirementLapsed
