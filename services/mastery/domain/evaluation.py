"""The one evaluation: what is known, under the rules, as of an instant, gives determinations and requirements.

Live state, replay, history and what-if are this function. It reads no clock and no store, and computes exactly.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.mastery.domain.applying import in_force
from services.mastery.domain.determining import Determination, Result, Tally
from services.mastery.domain.known import EMPTY_SHELF, FOR_EVER, Known
from services.mastery.domain.requirements import result_of
from services.mastery.domain.rules import CompiledPolicy, Plan, Rules
from services.mastery.domain.thresholds import Achieved


@dataclass(frozen=True, slots=True)
class PolicyEvaluation:
    """What one policy version says, node by node."""

    policy: CompiledPolicy
    determinations: Mapping[str, Determination]  # by code
    requirements: Mapping[str, Result]  # by name


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What every policy in force says, by policy id."""

    as_of: datetime
    policies: Mapping[str, PolicyEvaluation]


def evaluate(known: Known, rules: Rules, as_of: datetime) -> Evaluation:
    """What the policies in force for this learner say as of an instant."""
    applied = in_force(known, rules, as_of)
    return Evaluation(as_of, {policy.id: evaluate_policy(known, policy, as_of) for policy in applied.values()})


def evaluate_policy(known: Known, policy: CompiledPolicy, as_of: datetime) -> PolicyEvaluation:
    """What one policy says as of an instant, whether it is in force or not."""
    reckoning = Reckoning(known, policy, as_of)
    return PolicyEvaluation(
        policy,
        {code: reckoning.determination(code) for code in policy.plans},
        {name: reckoning.requirement(name) for name in policy.requirements},
    )


@dataclass(slots=True)
class Reckoning:
    """An evaluation of only what is asked for; the whole and the part are therefore the same computation."""

    known: Known
    policy: CompiledPolicy
    as_of: datetime
    requirements: dict[str, Result] = field(default_factory=dict)
    achieved: dict[str, Achieved] = field(default_factory=dict)  # by code, as the events of this evaluation state it

    def determination(self, code: str) -> Determination:
        """The determination of one competency; kept on the shelf for as long as it holds."""
        plan = self.policy.plans[code]
        shelf = self.known.shelves.get(plan.competency)
        if shelf is None:
            of_nothing: Determination | None = self.policy.memo.get(code)
            return of_nothing or self._of_nothing(plan)
        kept = shelf.memo.get(self.policy.digest)
        if kept is not None and kept[0] <= self.as_of <= kept[1]:
            determination: Determination = kept[2]
            return determination
        tally: Tally | None = shelf.tallies.get(self.policy.digest)
        if tally is not None and tally.can_grow(shelf, self.as_of):
            tally.grow(shelf, self.as_of)
        else:
            tally = shelf.tallies[self.policy.digest] = Tally.of(plan, shelf, self.as_of)
        determination = tally.determination()
        shelf.memo[self.policy.digest] = (self.as_of, tally.picked.until, determination)
        return determination

    def holds_until(self, competency: str) -> datetime:
        """The last instant at which time alone has moved nothing of a competency whose determination was asked for."""
        shelf = self.known.shelves.get(competency)
        until: datetime = FOR_EVER if shelf is None else shelf.memo[self.policy.digest][1]
        return until

    def unmoved_until(self, codes: Iterable[str]) -> datetime:
        """The last instant at which time alone has moved none of these."""
        until = FOR_EVER
        for code in codes:
            competency = self.policy.plans[code].competency
            if competency in self.known.shelves:
                self.determination(code)
                until = min(until, self.holds_until(competency))
        return until

    def _of_nothing(self, plan: Plan) -> Determination:
        """Without evidence the answer is the policy's alone, so it is kept there."""
        kept = self.policy.memo[plan.code] = Tally.of(plan, EMPTY_SHELF, self.as_of).determination()
        return kept

    def requirement(self, name: str) -> Result:
        """The result of one requirement and, below it, of what it rests on."""
        result = self.requirements.get(name)
        if result is None:
            result = self.requirements[name] = result_of(self.policy.requirements[name], self)
        return result
