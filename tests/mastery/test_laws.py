"""Laws of the learner record, for any history: repeats, replay, arrival order, monotony, increments, prefixes."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mastery.domain.estimators import estimator
from services.mastery.domain.evaluation import Evaluation, evaluate
from services.mastery.domain.facts import EvidenceRecorded, EvidenceWithdrawn
from services.mastery.domain.known import known_at
from services.mastery.domain.learner_record import (
    Event,
    LearnerRecord,
    decide,
    evolve,
)
from services.mastery.domain.rounding import units
from services.mastery.domain.thresholds import Crossing, LevelReached, RequirementMet
from services.mastery.use_cases.replay import command_of
from tests.mastery.sample import policy
from tests.support.given import LEARNER, adopted, day, evidence, taken, uid


def for_any(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A law, tried on a hundred examples however slow the machine is."""
    return lambda law: settings(deadline=None)(given(*strategies)(law))


START = day("2026-09-01")
LATER = day("2027-09-01")
CODES = ("C1", "C2", "C3")
RULES = policy(
    {
        "C1": {"gate": {"count": "2", "at_least": "3", "distinct": {"pathway": "2"}, "max_age": "P40D"}},
        "C2": {"estimate": {"method": "mean_recent", "n": "2"}, "gate": {"count": "1", "max_age": "P30D"}},
        "C3": {"estimate": {"method": "n_mastery", "n": "2"}},
    },
    {
        "any": {"any_of": [{"leaf": code} for code in CODES]},
        "most": {"k_of": "2", "from": [{"leaf": "C1"}, {"leaf": "C2", "at_least": "2"}, {"leaf": "C3"}]},
        "all": {"all_of": ["most", "any", {"leaf": "C3"}]},
    },
    attempts={"key": ["artifact", "assessor"], "keep": "latest"},
)
OTHER = policy({"C2": {"estimate": {"method": "latest"}}}, {"top": {"leaf": "C2"}}, policy={"id": "other"})
BY_DIGEST = {RULES.digest: RULES, OTHER.digest: OTHER}
PIECE = st.fixed_dictionaries(
    {
        "code": st.sampled_from(CODES),
        "level": st.sampled_from(["1", "2", "3", "4", "NA"]),
        "pathway": st.sampled_from(["classroom", "virtual", "work_based"]),
        "artifact": st.sampled_from([None, None, "essay"]),
        "shown": st.integers(-60, 60),
        "expires": st.one_of(st.none(), st.integers(0, 90)),
        "replaces": st.one_of(st.none(), st.none(), st.integers(0, 30)),
        "withdrawn": st.one_of(st.none(), st.none(), st.integers(0, 30)),
    }
)
HISTORIES = st.lists(PIECE, max_size=14)
Fact = EvidenceRecorded | EvidenceWithdrawn


def facts_of(pieces: Sequence[dict[str, Any]]) -> list[Fact]:
    """A history in its order of arrival, stamped a day and a microsecond apart."""
    facts: list[Fact] = []
    for at, said in enumerate(pieces):
        stamp = START + timedelta(days=at * 3, microseconds=at)
        replaced = None if said["replaces"] is None or said["replaces"] >= at else f"e{said['replaces']}"
        facts.append(
            evidence(
                f"e{at}",
                said["code"],
                level=said["level"],
                pathway=said["pathway"],
                artifact=said["artifact"],
                occurred_at=min(stamp, START + timedelta(days=said["shown"])),
                recorded_at=stamp,
                expires_at=None if said["expires"] is None else stamp + timedelta(days=said["expires"]),
                revises=replaced,
            )
        )
        if said["withdrawn"] is not None and said["withdrawn"] <= at:
            after = stamp + timedelta(microseconds=1)
            withdrawn = uid(f"e{said['withdrawn']}")
            facts.append(
                EvidenceWithdrawn(
                    id=uid(f"w{at}"), withdraws=withdrawn, reason="", occurred_at=after, recorded_at=after
                )
            )
    return facts


def lived(facts: Sequence[Fact]) -> tuple[LearnerRecord, list[Event]]:
    """The record and the stream after these facts came in one by one."""
    stream: list[Event] = [adopted(RULES, recorded="2026-01-01"), adopted(OTHER, 2, recorded="2026-01-01")]
    record = LearnerRecord(LEARNER)
    for event in stream:
        record = evolve(record, event)
    for fact in facts:
        stream += taken(record, fact, BY_DIGEST)
    return record, stream


def met_nodes(evaluation: Evaluation) -> set[tuple[str, str]]:
    """Every node that is met."""
    found = set()
    for name, said in evaluation.policies.items():
        found |= {(name, code) for code, judged in said.determinations.items() if judged.result == "met"}
        found |= {(name, node) for node, result in said.requirements.items() if result == "met"}
    return found


@for_any(HISTORIES)
def test_the_same_command_twice_changes_nothing(pieces: list[dict[str, Any]]) -> None:
    record, _ = lived(facts_of(pieces))
    for fact in facts_of(pieces):
        assert decide(command_of(fact), record, BY_DIGEST) == []


@for_any(HISTORIES)
def test_replaying_the_stream_gives_the_live_state_and_the_same_thresholds(pieces: list[dict[str, Any]]) -> None:
    record, stream = lived(facts_of(pieces))
    refolded = LearnerRecord(LEARNER)
    for event in stream:
        refolded = evolve(refolded, event)
    assert refolded == record
    assert lived([event for event in stream if isinstance(event, Fact)])[1] == stream


@for_any(HISTORIES)
def test_what_was_settled_bit_by_bit_is_what_the_whole_evaluation_says(pieces: list[dict[str, Any]]) -> None:
    record, stream = lived(())
    for fact in facts_of(pieces):
        stream += taken(record, fact, BY_DIGEST)
        known = known_at(stream)
        assert known == record.shelving.known()
        standing = {node for node, said in record.standings.items() if said.met}
        assert standing == met_nodes(evaluate(known, BY_DIGEST, known.as_of))


@for_any(HISTORIES)
def test_thresholds_alternate_and_count_their_cycles(pieces: list[dict[str, Any]]) -> None:
    last: dict[tuple[str, str], tuple[bool, int]] = {}
    ids = set()
    for event in lived(facts_of(pieces))[1]:
        if isinstance(event, Crossing):
            into = isinstance(event, LevelReached | RequirementMet)
            was_in, cycle = last.get((event.policy, event.node), (False, 0))
            assert into != was_in
            assert event.cycle == (cycle + 1 if into else cycle)
            assert event.id not in ids
            last[event.policy, event.node] = into, event.cycle
            ids.add(event.id)


@for_any(HISTORIES.map(facts_of).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_whatever_the_order_of_arrival_the_evaluation_is_the_same(orders: tuple[list[Fact], list[Fact]]) -> None:
    facts, shuffled = orders
    kept, arrived = lived(facts)[0].shelving.known(), lived(shuffled)[0].shelving.known()
    assert kept == arrived == known_at([*lived(())[1], *shuffled])
    for as_of in (START, kept.as_of, LATER):
        assert evaluate(kept, BY_DIGEST, as_of) == evaluate(arrived, BY_DIGEST, as_of)


@for_any(HISTORIES, st.integers(0, 14), st.integers(-60, 120))
def test_what_was_known_at_an_instant_is_not_changed_by_what_comes_later(
    pieces: list[dict[str, Any]], prefix: int, days: int
) -> None:
    _, stream = lived(facts_of(pieces))
    at, as_of = START + timedelta(days=prefix * 3, microseconds=prefix + 1), START + timedelta(days=days)
    then = [event for event in stream if event.recorded_at <= at]
    assert known_at(stream, at) == known_at(then)
    assert evaluate(known_at(stream, at), BY_DIGEST, as_of) == evaluate(known_at(then), BY_DIGEST, as_of)


@for_any(HISTORIES, st.lists(st.integers(-60, 200), max_size=6))
def test_an_answer_does_not_depend_on_what_was_asked_before(pieces: list[dict[str, Any]], days: list[int]) -> None:
    facts = [*lived(())[1], *facts_of(pieces)]
    asked_before = known_at(facts)
    for day_of in days:
        evaluate(asked_before, BY_DIGEST, START + timedelta(days=day_of))
    for day_of in reversed(days):
        as_of = START + timedelta(days=day_of)
        assert evaluate(asked_before, BY_DIGEST, as_of) == evaluate(known_at(facts), BY_DIGEST, as_of)


SCORES = st.lists(st.integers(0, 40), min_size=1, max_size=12)
MONOTONE = [("highest", {}), ("latest", {}), ("mean", {}), ("mean_recent", {"n": 3})]


@pytest.mark.parametrize(("method", "parameters"), MONOTONE)
@for_any(SCORES, st.integers(0, 11), st.integers(1, 40))
def test_raising_a_score_never_lowers_a_monotone_method(
    method: str, parameters: dict[str, int], scores: list[int], at: int, by: int
) -> None:
    estimate = estimator(method, **parameters)
    raised = [score + by if place == at % len(scores) else score for place, score in enumerate(scores)]
    before, after = estimate(scores), estimate(raised)
    assert before is not None
    assert after is not None
    assert after >= before


@for_any(SCORES, st.integers(0, 11), st.integers(1, 40))
def test_raising_a_score_already_at_the_mark_never_lowers_n_mastery(scores: list[int], at: int, by: int) -> None:
    estimate = estimator("n_mastery", n=2, mark=20)
    place = at % len(scores)
    raised = [score + by if other == place and score >= 20 else score for other, score in enumerate(scores)]
    before, after = estimate(scores), estimate(raised)
    assert before is None or (after is not None and after >= before)


@for_any(st.lists(st.integers(0, 5), max_size=12))
def test_the_order_of_arrival_means_nothing_to_methods_without_order(scores: list[int]) -> None:
    for method in ("highest", "mean"):
        assert estimator(method)(scores) == estimator(method)(sorted(scores))
    mark = {"n": 2, "mark": units("0") + 3}
    assert estimator("n_mastery", **mark)(scores) == estimator("n_mastery", **mark)(sorted(scores))
