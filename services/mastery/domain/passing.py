"""The passing of time: evidence ages out or begins to count, a policy comes into force, with nobody saying anything.

Each such instant is settled by itself, so what is recorded does not hang on when somebody looked.
"""

from datetime import datetime
from uuid import UUID

from services.mastery.domain.crossing import Occasion
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.known import FOR_EVER, INSTANT, Known
from services.mastery.domain.rules import CompiledPolicy, Rules
from services.mastery.domain.settling import Settlement, settle_codes, settle_newly
from services.mastery.domain.shelving import Shelving


def next_due(shelving: Shelving, rules: Rules) -> datetime:
    """The next instant at which time alone may move a node; FOR_EVER when there is none."""
    kept = shelving.due
    if kept is None or kept[0] is not rules:
        kept = shelving.due = rules, _due_after(shelving, rules, shelving.reached)
    return kept[1]


def pass_time(
    settlement: Settlement, shelving: Shelving, rules: Rules, until: datetime, caused_by: UUID, recorded_at: datetime
) -> None:
    """What each instant up to and including `until` brings about; `caused_by` is the latest fact known by then."""
    at, due = shelving.reached, next_due(shelving, rules)
    while due <= until:
        _settle_at(settlement, shelving, rules, at, Occasion("time", caused_by, recorded_at, due, due=True))
        at, due = due, _due_after(shelving, rules, due)


def _due_after(shelving: Shelving, rules: Rules, at: datetime) -> datetime:
    """For a record that is settled as of `at`."""
    policies = shelving.judging_at(rules, at)
    until = shelving.same_judges_until
    for policy in policies.values():
        until = min(until, shelving.settled.get(policy.digest) or _judged_until(shelving, policy, at))
    return until if until == FOR_EVER else until + INSTANT


def _settle_at(settlement: Settlement, shelving: Shelving, rules: Rules, before: datetime, occasion: Occasion) -> None:
    known, due = shelving.known(), occasion.as_of
    judged = shelving.judging_at(rules, before)
    judging = shelving.judging_at(rules, due)
    newly = Occasion("policy", occasion.caused_by, occasion.recorded_at, due, due=True)
    settle_newly(settlement, known, judged, judging, newly)
    for name, policy in judging.items():
        if name not in judged or policy.digest != judged[name].digest:
            shelving.settled.pop(policy.digest, None)
        elif due > shelving.settled[policy.digest]:
            aged = [code for competency, code in policy.codes.items() if _aged(known, policy, competency, due)]
            reckoning = Reckoning(known, policy, due)
            settle_codes(settlement, reckoning, aged, occasion)
            shelving.settled[policy.digest] = reckoning.unmoved_until(policy.plans)


def _judged_until(shelving: Shelving, policy: CompiledPolicy, at: datetime) -> datetime:
    """Until when no competency of the policy moves, all of them judged as of `at`."""
    until = shelving.settled[policy.digest] = Reckoning(shelving.known(), policy, at).unmoved_until(policy.plans)
    return until


def _aged(known: Known, policy: CompiledPolicy, competency: str, as_of: datetime) -> bool:
    shelf = known.shelves.get(competency)
    if shelf is None:
        return False
    kept = shelf.memo.get(policy.digest)
    return kept is None or not kept[0] <= as_of <= kept[1]
