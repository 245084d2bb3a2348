"""Requirement trees over three values: met, not met, and not enough evidence to say."""

from dataclasses import dataclass
from typing import Protocol

from services.mastery.domain.determining import Determination, Result
from services.mastery.domain.rules import Group, Leaf, Node, Requirement


@dataclass(frozen=True, slots=True)
class Outcome:
    """A requirement's result and, of a group, its parts' in order."""

    requirement: Requirement
    result: Result
    parts: tuple["Outcome", ...] = ()


class Reckoned(Protocol):
    """What a requirement rests on, by name."""

    def determination(self, code: str) -> Determination:
        """The determination of a competency."""

    def requirement(self, name: str) -> Outcome:
        """The outcome of another requirement."""


def outcome_of(requirement: Requirement, reckoned: Reckoned) -> Outcome:
    """The outcome of a requirement; depth is bounded where policies are compiled."""
    match requirement:
        case Leaf(code, at_least):
            determination = reckoned.determination(code)
            return Outcome(requirement, determination.result if at_least is None else determination.at(at_least))
        case Node(name):
            return Outcome(requirement, reckoned.requirement(name).result)
        case Group(_, need, children):
            parts = tuple(outcome_of(child, reckoned) for child in children)
            return Outcome(requirement, k_of(need, [part.result for part in parts]), parts)


def k_of(need: int, results: list[Result]) -> Result:
    """Met when enough are; insufficient while those that cannot be judged yet might still make enough."""
    met = results.count("met")
    if met >= need:
        return "met"
    return "insufficient" if met + results.count("insufficient") >= need else "not_met"
