"""What a policy document may say, and how one that cannot be applied is refused: where, and what was wanted there."""

import json
from fractions import Fraction
from typing import Any

import pytest
import yaml

from services.mastery.documents.compiling import compile_policy
from services.mastery.documents.framework import from_case
from services.mastery.documents.library import Library, read_policy, stored
from services.mastery.documents.reading import DocumentRefused
from tests.mastery.sample import FOUR, FRAMEWORK, LIBRARY, POINTS, document, policy
from tests.support.given import day

LATEST = {"estimate": {"method": "latest"}}


def faults(raw: bytes, library: Library = LIBRARY) -> list[tuple[str, str]]:
    """Where and why a policy is refused."""
    with pytest.raises(DocumentRefused) as refused:
        compile_policy(read_policy(raw), library)
    errors: Any = refused.value.extensions["errors"]
    return [(fault["pointer"], fault["detail"]) for fault in errors]


def deep(levels: int) -> dict[str, Any]:
    """A chain of requirements, each resting on the one before."""
    return {"n0": {"leaf": "C1"}} | {f"n{n}": {"any_of": [f"n{n - 1}"]} for n in range(1, levels)}


REFUSED = [
    ({"competencies": {}}, "/competencies"),
    ({"surprise": "x"}, "/surprise"),
    ({"policy": {"id": "sample"}}, "/policy/version"),
    ({"policy": {"id": "Sample!", "version": 1}}, "/policy/id"),
    ({"policy": {"id": "s", "version": 1, "effective_from": "1 July"}}, "/policy/effective_from"),
    ({"policy": {"id": "s", "version": 1, "effective_from": "2026-02-30"}}, "/policy/effective_from"),
    ({"policy": {"id": "s", "version": 1, "effective_from": "2026-07-02", "effective_to": "2026-07-01"}}, "/policy"),
    ({"frameworks": [{"id": "skills", "version": 2}]}, "/frameworks/0"),
    ({"scales": [{"id": "nothing", "version": 1}]}, "/scales/0"),
    ({"scales": [{"id": "four", "version": 1}, {"id": "pts5", "version": 1}]}, "/competencies/C1"),
    ({"select": {"kinds": ["exam"]}}, "/select/kinds/0"),
    ({"attempts": {"key": ["colour"], "keep": "best"}}, "/attempts/key/0"),
    ({"competencies": {"NOPE": LATEST}}, "/competencies/NOPE"),
    ({"competencies": {"C1": {"scale": "other"}}}, "/competencies/C1/scale"),
    ({"competencies": {"C1": {"estimate": {"method": "guess"}}}}, "/competencies/C1/estimate/method"),
    ({"competencies": {"C1": {"estimate": {"method": "mean_recent"}}}}, "/competencies/C1/estimate"),
    ({"competencies": {"C1": {"estimate": {"method": "mean", "n": 3}}}}, "/competencies/C1/estimate"),
    ({"competencies": {"C1": {"estimate": {"method": "mean_recent", "n": 0}}}}, "/competencies/C1/estimate/n"),
    (
        {"competencies": {"C1": {"estimate": {"method": "mean", "round": {"places": 10}}}}},
        "/competencies/C1/estimate/round/places",
    ),
    ({"competencies": {"C1": {"gate": {"at_least": "superb"}}}}, "/competencies/C1/gate/at_least"),
    ({"competencies": {"C1": {"gate": {"max_age": "P2Y"}}}}, "/competencies/C1/gate/max_age"),
    ({"competencies": {"C1": {"gate": {"max_age": 730}}}}, "/competencies/C1/gate/max_age"),
    ({"competencies": {"C1": {"gate": {"distinct": {"shoe_size": 2}}}}}, "/competencies/C1/gate/distinct/shoe_size"),
    ({"competencies": {"C1": {"decide": {"demotion": "sticky"}}}}, "/competencies/C1/decide/demotion"),
    ({"competencies": {"C1": {"decide": {"demotion": "sticky_until_review"}}}}, "/competencies/C1/decide/demotion"),
    ({"competencies": {"C1": {"decide": {"levels": {"top": "superb"}}}}}, "/competencies/C1/decide/levels/top"),
    ({"requirements": {"r": {"leaf": "C9"}}}, "/requirements/r/leaf"),
    ({"requirements": {"r": {"leaf": "C1", "at_least": "superb"}}}, "/requirements/r/at_least"),
    (
        {"requirements": {"r": {"all_of": [{"leaf": "C1"}, {"any_of": [{"leaf": "C9"}]}]}}},
        "/requirements/r/all_of/1/any_of/0/leaf",
    ),
    ({"requirements": {"r": {"k_of": 2, "from": [{"leaf": "C1"}]}}}, "/requirements/r"),
    ({"requirements": {"r": {"k_of": 1}}}, "/requirements/r"),
    ({"requirements": {"r": {"leaf": "C1", "all_of": [{"leaf": "C1"}]}}}, "/requirements/r"),
    ({"requirements": {"r": {"all_of": [{"leaf": "C1"}, {"leaf": "C1"}]}}}, "/requirements/r/all_of"),
    ({"requirements": {"r": "missing"}}, "/requirements/r"),
    ({"requirements": {"r": {"all_of": ["r"]}}}, "/requirements/r"),
    ({"requirements": {"r": {"any_of": ["s"]}, "s": {"any_of": ["t"]}, "t": "r"}}, "/requirements/t"),
    ({"requirements": {"C1": {"leaf": "C1"}}}, "/requirements/C1"),
    ({"requirements": deep(34)}, "/requirements/n32"),
    ({"requirements": dict(reversed(deep(34).items()))}, "/requirements/n2"),
]


@pytest.mark.parametrize(("change", "pointer"), REFUSED)
def test_a_policy_that_cannot_be_applied_is_refused_with_a_pointer(change: dict[str, Any], pointer: str) -> None:
    plain = yaml.safe_load(document({"C1": LATEST, "C2": LATEST})) | change
    assert faults(json.dumps(plain).encode())[0][0] == pointer


def test_a_refusal_quotes_nothing_of_the_document() -> None:
    raw = document({"C1": {"estimate": {"method": "SECRET"}, "gate": {"max_age": "SECRET", "at_least": "x" * 300}}})
    assert "SECRET" not in str(faults(raw))
    assert len(faults(raw)) == 3


def test_sticky_demotion_is_refused_by_saying_that_it_comes_later() -> None:
    [(_, detail)] = faults(document({"C1": {"decide": {"demotion": "sticky_until_review"}}}))
    assert "later" in detail


def test_a_code_that_two_items_share_cannot_be_judged_by_it() -> None:
    items = [{"identifier": name, "humanCodingScheme": "C1"} for name in ("a", "b")]
    twice = stored(
        from_case({"CFDocument": {"identifier": "d", "title": "t"}, "CFItems": items}, framework="skills", version=1)
    )
    library = Library({("skills", 1): twice}, LIBRARY.scales)
    assert faults(document({"C1": LATEST}), library) == [("/competencies/C1", "several items have this code")]


def test_what_a_framework_says_nobody_scores_is_not_scored() -> None:
    item = {"identifier": "a", "humanCodingScheme": "C1", "extensions": {"wayproof:assessable": False}}
    portrait = stored(
        from_case({"CFDocument": {"identifier": "d", "title": "t"}, "CFItems": [item]}, framework="skills", version=1)
    )
    library = Library({("skills", 1): portrait}, LIBRARY.scales)
    assert faults(document({"C1": LATEST}), library) == [
        ("/competencies/C1", "the framework says that nobody scores this")
    ]


def test_a_compiled_policy_names_every_document_by_digest() -> None:
    rules = policy({"C1": LATEST})
    assert [(ref.kind, ref.id, ref.version, ref.digest) for ref in rules.documents] == [
        ("policy", "sample", 1, rules.digest),
        ("framework", "skills", 1, FRAMEWORK.digest),
        ("scale", "four", 1, FOUR.digest),
    ]


def test_a_competency_may_be_judged_on_one_of_several_scales() -> None:
    scales = [{"id": "four", "version": 1}, {"id": "pts5", "version": 1}]
    rules = policy({"C1": {"scale": "pts5"}, "C2": {"scale": "four"}}, scales=scales)
    assert set(rules.plans["C1"].scales) == {("pts5", 1)}
    assert rules.plans["C2"].levels[-1] == (Fraction(4), "4")
    assert (POINTS.content.proficient, rules.plans["C1"].required) == ("3", Fraction(3))


@pytest.mark.parametrize(
    ("plan", "required"),
    [
        ({}, 3),
        ({"estimate": {"method": "mean"}, "gate": {"at_least": "2"}}, 3),
        ({"gate": {"at_least": "2"}}, 2),
        ({"decide": {"levels": {"proficient": "4"}}, "gate": {"at_least": "2"}}, 4),
        ({"decide": {"levels": {"fine": "2.5", "proficient": "4"}, "at_least": "fine"}}, Fraction(5, 2)),
    ],
)
def test_the_mark_that_counts_is_the_nearest_that_says_one(plan: dict[str, Any], required: Fraction) -> None:
    assert policy({"C1": plan}).plans["C1"].required == required


def test_a_policy_takes_effect_at_the_start_of_a_day_and_ends_with_one() -> None:
    rules = policy({"C1": LATEST}, policy={"effective_from": "2026-07-01", "effective_to": "2027-06-30"})
    assert rules.effective_from is not None
    assert rules.effective_from.isoformat() == "2026-07-01T00:00:00+00:00"
    assert rules.effective_to == day("2027-06-30")
