"""How long a node stays met if nobody says anything more: what a credential says of its own end when it is issued."""

from dataclasses import replace
from datetime import datetime

from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.known import FOR_EVER, INSTANT, Shelf

LOOKS_MAX = 100  # a history in which time moves more than that is looked at no further


def met_until(reckoning: Reckoning, requirement: str) -> datetime | None:
    """The last instant at which a requirement that is met still is, as time passes; none when time never takes it away.

    Where time moves what it rests on more than LOOKS_MAX times before, an instant until which it certainly is met.
    """
    policy = reckoning.policy
    codes = list(dict.fromkeys(leaf.code for leaf in policy.rests_on[requirement]))
    until = reckoning.unmoved_until(codes)
    if until == FOR_EVER:
        return None
    shelves = reckoning.known.shelves
    kept = {policy.plans[code].competency for code in codes} & shelves.keys()
    own = {competency: Shelf(shelves[competency].current, shelves[competency].retired) for competency in kept}
    known = replace(reckoning.known, shelves=own)  # as what is reckoned ahead of time is kept on its shelves
    for _ in range(LOOKS_MAX):
        later = Reckoning(known, policy, until + INSTANT)
        if later.requirement(requirement) != "met":
            return until
        until = later.unmoved_until(codes)
        if until == FOR_EVER:
            return None
    return until
