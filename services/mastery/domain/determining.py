"""One competency judged by one plan: select, order, estimate, gate, decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

from services.mastery.domain.estimators import HIGHEST
from services.mastery.domain.gates import Check, Gauge
from services.mastery.domain.known import Shelf
from services.mastery.domain.prefix import Prefix
from services.mastery.domain.rounding import reaches, shown
from services.mastery.domain.rules import Plan, Running
from services.mastery.domain.selecting import Picked, pick_more, set_aside

Result = Literal["met", "not_met", "insufficient"]


@dataclass(slots=True)  # never changed; `frozen` takes four times as long to make one
class Determination:
    """What a plan says of one competency: the result, the value it rests on, and what was and was not counted."""

    code: str
    competency: str
    result: Result
    value: Fraction | None
    compared: Fraction | None  # the value, rounded first when the policy compares rounded values
    level: str | None
    counted: Prefix[UUID]
    lapsed: Sequence[UUID]
    excluded: Sequence[tuple[UUID, str]]  # with the rule that left it out
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


@dataclass(slots=True)
class Judged:
    """What a value amounts to under a plan."""

    value: Fraction | None
    compared: Fraction | None
    level: str | None
    reached: bool  # what the plan requires

    @classmethod
    def of(cls, plan: Plan, value: Fraction | None) -> "Judged":
        """Rounded first, when the policy compares rounded values."""
        compared = plan.rounding(value) if value is not None and plan.compare_rounded else value
        reached = compared is not None and reaches(compared, plan.required)
        return cls(value, compared, _level(plan, compared), reached)


@dataclass(slots=True)
class Tally:
    """What a plan makes of the first `size` pieces of a shelf as of an instant; one more costs what one costs."""

    plan: Plan
    picked: Picked
    as_of: datetime
    running: Running
    gauge: Gauge
    size: int = 0
    counted: list[UUID] = field(default_factory=list)
    judged: Judged | None = None  # the last value
    short: tuple[Check, ...] | None = None  # of the gate, when last asked

    @classmethod
    def of(cls, plan: Plan, shelf: Shelf, as_of: datetime) -> "Tally":
        """The tally of a shelf, from its first piece."""
        tally = cls(plan, set_aside(shelf), as_of, (plan.estimate or HIGHEST).running(), Gauge(plan.gate))
        tally.grow(shelf, as_of)
        return tally

    def can_grow(self, shelf: Shelf, as_of: datetime) -> bool:
        """Whether this tally is of the shelf's beginning, and nothing in it has aged."""
        in_time = self.as_of <= as_of <= self.picked.until
        return in_time and self.size <= len(shelf.current) and self.plan.attempts.keep == "all"

    def grow(self, shelf: Shelf, as_of: datetime) -> None:
        """Take in the rest of the shelf."""
        before = len(self.picked.counted)
        pick_more(self.plan, shelf.current.after(self.size), as_of, self.picked)
        self.size, self.as_of = len(shelf.current), as_of
        counted = self.picked.counted[before:]
        self.counted.extend([evidence.id for evidence, _ in counted])
        self.running.take([points for _, points in counted])
        if self.short != ():  # more evidence fulfils no gate a second time
            self.gauge.take(counted)

    def determination(self) -> Determination:
        """What follows from what was taken in."""
        plan, picked, value = self.plan, self.picked, self.running.value()
        if self.short != ():
            self.short = tuple([check for check in self.gauge.checks() if not check.passed])
        if self.judged is None or value is not self.judged.value:
            self.judged = Judged.of(plan, value)
        return Determination(
            code=plan.code,
            competency=plan.competency,
            result=self._result(self.judged, self.short),
            value=value,
            compared=self.judged.compared,
            level=self.judged.level,
            counted=Prefix(self.counted),
            lapsed=Prefix(picked.lapsed),
            excluded=Prefix(picked.excluded),
            short=self.short,
            plan=plan,
        )

    def _result(self, judged: Judged, short: tuple[Check, ...]) -> Result:
        """A gate that says which level counts is a test one can fail; any other says whether one can judge at all."""
        if short:
            seen = self.counted or self.picked.below
            return "not_met" if self.plan.gate.at_least is not None and seen else "insufficient"
        if judged.compared is None:
            return "insufficient"
        return "met" if judged.reached else "not_met"


def _level(plan: Plan, compared: Fraction | None) -> str | None:
    reached = None
    for mark, code in plan.levels:
        if compared is None or not reaches(compared, mark):
            break
        reached = code
    return reached
