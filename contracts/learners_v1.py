"""Learners as ingest publishes them on `ingest.learner`: pseudonyms only; names stay in ingest's vault."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from contracts.envelope import Model, PublicEvent, Slug


class LearnerRegisteredV1(PublicEvent):
    """A learner exists; the envelope's subject is the pseudonym."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learner-registered.v1"
    registered_by: Literal["roster", "person"]


class LearnerLinkedV1(PublicEvent):
    """An identifier of this scheme now means this learner; the identifier itself stays in the vault."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learner-linked.v1"
    link: UUID
    scheme: str
    linked_by: str


class LearnersMergedV1(PublicEvent):
    """Two pseudonyms are one person: what was said of `learner` is said of `into` from now on. Told to both."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learners-merged.v1"
    move: UUID
    learner: UUID
    into: UUID
    merged_by: str


class LearnersUnmergedV1(PublicEvent):
    """They are two after all: what came by `learner` is said of it again, no longer of `into`. Told to both."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learners-unmerged.v1"
    move: UUID
    learner: UUID
    into: UUID
    unmerged_by: str


class LinkCorrectedV1(PublicEvent):
    """An identifier of this scheme meant `wrong`; it means `learner`, and so does what came by it. Told to both."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.link-corrected.v1"
    move: UUID
    link: UUID
    scheme: str
    wrong: UUID
    learner: UUID
    corrected_by: str


class Enrolment(Model):
    """From the first to the last day (inclusive) at an organisation, perhaps in a cohort."""

    id: UUID
    organisation: Slug
    cohort: str | None = None
    begins_on: date | None = None
    ends_on: date | None = None


class LearnerEnrolledV1(PublicEvent):
    """An enrolment as it now stands: the same id again replaces what was said before."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learner-enrolled.v1"
    enrolment: Enrolment


class LearnerErasedV1(PublicEvent):
    """Whatever was said of this pseudonym can no longer be read, here or anywhere. In clear, as its key is gone."""

    TYPE: ClassVar[str] = "org.wayproof.ingest.learner-erased.v1"
    erasure: UUID
