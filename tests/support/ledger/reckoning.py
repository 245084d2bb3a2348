"""Standings reckoned the slow and obvious way: sort, filter, add up, compare; Fractions throughout."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from tests.support.ledger.book import Piece


@dataclass(frozen=True)
class Rule:
    """The part of a policy the ledger understands: one competency's estimate and gate."""

    method: str
    required: Fraction
    count: int = 1
    at_least: Fraction | None = None
    recent: int = 0


def values_of(pieces: Iterable[Piece]) -> dict[tuple[str, str], list[Fraction]]:
    """Observed values by learner and competency, oldest first; what was not observed is left out."""
    observed: dict[tuple[str, str], list[tuple[str, Fraction]]] = defaultdict(list)
    for piece in pieces:
        if piece.value is not None:
            observed[piece.learner, piece.competency].append((piece.at, piece.value))
    return {where: [value for _, value in sorted(dated)] for where, dated in observed.items()}


def estimate(rule: Rule, values: list[Fraction]) -> Fraction:
    """The one number the rule makes of the values."""
    if rule.method == "highest":
        return max(values)
    if rule.method == "latest":
        return values[-1]
    recent = values[-rule.recent :] if rule.method == "mean_recent" else values
    return sum(recent, Fraction(0)) / len(recent)


def standing(rule: Rule, values: list[Fraction]) -> str:
    """`met`, `not_met` or, with nothing observed, `insufficient`."""
    if not values:
        return "insufficient"
    strong = [value for value in values if rule.at_least is None or value >= rule.at_least]
    reached = estimate(rule, values) >= rule.required and len(strong) >= rule.count
    return "met" if reached else "not_met"
