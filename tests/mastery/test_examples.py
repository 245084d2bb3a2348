"""The worked examples of every policy pack, case by case."""

from typing import Any

import pytest

from services.mastery.domain.evaluation import PolicyEvaluation, evaluate_policy
from services.mastery.domain.known import known_at
from services.mastery.domain.rounding import shown
from tests.mastery.packs import Pack, load, pack_names
from tests.support.given import day, uid

PACKS = {name: load(name) for name in pack_names()}
CASES = [
    pytest.param(pack, case, id=f"{pack.name}-{at}") for pack in PACKS.values() for at, case in enumerate(pack.cases)
]


def said(pack: Pack, evaluation: PolicyEvaluation, node: str) -> dict[str, Any]:
    """What an evaluation says of a node, in the examples' words."""
    if node in evaluation.requirements:
        return {"result": evaluation.requirements[node]}
    found = evaluation.determinations[node]
    return {
        "result": found.result,
        "value": None if found.value is None else shown(pack.policy.plans[node].rounding(found.value)),
        "counted": [pack.names[evidence] for evidence in found.counted],
        "lapsed": [pack.names[evidence] for evidence in found.lapsed],
        "why": list(found.why),
    }


@pytest.mark.parametrize(("pack", "case"), CASES)
def test_every_worked_example_comes_out_as_reckoned_by_hand(pack: Pack, case: dict[str, Any]) -> None:
    evaluation = evaluate_policy(known_at(pack.facts, day(case["known"])), pack.policy, day(case["as_of"]))
    for node, expected in case["expect"].items():
        found = said(pack, evaluation, node)
        assert {name: found[name] for name in expected} == expected, node


def test_the_teamwork_example_has_all_six_rows_with_all_four_columns() -> None:
    rows = [case["expect"]["TEAM"] for case in PACKS["teamwork-gate"].cases]
    assert len(rows) == 6
    assert all(set(row) == {"counted", "lapsed", "result", "why"} for row in rows)


def test_evidence_below_the_gate_is_left_out_by_that_rule() -> None:
    pack = PACKS["teamwork-gate"]
    evaluation = evaluate_policy(known_at(pack.facts), pack.policy, day("2026-10-15"))
    assert set(evaluation.determinations["TEAM"].excluded) == {(uid("g04"), "withdrawn"), (uid("g05"), "below_level")}
