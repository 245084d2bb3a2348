"""Requirement trees over three values: met, not met, and not enough evidence to say."""

from typing import Protocol

from services.mastery.domain.determining import Determination, Result
from services.mastery.domain.rules import Leaf, Node, Requirement


class Reckoned(Protocol):
    """What a requirement rests on, by name."""

    def determination(self, code: str) -> Determination:
        """The determination of a competency."""

    def requirement(self, name: str) -> Result:
        """The result of another requirement."""


def result_of(requirement: Requirement, reckoned: Reckoned) -> Result:
    """The result of a requirement; depth is bounded where policies are compiled."""
    if isinstance(requirement, Leaf):
        determination = reckoned.determination(requirement.code)
        return determination.result if requirement.at_least is None else determination.at(requirement.at_least)
    if isinstance(requirement, Node):
        return reckoned.requirement(requirement.name)
    return k_of(requirement.need, [result_of(child, reckoned) for child in requirement.children])


def k_of(need: int, results: list[Result]) -> Result:
    """Met when enough are; insufficient while those that cannot be judged yet might still make enough."""
    met = results.count("met")
    if met >= need:
        return "met"
    return "insufficient" if met + results.count("insufficient") >= need else "not_met"
