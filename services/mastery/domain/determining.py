"""One competency judged by one plan: select, order, estimate, gate, decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from services.mastery.domain.estimators import highest
from services.mastery.domain.gates import checks
from services.mastery.domain.known import Shelf
from services.mastery.domain.rounding import shown
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
    gated: bool  # the gate holds it back, whatever the value
    counted: tuple[UUID, ...]
    lapsed: tuple[UUID, ...]
    excluded: tuple[tuple[UUID, str], ...]  # with the rule that left it out
    why: tuple[str, ...]  # what is short, empty when met

    def at(self, at_least: Fraction) -> Result:
        """The result against another mark than the plan's own."""
        if self.compared is None or self.gated:
            return self.result
        return "met" if self.compared >= at_least else "not_met"


def determine(plan: Plan, shelf: Shelf, as_of: datetime) -> tuple[Determination, datetime]:
    """The determination as of an instant, and the last instant at which it is still the same."""
    picked = pick(plan, shelf, as_of)
    value = _value(plan, picked)
    compared = plan.rounding(value) if value is not None and plan.compare_rounded else value
    short = _short(plan, picked.counted)
    seen = bool(picked.counted) or any(rule == "below_level" for _, rule in picked.excluded)
    result, why = _result(plan, compared, short, seen)
    determination = Determination(
        code=plan.code,
        competency=plan.competency,
        result=result,
        value=value,
        compared=compared,
        level=_level(plan, compared),
        gated=bool(short),
        counted=tuple(piece.evidence.id for piece in picked.counted),
        lapsed=tuple(picked.lapsed),
        excluded=tuple(picked.excluded),
        why=why,
    )
    return determination, picked.until


def qualified(plan: Plan, counted: Sequence[Scored]) -> list[Scored]:
    """The counted evidence that is good enough for the gate."""
    floor = plan.gate.at_least
    return list(counted) if floor is None else [piece for piece in counted if piece.points >= floor]


def _value(plan: Plan, picked: Picked) -> Fraction | None:
    return (plan.estimate or highest.estimate)([piece.points for piece in picked.counted])


def _short(plan: Plan, counted: Sequence[Scored]) -> list[str]:
    good = [piece.evidence for piece in qualified(plan, counted)]
    return [check.why for check in checks(plan.gate, good) if not check.passed]


def _result(plan: Plan, compared: Fraction | None, short: list[str], seen: bool) -> tuple[Result, tuple[str, ...]]:
    """A gate that says which level counts is a test one can fail; any other gate says whether one can judge at all."""
    if short:
        failed = plan.gate.at_least is not None and seen
        return ("not_met" if failed else "insufficient"), tuple(short)
    if compared is None:
        return "insufficient", ("no value",)
    if compared >= plan.required:
        return "met", ()
    return "not_met", (f"value {shown(plan.rounding(compared))}/{shown(plan.required)}",)


def _level(plan: Plan, compared: Fraction | None) -> str | None:
    reached = None
    for mark, code in plan.levels:
        if compared is None or compared < mark:
            break
        reached = code
    return reached
