"""One competency judged by one plan: select, order, estimate, gate, decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from services.mastery.domain.estimators import highest
from services.mastery.domain.gates import Check, checks
from services.mastery.domain.known import Shelf
from services.mastery.domain.rounding import reaches, shown
from services.mastery.domain.rules import Plan
from services.mastery.domain.selecting import Picked, Scored, pick

Result = Literal["met", "not_met", "insufficient"]


@dataclass(frozen=True, slots=True)
class Determination:
    """What a plan says of one competency: the result, the value it rests on, and what was and was not counted."""

    code: str
    competency: str
    result: Result
    value: Fraction | None
    compared: Fraction | None  # the value, rounded first when the policy compares rounded values
    level: str | None
    counted: tuple[UUID, ...]
    lapsed: tuple[UUID, ...]
    excluded: tuple[tuple[UUID, str], ...]  # with the rule that left it out
    short: tuple[Check, ...]  # the conditions of the gate that are not fulfilled
    plan: Plan = field(compare=False, repr=False)

    @property
    def why(self) -> tuple[str, ...]:
        """What is short, in the shortest words; empty when met."""
        if self.short:
            return tuple(check.why for check in self.short)
        if self.compared is None:
            return ("no value",)
        if self.result == "met":
            return ()
        return (f"value {shown(self.plan.rounding(self.compared))}/{shown(self.plan.required)}",)

    def at(self, at_least: Fraction) -> Result:
        """The result against another mark than the plan's own."""
        if self.compared is None or self.short:
            return self.result
        return "met" if reaches(self.compared, at_least) else "not_met"


def determine(plan: Plan, shelf: Shelf, as_of: datetime) -> tuple[Determination, datetime]:
    """The determination as of an instant, and the last instant at which it is still the same."""
    picked = pick(plan, shelf, as_of)
    value = _value(plan, picked)
    compared = plan.rounding(value) if value is not None and plan.compare_rounded else value
    short = _short(plan, picked.counted)
    seen = bool(picked.counted) or any(rule == "below_level" for _, rule in picked.excluded)
    determination = Determination(
        code=plan.code,
        competency=plan.competency,
        result=_result(plan, compared, short, seen),
        value=value,
        compared=compared,
        level=_level(plan, compared),
        counted=tuple([evidence.id for evidence, _ in picked.counted]),
        lapsed=tuple(picked.lapsed),
        excluded=tuple(picked.excluded),
        short=short,
        plan=plan,
    )
    return determination, picked.until


def qualified(plan: Plan, counted: Sequence[Scored]) -> list[Scored]:
    """The counted evidence that is good enough for the gate."""
    floor = plan.gate.at_least
    return list(counted) if floor is None else [piece for piece in counted if piece[1] >= floor]


def _value(plan: Plan, picked: Picked) -> Fraction | None:
    return (plan.estimate or highest.estimate)([points for _, points in picked.counted])


def _short(plan: Plan, counted: Sequence[Scored]) -> tuple[Check, ...]:
    good = [evidence for evidence, _ in qualified(plan, counted)]
    return tuple(check for check in checks(plan.gate, good) if not check.passed)


def _result(plan: Plan, compared: Fraction | None, short: tuple[Check, ...], seen: bool) -> Result:
    """A gate that says which level counts is a test one can fail; any other gate says whether one can judge at all."""
    if short:
        return "not_met" if plan.gate.at_least is not None and seen else "insufficient"
    if compared is None:
        return "insufficient"
    return "met" if reaches(compared, plan.required) else "not_met"


def _level(plan: Plan, compared: Fraction | None) -> str | None:
    reached = None
    for mark, code in plan.levels:
        if compared is None or not reaches(compared, mark):
            break
        reached = code
    return reached
