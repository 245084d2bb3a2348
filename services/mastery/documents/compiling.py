"""From a policy document to rules that can be applied: codes resolved, marks scaled, everything it refers to named."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import TypeVar

from pydantic import BaseModel

from services.mastery.documents.canonical import refuse
from services.mastery.documents.framework import FrameworkDocument, Item
from services.mastery.documents.library import Library, Stored, Version
from services.mastery.documents.plans import Scales, plan_of
from services.mastery.documents.policy import PolicyDocument, Reference
from services.mastery.documents.trees import compile_trees
from services.mastery.domain.rounding import UNIT
from services.mastery.domain.rules import CompiledPolicy, Plan
from services.mastery.domain.thresholds import DocumentRef
from services.runtime.problems import pointer_to

Content = TypeVar("Content", bound=BaseModel)
Items = Mapping[str, list[tuple[str, Item]]]


def compile_policy(policy: Stored[PolicyDocument], library: Library) -> CompiledPolicy:
    """The policy ready to be applied, or a refusal that points at what does not resolve."""
    document, header = policy.content, policy.content.policy
    frameworks = _referred(document.frameworks, library.frameworks, "frameworks")
    scales = _referred(document.scales, library.scales, "scales")
    in_use = Scales({key: entry.content for key, entry in scales.items()})
    plans = _plans(document, _items(frameworks), in_use)

    def mark(code: str, at_least: str, pointer: str) -> Fraction:
        return Fraction(in_use.of(document.competencies[code].scale, pointer).mark(at_least), UNIT)

    trees = compile_trees(document.requirements, plans, mark)
    return CompiledPolicy(
        id=header.id,
        version=header.version,
        digest=policy.digest,
        plans=plans,
        codes={plan.competency: code for code, plan in plans.items()},
        requirements=trees.requirements,
        above=trees.above,
        rests_on=trees.rests_on,
        marked=frozenset(
            leaf.code for leaves in trees.rests_on.values() for leaf in leaves if leaf.at_least is not None
        ),
        documents=(
            DocumentRef("policy", header.id, header.version, policy.digest),
            *(DocumentRef("framework", *key, entry.digest) for key, entry in frameworks.items()),
            *(DocumentRef("scale", *key, entry.digest) for key, entry in scales.items()),
        ),
        organisation=header.organisation,
        cohorts=header.cohorts,
        effective_from=_instant(header.effective_from, time.min),
        effective_to=_instant(header.effective_to, time.max),
        supersedes=header.supersedes,
    )


def _referred(
    references: tuple[Reference, ...], known: Mapping[Version, Stored[Content]], what: str
) -> dict[Version, Stored[Content]]:
    found: dict[Version, Stored[Content]] = {}
    for at, reference in enumerate(references):
        key = (reference.id, reference.version)
        if key not in known:
            raise refuse(pointer_to((what, at)), "there is no such document at this version")
        found[key] = known[key]
    return found


def _items(frameworks: Mapping[Version, Stored[FrameworkDocument]]) -> Items:
    items: dict[str, list[tuple[str, Item]]] = {}
    for (framework, _), entry in frameworks.items():
        for item in entry.content.items:
            items.setdefault(item.code, []).append((framework, item))
    return items


def _plans(document: PolicyDocument, items: Items, scales: Scales) -> dict[str, Plan]:
    plans: dict[str, Plan] = {}
    for code, competency in document.competencies.items():
        pointer = pointer_to(("competencies", code))
        framework, item = _resolve(code, items, pointer)
        plans[code] = plan_of(document, competency, framework, item, scales, pointer)
    return plans


def _resolve(code: str, items: Items, pointer: str) -> tuple[str, Item]:
    found = items.get(code, [])
    if len(found) != 1:
        raise refuse(pointer, "no framework named has this code" if not found else "several items have this code")
    if not found[0][1].assessable:
        raise refuse(pointer, "the framework says that nobody scores this")
    return found[0]


def _instant(day: date | None, at: time) -> datetime | None:
    return None if day is None else datetime.combine(day, at, UTC)
