"""Standings reckoned the slow and obvious way: sort, filter, add up, compare; Fractions throughout."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from tests.support.ledger.book import Ledger, Piece
from tests.support.ledger.policy import Policy, Rule, Tree


@dataclass(frozen=True)
class Standing:
    """What the ledger makes of one competency: the value for display, and the records that made it, oldest first."""

    result: str
    value: str | None
    counted: tuple[str, ...]


def standings(policy: Policy, pieces: Sequence[Piece], as_of: datetime | None = None) -> dict[str, Standing]:
    """By code; `pieces` are one learner's, in the order they were acknowledged. Without an instant nothing ages."""
    return {
        code: _judge(rule, _observed(code, pieces), _observed(code, _young(rule, pieces, as_of)))
        for code, rule in policy.rules.items()
    }


def requirements(policy: Policy, pieces: Sequence[Piece], as_of: datetime | None = None) -> dict[str, str]:
    """By name."""
    results = {code: standing.result for code, standing in standings(policy, pieces, as_of).items()}
    return {name: _result(tree, policy, results) for name, tree in policy.requirements.items()}


def times_met(policy: Policy, name: str, pieces: Sequence[Piece]) -> int:
    """How often the requirement passed into met, as one piece after the other became known."""
    return times_met_over(policy, name, (pieces[:so_far] for so_far in range(1, len(pieces) + 1)))


def times_met_over(policy: Policy, name: str, states: Iterable[Sequence[Piece]]) -> int:
    """The same, of what counted after one change after the other."""
    met, times = False, 0
    for counting in states:
        was, met = met, requirements(policy, counting)[name] == "met"
        times += met and not was
    return times


def told(ledger: Ledger, standing: Standing) -> Standing:
    """The standing with evidence ids as the sender was told them in the place of records."""
    ids = tuple(next(iter(ledger.answers[record].evidence)) for record in standing.counted)
    return replace(standing, counted=ids)


def shown(value: Fraction) -> str:
    """Two decimal places at most, halves up (nothing here is negative), no idle zeros."""
    hundredths = math.floor(value * 100 + Fraction(1, 2))
    whole, rest = divmod(hundredths, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")


def _observed(code: str, pieces: Iterable[Piece]) -> list[tuple[str, Fraction]]:
    """Oldest first; of one instant, in the order they became known. What was not observed is left out."""
    dated = [(piece.at, piece) for piece in pieces if piece.competency == code]
    ordered = sorted(dated, key=lambda entry: entry[0])
    return [(piece.record, piece.value) for _, piece in ordered if piece.value is not None]


def _young(rule: Rule, pieces: Sequence[Piece], as_of: datetime | None) -> Sequence[Piece]:
    if rule.max_age is None or as_of is None:
        return pieces
    return [piece for piece in pieces if as_of - datetime.fromisoformat(piece.at) <= rule.max_age]


def _judge(rule: Rule, observed: list[tuple[str, Fraction]], young: list[tuple[str, Fraction]]) -> Standing:
    """What a gate on its own finds too weak is seen at any age; all else while it is young enough."""
    strong = [each for each in young if rule.at_least is None or each[1] >= rule.at_least]
    counted = strong if rule.method is None else young
    weak = rule.method is None and any(rule.at_least is not None and value < rule.at_least for _, value in observed)
    value = _estimate(rule, [value for _, value in counted])
    return Standing(
        _verdict(rule, value, len(strong), bool(counted) or weak),
        None if value is None else shown(value),
        tuple(record for record, _ in counted),
    )


def _verdict(rule: Rule, value: Fraction | None, strong: int, any_seen: bool) -> str:
    if strong < rule.count:
        return "not_met" if rule.at_least is not None and any_seen else "insufficient"
    if value is None:
        return "insufficient"
    return "met" if value >= rule.required else "not_met"


def _estimate(rule: Rule, values: list[Fraction]) -> Fraction | None:
    if not values:
        return None
    if rule.method in (None, "highest"):
        return max(values)
    if rule.method == "latest":
        return values[-1]
    assert rule.method in ("mean", "mean_recent"), rule.method
    chosen = values[-rule.recent :] if rule.method == "mean_recent" else values
    return sum(chosen, Fraction(0)) / len(chosen)


def _result(tree: Tree | str, policy: Policy, results: Mapping[str, str]) -> str:
    if isinstance(tree, str):
        return results[tree] if tree in results else _result(policy.requirements[tree], policy, results)
    parts = [_result(part, policy, results) for part in tree.parts]
    if parts.count("met") >= tree.need:
        return "met"
    still_possible = len(parts) - parts.count("not_met") >= tree.need
    return "insufficient" if still_possible else "not_met"
