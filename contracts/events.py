"""Every public event by its CloudEvents type, and the topic it travels on."""

from contracts.catalogue_v1 import FrameworkPublishedV1, ScalePublishedV1
from contracts.credentials_v1 import CredentialIssuedV1, CredentialRevokedV1
from contracts.envelope import PublicEvent
from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from contracts.learners_v1 import (
    LearnerEnrolledV1,
    LearnerErasedV1,
    LearnerLinkedV1,
    LearnerRegisteredV1,
    LearnersMergedV1,
    LearnersUnmergedV1,
    LinkCorrectedV1,
)
from contracts.mastery_v1 import LevelLostV1, LevelReachedV1, RecordErasedV1, RequirementLapsedV1, RequirementMetV1

INGEST_LEARNER = "ingest.learner"
MASTERY_LEARNER = "mastery.learner"
MASTERY_CATALOGUE = "mastery.catalogue"
CREDENTIALS_LEARNER = "credentials.learner"

TOPICS: dict[str, tuple[type[PublicEvent], ...]] = {
    INGEST_LEARNER: (
        EvidenceAcceptedV1,
        EvidenceRevisedV1,
        EvidenceRetractedV1,
        LearnerRegisteredV1,
        LearnerLinkedV1,
        LearnerEnrolledV1,
        LearnersMergedV1,
        LearnersUnmergedV1,
        LinkCorrectedV1,
        LearnerErasedV1,
    ),
    MASTERY_LEARNER: (LevelReachedV1, LevelLostV1, RequirementMetV1, RequirementLapsedV1, RecordErasedV1),
    MASTERY_CATALOGUE: (FrameworkPublishedV1, ScalePublishedV1),
    CREDENTIALS_LEARNER: (CredentialIssuedV1, CredentialRevokedV1),
}
CATALOGUE_TOPICS = frozenset({MASTERY_CATALOGUE})  # documents; everything else is about a learner
IN_CLEAR: frozenset[type[PublicEvent]] = frozenset((*TOPICS[MASTERY_CATALOGUE], LearnerErasedV1, RecordErasedV1))
CONSUMERS: dict[str, tuple[str, ...]] = {
    INGEST_LEARNER: ("mastery",),
    MASTERY_LEARNER: ("credentials",),
    MASTERY_CATALOGUE: ("ingest",),
    CREDENTIALS_LEARNER: (),  # for systems outside: wallets, student information systems
}
PUBLIC_EVENTS: dict[str, type[PublicEvent]] = {event.TYPE: event for events in TOPICS.values() for event in events}
