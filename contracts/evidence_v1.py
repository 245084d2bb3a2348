"""Evidence as ingest publishes it on `ingest.learner`: accepted, revised, retracted.

The envelope's `id` is the evidence id, `subject` the learner, `occurredat` when it was shown.
A revision has an evidence id of its own and names the one it replaces; nothing is ever edited.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Model, PublicEvent, Slug

Exact = Annotated[
    str,
    Field(pattern=r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$", description="A decimal number, exact, as a string."),
]
Code = Annotated[str, Field(min_length=1, max_length=200)]
Kind = Literal["summative", "formative", "baseline", "self_assessment"]


class CompetencyRef(Model):
    """A CASE item: `identifier` is the CFItem's; `code` its human coding scheme."""

    framework: Slug
    identifier: Code
    code: Code


class Rating(Model):
    """What was seen, on which scale. Exactly one of `level` and `score`; neither when not observed (never a zero)."""

    scale: Slug
    scale_version: int
    level: Code | None = None
    score: Exact | None = None
    observed: bool = True


class Assessor(Model):
    """Who judged: an id within the organisation, the role in which, and for whom. Never a name."""

    id: Code
    role: Slug
    organisation: Slug


class Activity(Model):
    """What was done: a task, placement or assessment, the artefact, and which attempt at it."""

    id: Code | None = None
    artifact: Code | None = None
    attempt: int | None = None


class EvidenceContent(Model):
    """What the sealed blob of accepted or revised evidence says."""

    competency: CompetencyRef
    rating: Rating
    assessor: Assessor
    pathway: Slug
    kind: Kind = "summative"
    activity: Activity = Activity()
    organisation: Slug = Field(description="The organisation whose source sent it.")
    source: str = Field(description="The registered source.")
    receipt: UUID
    mapping: str | None = Field(default=None, description="name@version of the mapping that read it.")
    comment: str | None = Field(default=None, max_length=4000)
    expires_at: AwareDatetime | None = None


class EvidenceAcceptedV1(PublicEvent):
    """Learner showed competency at a level or score, judged by an assessor, in a pathway."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.evidence-accepted.v1"
    content: EvidenceContent
    moved_from: UUID | None = Field(default=None, description="The evidence this was, when it was another learner's.")
    merged_with: UUID | None = Field(default=None, description="Whose it was, when both are one person.")


class EvidenceRevisedV1(PublicEvent):
    """The sender corrected a record: this replaces the evidence it names."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.evidence-revised.v1"
    revises: UUID
    content: EvidenceContent


class EvidenceRetractedV1(PublicEvent):
    """The evidence it names is withdrawn; the envelope's id is the retraction's own."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.evidence-retracted.v1"
    retracts: UUID
    reason: str = Field(max_length=500)
    receipt: UUID | None = None
    moved_to: UUID | None = Field(default=None, description="The evidence it is from now on, another learner's.")
    merged_with: UUID | None = Field(default=None, description="Whose it is by now, when both are one person.")
