"""A policy document as far as the ledger understands it; what it does not understand it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One competency's estimate and gate; without a method the gate alone judges."""

    required: Fraction
    method: str | None = None
    recent: int = 0
    count: int = 0
    at_least: Fraction | None = None
    max_age: timedelta | None = None


@dataclass(frozen=True)
class Tree:
    """`need` of the parts; a leaf is a competency's code, another requirement its name."""

    need: int
    parts: tuple["Tree | str", ...]


@dataclass(frozen=True)
class Policy:
    """Rules by code, requirements by name."""

    rules: Mapping[str, Rule]
    requirements: Mapping[str, Tree]


def read_policy(document: Mapping[str, Any], proficient: Fraction) -> Policy:
    """`proficient` is the scale's mark, used where the policy names none."""
    rules = {code: _rule(said, proficient) for code, said in document["competencies"].items()}
    return Policy(rules, {name: _tree(said) for name, said in document.get("requirements", {}).items()})


def _rule(said: Mapping[str, Any], proficient: Fraction) -> Rule:
    estimate, gate, decide = (dict(said.get(name, {})) for name in ("estimate", "gate", "decide"))
    assert set(said) <= {"estimate", "gate", "decide"}, "the ledger knows no more"
    assert set(estimate) <= {"method", "n"}, "the ledger knows no more"
    assert set(gate) <= {"count", "at_least", "max_age"}, "the ledger knows no more"
    assert set(decide) <= {"at_least"}, "the ledger knows no more"
    at_least = Fraction(str(gate["at_least"])) if "at_least" in gate else None
    required = at_least if not estimate and at_least is not None else proficient
    if "at_least" in decide:
        required = Fraction(str(decide["at_least"]))
    return Rule(
        required,
        estimate.get("method"),
        estimate.get("n", 0),
        gate.get("count", 0),
        at_least,
        _age(gate.get("max_age")),
    )


def _age(said: str | None) -> timedelta | None:
    return None if said is None else timedelta(days=int(said.removeprefix("P").removesuffix("D")))


def _tree(said: Any) -> Tree:
    (kind,) = set(said) - {"from"}
    if kind == "leaf":
        return Tree(1, (said["leaf"],))
    parts = tuple(part if isinstance(part, str) else _tree(part) for part in said.get("from") or said[kind])
    need = {"all_of": len(parts), "any_of": 1}.get(kind) or said[kind]
    return Tree(need, parts)
