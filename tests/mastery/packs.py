"""Reading the policy packs of the repository, and the worked examples in them, for the tests."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from services.mastery.documents.compiling import compile_policy
from services.mastery.documents.framework import from_case
from services.mastery.documents.library import Library, read_policy, read_scale, stored
from services.mastery.documents.reading import read_yaml
from services.mastery.domain.facts import EvidenceRecorded, EvidenceWithdrawn
from services.mastery.domain.rules import CompiledPolicy
from tests.support.given import evidence, uid, withdrawal

POLICIES = Path(__file__).parents[2] / "policies"


@dataclass(frozen=True)
class Pack:
    """A compiled pack, its worked facts and cases."""

    name: str
    policy: CompiledPolicy
    facts: list[EvidenceRecorded | EvidenceWithdrawn]
    cases: list[dict[str, Any]]
    names: dict[UUID, str]  # what the examples call each fact


def pack_names() -> list[str]:
    """Every folder that holds a policy."""
    return sorted(path.parent.name for path in POLICIES.glob("*/policy.yaml"))


def load(name: str) -> Pack:
    """The pack of this name."""
    folder = POLICIES / name
    examples: Any = read_yaml((folder / "examples.yaml").read_bytes())
    package = json.loads((folder / "framework.json").read_bytes())
    framework = stored(from_case(package, framework=examples["framework"], version=1))
    scale = read_scale((folder / "scale.yaml").read_bytes())
    library = Library({(framework.content.id, 1): framework}, {(scale.content.id, scale.content.version): scale})
    policy = compile_policy(read_policy((folder / "policy.yaml").read_bytes()), library)
    facts = [_fact(policy, dict(said)) for said in examples["facts"]]
    return Pack(name, policy, facts, examples["cases"], {uid(said["id"]): said["id"] for said in examples["facts"]})


def _fact(policy: CompiledPolicy, said: dict[str, Any]) -> EvidenceRecorded | EvidenceWithdrawn:
    name = said.pop("id")
    if "withdraws" in said:
        return withdrawal(name, **said)
    plan = policy.plans[said.pop("code")]
    said["assessor"] = said.pop("by", "t1")
    on = {"competency": plan.competency, "framework": plan.framework, "scale": plan.scale, "scale_version": 1}
    return evidence(name, plan.code, **(on | said))
