"""An achievement: what it is called, what it takes, and what may happen to its awards without a person."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """Whether something happens at once, or is proposed for a person to decide."""

    AT_ONCE = "at_once"
    PROPOSE = "propose"


DIPLOMAS = frozenset({"SecondarySchoolDiploma", "Diploma", "AssociateDegree", "BachelorDegree", "MasterDegree"})
KINDS = DIPLOMAS | {
    "Achievement",
    "ApprenticeshipCertificate",
    "Award",
    "Badge",
    "Certificate",
    "CertificateOfCompletion",
    "Certification",
    "Competency",
    "Course",
    "JourneymanCertificate",
    "LearningProgram",
    "License",
    "MicroCredential",
}
BY_RULE = frozenset({"retraction", "correction"})  # the only causes that may ever revoke without a person


@dataclass(frozen=True, slots=True)
class Requirement:
    """The node of a policy's requirement tree that the achievement recognises."""

    policy: str
    node: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of an achievement, named by the digest of its content."""

    id: str
    digest: str
    name: str
    description: str
    criteria: str
    kind: str
    requirement: Requirement
    criteria_url: str | None = None
    image: str | None = None
    award: Rule = Rule.AT_ONCE
    on_retraction: Rule = Rule.AT_ONCE
    on_correction: Rule = Rule.AT_ONCE

    @property
    def diploma(self) -> bool:
        """A person decides everything about a diploma."""
        return self.kind in DIPLOMAS

    def award_rule(self) -> Rule:
        """Whether meeting the requirement is enough."""
        return Rule.PROPOSE if self.diploma else self.award

    def revocation_rule(self, cause: str) -> Rule:
        """Corrections and retractions may revoke by rule; a policy, an override, a merge or time only proposes."""
        if self.diploma or cause not in BY_RULE:
            return Rule.PROPOSE
        return self.on_retraction if cause == "retraction" else self.on_correction
