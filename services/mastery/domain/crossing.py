"""Building the event of a node that passed into or out of met; its id follows from where in history it happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from services.mastery.domain.determining import Determination
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.facts import Fact
from services.mastery.domain.lasting import met_until
from services.mastery.domain.rounding import shown
from services.mastery.domain.rules import Leaf, Plan
from services.mastery.domain.standings import Standing
from services.mastery.domain.thresholds import (
    NAMED_MAX,
    Achieved,
    Cause,
    LevelLost,
    LevelReached,
    RequirementLapsed,
    RequirementMet,
    Threshold,
)


@dataclass(slots=True, unsafe_hash=True)
class Occasion:
    """Why and when nodes are settled; `due` where nothing but the instant itself brought it about."""

    cause: Cause
    caused_by: UUID
    recorded_at: datetime
    as_of: datetime
    merged_with: UUID | None = None
    due: bool = False

    @classmethod
    def of(cls, cause: Cause, fact: Fact, as_of: datetime) -> "Occasion":
        """What a fact brings about."""
        merged_with = getattr(fact, "merged_with", None) if cause == "merge" else None
        return cls(cause, fact.id, fact.recorded_at, as_of, merged_with)


def threshold_id(learner: UUID, policy: str, node: str, kind: str, cycle: int) -> UUID:
    """The same crossing has the same id in every replay."""
    return uuid5(learner, f"{policy}|{node}|{kind}|{cycle}")


def due_id(learner: UUID, policy: str, node: str, due: datetime) -> UUID:
    """What an instant brings about has the same id on whatever day it is recorded."""
    return uuid5(learner, f"{policy}|{node}|{due.isoformat(timespec='microseconds')}")


def crossing(
    learner: UUID, reckoning: Reckoning, node: str, standing: Standing, met: bool, occasion: Occasion
) -> Threshold:
    """The event of a node whose result is no longer what its standing says."""
    policy = reckoning.policy
    is_level = node in policy.plans
    cycle = standing.cycle + 1 if met else standing.cycle
    kind = ("reached" if met else "lost") if is_level else ("met" if met else "lapsed")
    rests_on = (Leaf(node),) if is_level else policy.rests_on[node]
    common: dict[str, Any] = {
        "id": due_id(learner, policy.id, node, occasion.as_of)
        if occasion.due
        else threshold_id(learner, policy.id, node, kind, cycle),
        "policy": policy.id,
        "node": node,
        "cycle": cycle,
        "cause": occasion.cause,
        "caused_by": occasion.caused_by,
        **_counted(reckoning, rests_on),
        "documents": policy.documents,
        "effective_at": occasion.as_of,
        "recorded_at": occasion.recorded_at,
        "merged_with": occasion.merged_with,
    }
    if not met:
        return LevelLost(**common) if is_level else RequirementLapsed(**common)
    achieved = _achieved(reckoning, rests_on)
    if is_level:
        return LevelReached(**common, achieved=achieved[0])
    return RequirementMet(**common, achieved=achieved, valid_until=met_until(reckoning, node))


def _counted(reckoning: Reckoning, rests_on: Iterable[Leaf]) -> dict[str, Any]:
    """The latest pieces by name and all by number: an event does not grow with a learner's history."""
    counted = [reckoning.determination(code).counted for code in dict.fromkeys([leaf.code for leaf in rests_on])]
    named = [evidence for pieces in counted for evidence in pieces.latest(NAMED_MAX)]
    return {"evidence": tuple(named), "evidence_count": sum(map(len, counted))}


def _achieved(reckoning: Reckoning, rests_on: Iterable[Leaf]) -> tuple[Achieved, ...]:
    """The levels reached, of the leaves that are met: of a k_of there may be others."""
    found: dict[str, Achieved] = {}
    for leaf in rests_on:
        determination = reckoning.determination(leaf.code)
        plan = reckoning.policy.plans[leaf.code]
        if leaf.at_least is None:
            if determination.result == "met":
                found.setdefault(leaf.code, _required(reckoning, plan, determination))
        elif determination.at(leaf.at_least) == "met":
            found.setdefault(leaf.code, _level(plan, determination, shown(leaf.at_least)))
    return tuple(found.values())


def _required(reckoning: Reckoning, plan: Plan, determination: Determination) -> Achieved:
    """At the plan's own mark: said by the level that is reached and again by each requirement above it."""
    achieved = reckoning.achieved.get(plan.code)
    if achieved is None:
        achieved = reckoning.achieved[plan.code] = _level(plan, determination, shown(plan.required))
    return achieved


def _level(plan: Plan, determination: Determination, required: str) -> Achieved:
    value = determination.value
    return Achieved(
        framework=plan.framework,
        competency=plan.competency,
        code=plan.code,
        scale=plan.scale,
        scale_version=plan.scale_version,
        level=determination.level,
        value=None if value is None else shown(plan.rounding(value)),
        required=required,
        evidence=tuple(determination.counted.latest(NAMED_MAX)),
        evidence_count=len(determination.counted),
    )
