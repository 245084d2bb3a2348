"""A policy ready to be applied: codes resolved, points scaled, nodes in dependency order. Compiled once a digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, Protocol

from services.mastery.domain.rounding import Rounding
from services.mastery.domain.thresholds import DocumentRef


class Running(Protocol):
    """A method's value while points come in, from the oldest to the newest; exact, like the method over all of them."""

    def take(self, points: Sequence[int]) -> None:
        """More points, each a scaled integer."""

    def value(self) -> Fraction | None:
        """The value of all that came in."""


class Estimate(Protocol):
    """A method with its parameters."""

    def __call__(self, points: Sequence[int]) -> Fraction | None:
        """The value of points from the oldest to the newest."""

    def running(self) -> Running:
        """The same, a few at a time."""


@dataclass(frozen=True, slots=True)
class ScalePoints:
    """What one version of a scale says in scaled integers: points of each level, bounds, and codes that are states."""

    levels: Mapping[str, int]
    minimum: int
    maximum: int
    not_values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which evidence a policy looks at; None is any."""

    kinds: frozenset[str]
    pathways: frozenset[str] | None = None
    assessor_roles: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Evidence with the same key is attempts at one thing, of which one is kept."""

    key: tuple[str, ...] = ()
    keep: Literal["latest", "first", "best", "all"] = "all"


@dataclass(frozen=True, slots=True)
class Gate:
    """How much evidence, and how diverse, there must be; with `at_least`, only evidence at that level counts for it."""

    count: int = 0
    at_least: int | None = None
    distinct: tuple[tuple[str, int], ...] = ()
    require: tuple[tuple[str, int], ...] = ()
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How one competency is judged. Without an `estimate` the gate alone judges."""

    code: str
    competency: str
    framework: str
    scale: str
    scale_version: int
    scales: Mapping[tuple[str, int], ScalePoints]
    selection: Selection
    required: Fraction
    levels: tuple[tuple[Fraction, str], ...]  # from the lowest
    method: str = "highest"
    estimate: Estimate | None = None
    gate: Gate = field(default_factory=Gate)
    attempts: Attempts = field(default_factory=Attempts)
    rounding: Rounding = field(default_factory=Rounding)
    compare_rounded: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A competency at a level: the policy's own for it, or another."""

    code: str
    at_least: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """Another requirement, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these: all_of needs every one, any_of one, k_of k."""

    rule: Literal["all_of", "any_of", "k_of"]
    need: int
    children: tuple["Leaf | Node | Group", ...]


Requirement = Leaf | Node | Group


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One version of one policy: requirements after those they rest on, and `above` each code those that rest on it."""

    id: str
    version: int
    digest: str
    plans: Mapping[str, Plan]  # by code
    codes: Mapping[str, str]  # CASE identifier -> code
    requirements: Mapping[str, Requirement]
    above: Mapping[str, tuple[str, ...]]
    rests_on: Mapping[str, tuple[Leaf, ...]]  # the leaves of each requirement, through those it names
    marked: frozenset[str]  # codes of which some requirement wants another level than the plan's own
    documents: tuple[DocumentRef, ...]
    organisation: str | None = None
    cohorts: tuple[str, ...] = ()
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    supersedes: tuple[str, ...] = ()
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # what follows from it alone


Rules = Mapping[str, CompiledPolicy]  # by digest
