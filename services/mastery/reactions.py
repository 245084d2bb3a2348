"""What ingest says, as commands to a learner's record; the same reaction reads it from the log and from the store."""

from collections.abc import Callable
from datetime import date, datetime
from sys import intern  # the same few words in every piece of evidence: kept once
from typing import Any
from uuid import UUID

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from contracts.learners_v1 import (
    LearnerEnrolledV1,
    LearnerRegisteredV1,
    LearnersMergedV1,
    LearnersUnmergedV1,
    LinkCorrectedV1,
)
from services.mastery.domain.facts import (
    EnrolmentRecorded,
    EvidenceRecorded,
    EvidenceWithdrawn,
    LearnerAdmitted,
    LearnersMerged,
    LearnersUnmerged,
    LinkCorrected,
)
from services.mastery.domain.learner_record import (
    AdmitLearner,
    Command,
    RecordEnrolment,
    RecordEvidence,
    RecordIdentity,
    WithdrawEvidence,
)
from services.mastery.storage.received import Received, utc


def react(received: Received, recorded_at: datetime) -> list[Command]:
    """The commands an envelope of ingest amounts to here; a link says nothing of mastery and amounts to none."""
    reaction = REACTIONS.get(received.type)
    return [] if reaction is None else reaction(received, recorded_at)


def on_learner_registered(received: Received, recorded_at: datetime) -> list[Command]:
    """A learner exists."""
    admitted = LearnerAdmitted(
        id=received.id,
        registered_by=received.content["registered_by"],
        occurred_at=received.occurred_at,
        recorded_at=recorded_at,
    )
    return [AdmitLearner(admitted)]


def on_learner_enrolled(received: Received, recorded_at: datetime) -> list[Command]:
    """An enrolment as it now stands."""
    enrolment = received.content["enrolment"]
    recorded = EnrolmentRecorded(
        id=received.id,
        enrolment=UUID(enrolment["id"]),
        organisation=enrolment["organisation"],
        cohort=enrolment.get("cohort"),
        begins_on=_optional(date.fromisoformat, enrolment.get("begins_on")),
        ends_on=_optional(date.fromisoformat, enrolment.get("ends_on")),
        occurred_at=received.occurred_at,
        recorded_at=recorded_at,
    )
    return [RecordEnrolment(recorded)]


def on_evidence_accepted(received: Received, recorded_at: datetime) -> list[Command]:
    """Evidence of its own."""
    return [RecordEvidence(_evidence(received, recorded_at))]


def on_evidence_revised(received: Received, recorded_at: datetime) -> list[Command]:
    """Evidence in the place of other evidence."""
    return [RecordEvidence(_evidence(received, recorded_at))]


def on_evidence_retracted(received: Received, recorded_at: datetime) -> list[Command]:
    """Evidence that counts no more."""
    withdrawn = EvidenceWithdrawn(
        id=received.id,
        withdraws=UUID(received.content["retracts"]),
        reason=received.content["reason"],
        occurred_at=received.occurred_at,
        recorded_at=recorded_at,
        moved_to=_optional(UUID, received.content.get("moved_to")),
        merged_with=_optional(UUID, received.content.get("merged_with")),
    )
    return [WithdrawEvidence(withdrawn)]


def on_learners_merged(received: Received, recorded_at: datetime) -> list[Command]:
    """Two pseudonyms are one person."""
    return [RecordIdentity(LearnersMerged(by=received.content["merged_by"], **_both(received, "into", recorded_at)))]


def on_learners_unmerged(received: Received, recorded_at: datetime) -> list[Command]:
    """They are two after all."""
    by = received.content["unmerged_by"]
    return [RecordIdentity(LearnersUnmerged(by=by, **_both(received, "into", recorded_at)))]


def on_link_corrected(received: Received, recorded_at: datetime) -> list[Command]:
    """An identifier means somebody else than was thought."""
    said, both = received.content, _both(received, "wrong", recorded_at)
    return [RecordIdentity(LinkCorrected(scheme=said["scheme"], by=said["corrected_by"], **both))]


REACTIONS: dict[str, Callable[[Received, datetime], list[Command]]] = {
    LearnerRegisteredV1.TYPE: on_learner_registered,
    LearnerEnrolledV1.TYPE: on_learner_enrolled,
    EvidenceAcceptedV1.TYPE: on_evidence_accepted,
    EvidenceRevisedV1.TYPE: on_evidence_revised,
    EvidenceRetractedV1.TYPE: on_evidence_retracted,
    LearnersMergedV1.TYPE: on_learners_merged,
    LearnersUnmergedV1.TYPE: on_learners_unmerged,
    LinkCorrectedV1.TYPE: on_link_corrected,
}


def _both(received: Received, other: str, recorded_at: datetime) -> dict[str, Any]:
    """The two learners, and when."""
    said = received.content
    when = {"id": received.id, "occurred_at": received.occurred_at, "recorded_at": recorded_at}
    return {"learner": UUID(said["learner"]), other: UUID(said[other]), **when}


def _evidence(received: Received, recorded_at: datetime) -> EvidenceRecorded:
    said = received.content
    content = said["content"]
    competency, rating, assessor = content["competency"], content["rating"], content["assessor"]
    activity = content.get("activity") or {}
    expires_at, revises = content.get("expires_at"), said.get("revises")
    moved_from, merged_with = said.get("moved_from"), said.get("merged_with")
    return EvidenceRecorded(
        id=received.id,
        competency=intern(competency["identifier"]),
        code=intern(competency["code"]),
        framework=intern(competency["framework"]),
        scale=intern(rating["scale"]),
        scale_version=rating["scale_version"],
        assessor=intern(assessor["id"]),
        assessor_role=intern(assessor["role"]),
        assessor_organisation=intern(assessor["organisation"]),
        pathway=intern(content["pathway"]),
        organisation=intern(content["organisation"]),
        source=intern(content["source"]),
        occurred_at=received.occurred_at,
        recorded_at=recorded_at,
        kind=intern(content.get("kind", "summative")),
        level=rating.get("level"),
        score=rating.get("score"),
        observed=rating.get("observed", True),
        activity=activity.get("id"),
        artifact=activity.get("artifact"),
        attempt=activity.get("attempt"),
        expires_at=None if expires_at is None else utc(expires_at),
        revises=None if revises is None else UUID(revises),
        moved_from=None if moved_from is None else UUID(moved_from),
        merged_with=None if merged_with is None else UUID(merged_with),
    )


def _optional(read: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else read(text)
