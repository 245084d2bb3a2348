"""Threshold events mastery publishes on `mastery.learner`: a determination or requirement passing into or out of met.

`cycle` is the ordinal of this entry into met (a lapse carries the cycle it ends); `cause` decides what may follow.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.catalogue_v1 import ScaleLevel
from contracts.envelope import Model, PublicEvent, Slug
from contracts.evidence_v1 import Exact

Cause = Literal["evidence", "correction", "retraction", "time", "policy", "override", "merge"]


class DocumentRef(Model):
    """A content-addressed document: policy, framework or scale."""

    kind: Literal["policy", "framework", "scale"]
    id: Slug
    version: int
    digest: str


class JournalPosition(Model):
    """Where in mastery's journal: the partition and its gap-free seq."""

    partition: int
    seq: int


class AchievedLevel(Model):
    """All that a credential states about one competency a learner reached."""

    framework: Slug
    framework_title: str
    framework_uri: str | None = None
    competency: str = Field(description="The CASE CFItem identifier.")
    code: str
    statement: str
    uri: str | None = None
    scale: Slug
    scale_version: int
    scale_levels: tuple[ScaleLevel, ...] = ()
    level: ScaleLevel | None = None
    value: Exact | None = Field(default=None, description="The value after the policy's rounding, for display.")
    required: Exact
    evidence: tuple[UUID, ...] = Field(description="The latest pieces counted, at most 20.")
    evidence_count: int = Field(ge=0, description="How many were counted; a replay at the position names them all.")


class Threshold(PublicEvent):
    """What every threshold event carries."""

    policy: DocumentRef
    node: str
    cycle: int = Field(ge=1)
    cause: Cause
    caused_by: UUID
    evidence: tuple[UUID, ...] = Field(description="The latest pieces counted, at most 20 a competency.")
    evidence_count: int = Field(ge=0)
    documents: tuple[DocumentRef, ...]
    position: JournalPosition
    effective_at: AwareDatetime
    recorded_at: AwareDatetime
    merged_with: UUID | None = Field(
        default=None, description="Of cause merge, when both learners are one person: the other pseudonym."
    )


class LevelReachedV1(Threshold):
    """A competency's determination passed into met."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.level-reached.v1"
    achieved: AchievedLevel


class LevelLostV1(Threshold):
    """A competency's determination passed out of met."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.level-lost.v1"


class RequirementMetV1(Threshold):
    """A requirement passed into met, with every level it rests on."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.requirement-met.v1"
    achieved: tuple[AchievedLevel, ...]
    valid_until: AwareDatetime | None = Field(
        default=None, description="The last instant at which it is met if nobody says anything more; none: for good."
    )


class RequirementLapsedV1(Threshold):
    """A requirement passed out of met."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.requirement-lapsed.v1"


class RecordErasedV1(PublicEvent):
    """Mastery says nothing of this learner any more: the event named erased it. In clear, as its key is gone."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.record-erased.v1"
    erased_by: UUID
