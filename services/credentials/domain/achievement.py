"""An achievement: what it is called, what it takes, and what may happen to its awards without a person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


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


@dataclass(frozen=True, slots=True)
class DefineAchievement:
    """Somebody wrote the achievement down, or wrote it anew."""

    definition: Definition
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AchievementDefined:
    """One version of an achievement; awards made under an earlier one keep it."""

    TOPIC: ClassVar = "credentials.achievement-defined.v1"
    definition: Definition
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Achievement:
    """The achievement as its last version has it, and how many there were."""

    definition: Definition | None = None
    version: int = 0


class RequirementCannotChange(Exception):
    """An achievement keeps the requirement it was first defined for; another requirement is another achievement."""


def decide(command: DefineAchievement, achievement: Achievement) -> Sequence[AchievementDefined]:
    """A new version, unless it says what the last one says."""
    known = achievement.definition
    if known is not None and known.digest == command.definition.digest:
        return []
    if known is not None and known.requirement != command.definition.requirement:
        raise RequirementCannotChange
    return [AchievementDefined(command.definition, command.by, command.at)]


def evolve(achievement: Achievement, event: AchievementDefined) -> Achievement:
    """The achievement after the event."""
    return replace(achievement, definition=event.definition, version=achievement.version + 1)
