"""Why: the tree behind a result, every node of the same shape, with what was counted, what was not, and what is short.

Computed on demand and JSON-able: ids as text, values as exact decimal strings rounded as the policy says.
"""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from services.mastery.domain.estimators import HIGHEST
from services.mastery.domain.evaluation import Reckoning
from services.mastery.domain.gates import Gauge, Scored
from services.mastery.domain.known import EMPTY_SHELF, Known
from services.mastery.domain.requirements import result_of
from services.mastery.domain.rounding import shown
from services.mastery.domain.rules import CompiledPolicy, Group, Leaf, Node, Plan, Requirement
from services.mastery.domain.selecting import pick

Trace = dict[str, object]


def trace(known: Known, policy: CompiledPolicy, node: str, as_of: datetime) -> Trace:
    """The trace of one competency (by code) or requirement (by name) of a policy."""
    return Tracing(Reckoning(known, policy, as_of)).node(node)


@dataclass(slots=True)
class Tracing:
    """One walk down a tree; a named requirement met again on the way is named, not unfolded again."""

    reckoning: Reckoning
    unfolded: set[str] = field(default_factory=set)

    def node(self, name: str) -> Trace:
        """A competency or a named requirement."""
        if name in self.reckoning.policy.plans:
            return {"node": name, **self._competency(name)}
        self.unfolded.add(name)
        return {"node": name, **self._part(self.reckoning.policy.requirements[name])}

    def _part(self, requirement: Requirement) -> Trace:
        match requirement:
            case Leaf(code, at_least):
                return self._leaf(code, at_least)
            case Node(name):
                again = name in self.unfolded
                return {"node": name, "result": self.reckoning.requirement(name)} if again else self.node(name)
            case Group():
                return self._group(requirement)

    def _leaf(self, code: str, at_least: Fraction | None) -> Trace:
        found = {"leaf": code, **self._competency(code)}
        if at_least is None:
            return found
        result = self.reckoning.determination(code).at(at_least)
        unmet = [] if result == "met" else [_value_needed(found["value"], at_least)]
        gates = [need for need in _list(found["satisfy"]) if "value" not in need]
        return {**found, "result": result, "required": shown(at_least), "satisfy": [*gates, *unmet]}

    def _group(self, group: Group) -> Trace:
        """With how many more parts are wanted, and of which: any that many of them would do."""
        parts = [self._part(child) for child in group.children]
        met = sum(part["result"] == "met" for part in parts)
        unmet = [_name(part, at) for at, part in enumerate(parts) if part["result"] != "met"]
        return {
            "rule": group.rule,
            "result": result_of(group, self.reckoning),
            "met": met,
            "need": group.need,
            "parts": parts,
            "satisfy": [{"parts": group.need - met, "of": unmet}] if met < group.need else [],
        }

    def _competency(self, code: str) -> Trace:
        reckoning = self.reckoning
        plan = reckoning.policy.plans[code]
        determination = reckoning.determination(code)
        shelf = reckoning.known.shelves.get(plan.competency, EMPTY_SHELF)
        counted = pick(plan, shelf, reckoning.as_of).counted
        return {
            "competency": plan.competency,
            "method": plan.method,
            "result": determination.result,
            "value": _shown(plan, determination.value),
            "level": determination.level,
            "required": shown(plan.required),
            "counted": _running(plan, counted),
            "lapsed": [str(evidence) for evidence in determination.lapsed],
            "excluded": [{"evidence": str(evidence), "rule": rule} for evidence, rule in determination.excluded],
            "why": list(determination.why),
            **_gates(plan, counted, determination.compared),
        }


def _running(plan: Plan, counted: list[Scored]) -> list[Trace]:
    """What was counted, in order, and the value after each: null while there is none."""
    running, found = (plan.estimate or HIGHEST).running(), list[Trace]()
    for evidence, points in counted:
        running.take([points])
        found.append({"evidence": str(evidence.id), "value": _shown(plan, running.value())})
    return found


def _gates(plan: Plan, counted: list[Scored], compared: Fraction | None) -> Trace:
    found = Gauge(plan.gate).take(counted).checks()
    gates = [{"gate": check.kind, "of": check.of, "have": check.have, "want": check.want} for check in found]
    short: list[object] = [gate for gate, check in zip(gates, found, strict=True) if not check.passed]
    if compared is None:
        short.append({"value": None, "want": shown(plan.required)})
    elif compared < plan.required:
        short.append(_value_needed(_shown(plan, compared), plan.required))
    return {"gates": gates, "satisfy": short}


def _value_needed(value: object, at_least: Fraction) -> Trace:
    return {"value": value, "want": shown(at_least)}


def _shown(plan: Plan, value: Fraction | None) -> str | None:
    return None if value is None else shown(plan.rounding(value))


def _list(value: object) -> list[Trace]:
    assert isinstance(value, list)
    return value


def _name(part: Trace, at: int) -> object:
    return part.get("node") or part.get("leaf") or at
