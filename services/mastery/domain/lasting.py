"""How long a node stays met if nobody says anything more: what a credential says of its own end when it is issued."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.known import EMPTY_SHELF, FOR_EVER, INSTANT, Shelf

LOOKS_MAX = 100  # a history in which time moves more than that is looked at no further


def met_until(reckoning: Reckoning, requirement: str) -> datetime | None:
    """The last instant at which a requirement that is met still is, as time passes; none when time never takes it away.

    Where time moves what it rests on more than LOOKS_MAX times before, an instant until which it certainly is met.
    """
    policy = reckoning.policy
    codes = list(dict.fromkeys(leaf.code for leaf in policy.rests_on[requirement]))
    until = _unmoved_until(reckoning, codes)
    if until == FOR_EVER:
        return None
    shelves = {policy.plans[code].competency: EMPTY_SHELF for code in codes}
    for competency in shelves:  # of their own, as what is reckoned ahead of time is kept on them
        shelf = reckoning.known.shelves.get(competency, EMPTY_SHELF)
        shelves[competency] = Shelf(shelf.current, shelf.retired)
    known = replace(reckoning.known, shelves=shelves)
    for _ in range(LOOKS_MAX):
        later = Reckoning(known, policy, until + INSTANT)
        if later.requirement(requirement) != "met":
            return until
        until = _unmoved_until(later, codes)
        if until == FOR_EVER:
            return None
    return until


def _unmoved_until(reckoning: Reckoning, codes: Sequence[str]) -> datetime:
    policy, shelves, until = reckoning.policy, reckoning.known.shelves, FOR_EVER
    for code in codes:
        competency = policy.plans[code].competency
        if competency in shelves:
            reckoning.determination(code)
            until = min(until, reckoning.holds_until(competency))
    return until
