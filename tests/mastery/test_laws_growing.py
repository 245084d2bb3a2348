"""Laws of growing: what is kept while evidence comes in is what all of it gives from the beginning."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mastery.domain.determining import Tally
from services.mastery.domain.estimators import estimator
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.known import Shelf
from services.mastery.domain.prefix import Prefix
from services.mastery.domain.rounding import UNIT
from tests.mastery.sample import policy
from tests.mastery.test_laws import HISTORIES, MONOTONE, facts_of
from tests.support.given import day

PARTS = st.lists(st.lists(st.integers(0, 5).map(lambda points: points * UNIT), max_size=4), max_size=8)
GATE = {"count": "3", "at_least": "2", "distinct": {"pathway": "2"}, "require": [{"pathway": "virtual", "count": "1"}]}
PLANS = policy(
    {
        "C1": {"gate": GATE | {"max_age": "P40D"}},
        "C2": {"estimate": {"method": "mean_recent", "n": "2"}, "gate": {"count": "1", "max_age": "P30D"}},
        "C3": {"estimate": {"method": "n_mastery", "n": "2"}, "gate": GATE},
        "C4": {"estimate": {"method": "mean"}},
    },
).plans
METHODS = [*MONOTONE, ("n_mastery", {"n": 2, "mark": UNIT})]


@pytest.mark.parametrize(("method", "parameters"), METHODS)
@settings(deadline=None)
@given(PARTS)
def test_a_method_a_few_points_at_a_time_is_the_method_over_all(
    method: str, parameters: dict[str, int], parts: list[list[int]]
) -> None:
    estimate = estimator(method, **parameters)
    running, so_far = estimate.running(), list[int]()
    assert running.value() == estimate([])
    for part in parts:
        running.take(part)
        so_far += part
        assert running.value() == estimate(so_far)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers())))
def test_adding_to_a_prefix_leaves_every_other_as_it_was(additions: list[tuple[int, int]]) -> None:
    made: list[tuple[Prefix[int], tuple[int, ...]]] = [(Prefix(), ())]
    for which, item in additions:
        prefix, expected = made[which % len(made)]
        made.append((prefix.plus(item), (*expected, item)))
    for prefix, expected in made:
        assert prefix == expected
        assert [prefix[at] for at in range(len(prefix))] == list(expected)
        assert [list(prefix.after(at)) for at in range(len(prefix))] == [
            list(expected[at:]) for at in range(len(expected))
        ]


@settings(deadline=None)
@given(HISTORIES, st.sampled_from(list(PLANS.values())))
def test_a_tally_that_grew_says_what_one_from_the_beginning_says(pieces: list[dict[str, Any]], plan: Any) -> None:
    shelf, tally = Shelf(), None
    for fact in facts_of(pieces):
        if not isinstance(fact, EvidenceRecorded):
            continue
        before, shelf = shelf, shelf.with_current(fact)
        as_of = max(fact.recorded_at, day("2026-09-30"))
        if tally is not None and before.current.begins(shelf.current) and tally.can_grow(shelf, as_of):
            tally.grow(shelf, as_of)
        else:
            tally = Tally.of(plan, shelf, as_of)
        whole = Tally.of(plan, Shelf(Prefix(list(shelf.current))), as_of)
        assert tally.determination() == whole.determination()
        assert tally.picked.until == whole.picked.until
