"""Requirement trees over three values, and the traces that explain them."""

import json
from typing import Any

import pytest

from services.mastery.domain.evaluation import evaluate_policy
from services.mastery.domain.known import Known, known_at
from services.mastery.domain.requirements import k_of
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.trace import trace
from tests.mastery.sample import policy
from tests.support.given import day, evidence, uid

M, N, U = "met", "not_met", "insufficient"
LATEST = {"estimate": {"method": "latest"}}
NOW = day("2026-12-31")


@pytest.mark.parametrize(
    ("need", "parts", "result"),
    [
        (2, [M, M], M),
        (2, [M, N], N),
        (2, [M, U], U),
        (2, [N, U], N),  # all_of two: one that is not met settles it
        (1, [N, M], M),
        (1, [N, U], U),
        (1, [N, N], N),
        (2, [M, U, N], U),
        (2, [M, N, N], N),
        (2, [U, U, N], U),
        (2, [M, M, U], M),
    ],
)
def test_so_many_of_these_over_three_values(need: int, parts: list[Any], result: str) -> None:
    assert k_of(need, parts) == result


def results(rules: CompiledPolicy, known: Known) -> dict[str, str]:
    """Every requirement's result."""
    return dict(evaluate_policy(known, rules, NOW).requirements)


def test_a_leaf_may_ask_for_another_level_than_the_policys_own() -> None:
    rules = policy({"C1": LATEST}, {"own": {"leaf": "C1"}, "more": {"leaf": "C1", "at_least": "4"}})
    known = known_at([evidence("a", "C1", level="3")])
    assert results(rules, known) == {"own": M, "more": N}


def test_a_leaf_asking_for_less_does_not_pass_a_closed_gate() -> None:
    rules = policy(
        {"C1": {"estimate": {"method": "mean"}, "gate": {"count": "2"}}}, {"less": {"leaf": "C1", "at_least": "1"}}
    )
    assert results(rules, known_at([evidence("a", "C1", level="3")])) == {"less": U}


def test_a_requirement_rests_on_others_wherever_they_are_written() -> None:
    rules = policy(
        {"C1": LATEST, "C2": LATEST}, {"top": {"all_of": ["below", {"leaf": "C2"}]}, "below": {"leaf": "C1"}}
    )
    assert list(rules.requirements) == ["below", "top"]
    assert rules.above == {"C1": ("below", "top"), "C2": ("top",)}
    assert results(rules, known_at([evidence("a", "C1", level="3"), evidence("b", "C2", level="2")])) == {
        "below": M,
        "top": N,
    }


def test_a_trace_says_what_was_counted_and_the_value_after_each_piece() -> None:
    rules = policy(
        {"C1": {"estimate": {"method": "mean"}, "gate": {"require": [{"pathway": "work_based", "count": "1"}]}}}
    )
    pieces = [
        evidence("b", "C1", level="4", occurred="2026-09-02"),
        evidence("a", "C1", level="1", occurred="2026-09-01"),
        evidence("x", "C1", observed=False),
    ]
    found = json.loads(json.dumps(trace(known_at(pieces), rules, "C1", NOW)))
    assert found["counted"] == [
        {"evidence": str(uid("a")), "value": "1"},
        {"evidence": str(uid("b")), "value": "2.5"},
    ]
    assert found["excluded"] == [{"evidence": str(uid("x")), "rule": "not_observed"}]
    assert found["why"] == ["work-based 0/1"]
    assert found["satisfy"] == [
        {"gate": "require", "of": "work_based", "have": 0, "want": 1},
        {"value": "2.5", "want": "3"},
    ]


def test_a_trace_of_a_requirement_has_the_shape_of_the_requirement() -> None:
    choice_of_one = {"k_of": "1", "from": [{"leaf": "C2", "at_least": "4"}, {"leaf": "C3"}]}
    trees = {"badge": {"leaf": "C1"}, "micro": {"all_of": ["badge", choice_of_one]}}
    rules = policy({"C1": LATEST, "C2": LATEST, "C3": LATEST}, trees)
    known = known_at([evidence("a", "C1", level="3"), evidence("b", "C2", level="3")])
    found = trace(known, rules, "micro", NOW)
    badge, choice = found["parts"]
    assert (found["rule"], found["result"], found["satisfy"]) == ("all_of", U, [{"parts": 1, "of": [1]}])
    assert (badge["node"], badge["result"]) == ("badge", M)
    assert (choice["rule"], choice["satisfy"]) == ("k_of", [{"parts": 1, "of": ["C2", "C3"]}])
    assert choice["parts"][0]["satisfy"] == [{"value": "3", "want": "4"}]
    assert choice["parts"][1]["satisfy"] == [{"value": None, "want": "3"}]


def test_a_requirement_named_twice_is_unfolded_once() -> None:
    names = {"n0": {"leaf": "C1"}}
    for n in range(1, 31):
        names[f"n{n}"] = {"all_of": [f"n{n - 1}", {"any_of": [f"n{n - 1}", {"leaf": "C2"}]}]}
    rules = policy({"C1": LATEST, "C2": LATEST}, names)
    text = json.dumps(trace(known_at([evidence("a", "C1", level="3")]), rules, "n30", NOW))
    assert len(text) < 100_000
    assert len(rules.rests_on["n30"]) == 2
