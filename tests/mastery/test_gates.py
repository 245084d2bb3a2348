"""Gates: enough evidence, from enough places, not too old; and three-valued results."""

from typing import Any

import pytest

from services.mastery.domain.determining import Determination
from services.mastery.domain.evaluation import evaluate_policy
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.known import known_at
from tests.mastery.sample import policy
from tests.support.given import day, evidence, uid


def judged(plan: dict[str, Any], *pieces: EvidenceRecorded, as_of: str = "2026-12-31", **said: Any) -> Determination:
    """The determination of C1 under this plan."""
    return evaluate_policy(known_at(pieces), policy({"C1": plan}, **said), day(as_of)).determinations["C1"]


def test_two_required_are_satisfied_by_two() -> None:
    one, two = evidence("a", "C1", level="3"), evidence("b", "C1", level="3", assessor="t2")
    plan = {"gate": {"distinct": {"assessor": "2"}}}
    assert judged(plan, one).result == "insufficient"
    assert judged(plan, one).why == ("assessors",)
    assert judged(plan, one, two).result == "met"


def test_organisations_are_those_of_the_assessors() -> None:
    plan = {"gate": {"distinct": {"organisation": "2"}}}
    here = evidence("a", "C1", level="3")
    there = evidence("b", "C1", level="3", assessor_organisation="bakery")
    assert judged(plan, here, evidence("c", "C1", level="3")).why == ("organisations",)
    assert judged(plan, here, there).result == "met"


def test_evidence_exactly_as_old_as_allowed_still_counts() -> None:
    plan = {"gate": {"count": "1", "at_least": "3", "max_age": "P30D"}}
    piece = evidence("a", "C1", level="3", occurred="2026-09-01")
    assert judged(plan, piece, as_of="2026-10-01").counted == (uid("a"),)
    late = judged(plan, piece, as_of="2026-10-02")
    assert (late.counted, late.lapsed, late.result) == ((), (uid("a"),), "insufficient")


def test_an_age_limit_reaches_back_no_further_than_time_itself() -> None:
    plan = {"gate": {"count": "1", "max_age": "P99999D"}}
    assert judged(plan, evidence("a", "C1", level="3", occurred="0001-01-02"), as_of="0001-01-03").result == "met"


def test_a_gate_with_a_level_can_be_failed_and_a_gate_without_one_cannot() -> None:
    piece = evidence("a", "C1", level="2")
    assert judged({"gate": {"count": "2", "at_least": "3"}}, piece).result == "not_met"
    assert judged({"estimate": {"method": "mean"}, "gate": {"count": "2"}}, piece).result == "insufficient"


def test_no_evidence_is_insufficient_and_never_a_zero() -> None:
    nothing = judged({"estimate": {"method": "mean"}})
    assert (nothing.result, nothing.value, nothing.level, nothing.why) == ("insufficient", None, None, ("no value",))


def test_with_an_estimate_evidence_below_the_gate_enters_the_estimate_all_the_same() -> None:
    plan = {"estimate": {"method": "mean"}, "gate": {"count": "1", "at_least": "3"}}
    found = judged(plan, evidence("a", "C1", level="4"), evidence("b", "C1", level="1", occurred="2026-09-02"))
    assert found.counted == (uid("a"), uid("b"))
    assert (found.result, found.value, found.why) == ("not_met", found.compared, ("value 2.5/3",))


LEFT_OUT = [
    ({"observed": False}, {}, "not_observed"),
    ({"level": "4", "kind": "baseline"}, {}, "kind"),
    ({"level": "4", "kind": "self_assessment"}, {}, "kind"),
    ({"level": "NA"}, {}, "not_a_value"),
    ({"level": "Proficient"}, {}, "unknown_level"),
    ({"score": "4.01"}, {}, "out_of_range"),
    ({"level": "4", "scale": "other"}, {}, "scale"),
    ({"level": "4", "scale_version": 2}, {}, "scale"),
    ({"level": "4"}, {"select": {"pathways": ["virtual"]}}, "pathway"),
    ({"level": "4"}, {"select": {"assessor_roles": ["mentor"]}}, "assessor_role"),
    ({"level": "4", "kind": "formative"}, {"select": {"kinds": ["summative"]}}, "kind"),
    ({"level": "4", "expires_at": day("2026-10-01")}, {}, "expired"),
    ({"level": "4", "occurred": "2027-01-01"}, {}, "not_yet"),
]


@pytest.mark.parametrize(("piece", "said", "rule"), LEFT_OUT)
def test_what_is_left_out_says_by_which_rule(piece: dict[str, Any], said: dict[str, Any], rule: str) -> None:
    found = judged({"estimate": {"method": "highest"}}, evidence("a", "C1", **piece), **said)
    assert (found.excluded, found.counted, found.result) == (((uid("a"), rule),), (), "insufficient")


def test_a_policy_may_let_baselines_count_by_saying_so() -> None:
    piece = evidence("a", "C1", level="4", kind="baseline")
    assert judged({"estimate": {"method": "highest"}}, piece, select={"exclude": []}).result == "met"
    assert judged({"estimate": {"method": "highest"}}, piece, select={"kinds": ["baseline"]}).result == "met"


@pytest.mark.parametrize(("keep", "kept"), [("latest", "b"), ("latest_revision", "b"), ("first", "a"), ("best", "c")])
def test_of_several_attempts_the_policy_says_which_is_kept(keep: str, kept: str) -> None:
    pieces = [
        evidence("a", "C1", level="2", artifact="essay", occurred="2026-09-01"),
        evidence("c", "C1", level="4", artifact="essay", occurred="2026-09-02"),
        evidence("b", "C1", level="3", artifact="essay", occurred="2026-09-03"),
    ]
    attempts = {"key": ["artifact", "assessor"], "keep": keep}
    found = judged({"estimate": {"method": "mean"}}, *pieces, attempts=attempts)
    assert found.counted == (uid(kept),)
    assert {rule for _, rule in found.excluded} == {"attempt"}


def test_evidence_without_the_key_is_an_attempt_of_its_own() -> None:
    pieces = [evidence("a", "C1", level="2"), evidence("b", "C1", level="4")]
    attempts = {"key": ["artifact"], "keep": "first"}
    assert len(judged({"estimate": {"method": "mean"}}, *pieces, attempts=attempts).counted) == 2


def test_values_are_compared_before_rounding_unless_the_policy_says_otherwise() -> None:
    pieces = [evidence(str(n), "C1", score=score) for n, score in enumerate(["2.99", "3", "3"])]
    plan = {"estimate": {"method": "mean", "round": {"places": "1"}}}
    assert judged(plan, *pieces).result == "not_met"
    assert judged(plan | {"decide": {"compare_on": "rounded"}}, *pieces).result == "met"


def test_levels_are_the_scales_or_those_the_policy_names() -> None:
    piece = evidence("a", "C1", score="3.5")
    assert judged({"estimate": {"method": "highest"}}, piece).level == "3"
    named = {"decide": {"levels": {"emerging": "1", "proficient": "3.5", "leading": "4"}}}
    found = judged({"estimate": {"method": "highest"}} | named, piece)
    assert (found.level, found.result) == ("proficient", "met")
