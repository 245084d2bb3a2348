"""What a credential states about a learner: the levels reached, on which scale, against which competency."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a scale; `points` orders it, as an exact decimal."""

    code: str
    name: str
    points: str
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Achieved:
    """One competency a learner reached, as mastery determined it."""

    framework: str
    framework_title: str
    framework_uri: str | None
    competency: str
    code: str
    statement: str
    uri: str | None
    scale: str
    scale_version: int
    scale_levels: tuple[Level, ...]
    level: Level | None
    value: str | None
    required: str
    evidence: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """Where the credential's revocation bit is: a list, and a position in it."""

    list_id: str
    index: int
