"""The shapes of answers: each says for when, as known when, whether it can still change, and what it rests on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import PlainSerializer

from services.mastery.domain.thresholds import DocumentRef
from services.runtime.clock import format_instant

Instant = Annotated[datetime, PlainSerializer(format_instant, return_type=str)]  # text order is time order


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The learner's last event that was read: its place in mastery's journal."""

    partition: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What was recorded after one instant, up to another, was lost and restored without it."""

    after: Instant
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every answer carries. A final answer never changes, save by erasure."""

    learner: UUID
    as_of: Instant
    known_at: Instant
    finality: Literal["final", "provisional"]
    known_to: Instant
    position: Position
    documents: list[DocumentRef]
    lost: list[Lost]  # windows within which `known_at` falls: what was known then was more than this answer rests on
    merged_into: UUID | None = None  # by which id the learner is known: ask about that one


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRef:
    """The policy version that judged."""

    id: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompetencyStanding:
    """A determination: `value` is rounded as the policy says, `why` is what is short."""

    code: str
    competency: str
    framework: str
    statement: str
    result: str
    value: str | None
    level: str | None
    required: str
    counted: list[UUID]
    lapsed: list[UUID]
    why: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementStanding:
    """A requirement's result."""

    name: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStandings:
    """Every node of one policy."""

    policy: PolicyRef
    competencies: list[CompetencyStanding]
    requirements: list[RequirementStanding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings(Answer):
    """Every determination and requirement of every policy in force."""

    policies: list[PolicyStandings]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSaid:
    """One piece of evidence a trace speaks of."""

    id: UUID
    code: str
    occurred_at: Instant
    recorded_at: Instant
    level: str | None
    score: str | None
    observed: bool
    kind: str
    pathway: str
    assessor: str
    assessor_role: str
    assessor_organisation: str
    source: str
    artifact: str | None
    revises: UUID | None
    moved_from: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTrace:
    """What one policy says of the node: the tree, and in order the evidence it counted or left out."""

    policy: PolicyRef
    trace: dict[str, object]
    evidence: list[EvidenceSaid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why(Answer):
    """The trace of one competency or requirement."""

    node: str
    policies: list[PolicyTrace]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAfter:
    """Where a node stood once the event was taken in."""

    policy: str
    version: int
    node: str
    result: str
    value: str | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One event of the stream: `what` is its stored name, `said` what it says."""

    version: int
    seq: int
    recorded_at: Instant
    what: str
    id: UUID
    said: dict[str, object]
    after: list[NodeAfter]


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Answer):
    """Every event in order; `next_after` asks for the next page."""

    events: list[HistoryEntry]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A leaf that is not met yet, and what is short."""

    code: str
    statement: str
    result: str
    value: str | None
    required: str
    why: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A requirement (or a competency no requirement rests on) that is not met, with its unmet leaves."""

    policy: PolicyRef
    node: str
    result: str
    leaves: list[NextStep]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteps(Answer):
    """What is not met, and by which leaves."""

    unmet: list[Unmet]
