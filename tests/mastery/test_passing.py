"""The passing of time: each instant is settled by itself, whenever somebody looks, and comes out the same."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from services.mastery.domain.evaluation import evaluate
from services.mastery.domain.facts import Fact
from services.mastery.domain.learner_record import (
    LearnerRecord,
    RecordEvidence,
    decide,
    due,
    evolve,
    pass_until,
)
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.thresholds import Crossing, LevelLost, LevelReached, RequirementLapsed, RequirementMet
from tests.mastery.sample import policy
from tests.support.given import LEARNER, adopted, day, enrolment, evidence, folded, taken, uid

INSTANT = timedelta(microseconds=1)
ONCE = {"estimate": {"method": "latest"}, "gate": {"count": 1, "max_age": "P30D"}}
AGING = policy({"C1": ONCE}, {"own": {"leaf": "C1"}})


def passed(record: LearnerRecord, rules: Sequence[CompiledPolicy], until: datetime, at: datetime | None = None) -> Any:
    """What time brought about, taken into the record as its writer does."""
    found = pass_until(record, {rule.digest: rule for rule in rules}, until, at or until)
    for event in found:
        evolve(record, event)
    record.shelving.reach(until)
    return found


def due_of(record: LearnerRecord, *rules: CompiledPolicy) -> datetime | None:
    return due(record, {rule.digest: rule for rule in rules})


def lived(*facts: Fact, rules: Sequence[CompiledPolicy] = (AGING,)) -> LearnerRecord:
    """A record with these facts and the thresholds they crossed."""
    record = LearnerRecord(LEARNER)
    for fact in facts:
        list(taken(record, fact, {rule.digest: rule for rule in rules}))
    return record


def test_what_is_exactly_as_old_as_allowed_still_counts_and_an_instant_later_it_does_not() -> None:
    record = lived(adopted(AGING), evidence("a", "C1", level="3", occurred="2026-09-01", recorded="2026-09-05"))
    last = day("2026-10-01")
    assert due_of(record, AGING) == last + INSTANT
    assert passed(record, [AGING], last) == []
    lost, lapsed = passed(record, [AGING], day("2026-12-24"))
    assert isinstance(lost, LevelLost)
    assert isinstance(lapsed, RequirementLapsed)
    for event in (lost, lapsed):
        assert (event.cause, event.caused_by, event.evidence) == ("time", uid("a"), ())
        assert (event.effective_at, event.recorded_at) == (last + INSTANT, day("2026-12-24"))
    assert due_of(record, AGING) is None


def test_of_two_instants_each_has_its_own_events_however_late_somebody_looks() -> None:
    ages = policy({"C1": ONCE, "C2": ONCE})
    first = evidence("a", "C1", level="3", occurred="2026-09-01")
    second = evidence("b", "C2", level="3", occurred="2026-09-11")
    found = passed(lived(adopted(ages), first, second, rules=[ages]), [ages], day("2027-01-01"))
    assert [(event.node, event.effective_at) for event in found] == [
        ("C1", day("2026-10-01") + INSTANT),
        ("C2", day("2026-10-11") + INSTANT),
    ]


def test_evidence_dated_ahead_settles_every_instant_up_to_its_own_first() -> None:
    record = lived(adopted(AGING), evidence("a", "C1", level="3", occurred="2026-09-01"))
    ahead = evidence("b", "C1", level="3", occurred="2026-12-01", recorded="2026-09-02")
    decided = decide(RecordEvidence(ahead), record, {AGING.digest: AGING})
    kinds = [type(event) for event in decided]
    assert kinds == [LevelLost, RequirementLapsed, type(ahead), LevelReached, RequirementMet]
    assert [event.cause for event in decided if isinstance(event, Crossing)] == ["time", "time", "evidence", "evidence"]
    assert decided[0].effective_at == day("2026-10-01") + INSTANT  # type: ignore[union-attr]


def test_evidence_that_expires_wakes_the_learner_when_it_does() -> None:
    plain = policy({"C1": {"estimate": {"method": "latest"}}})
    piece = evidence("a", "C1", level="3", expires_at=day("2027-03-01"))
    record = lived(adopted(plain), piece, rules=[plain])
    assert due_of(record, plain) == day("2027-03-01") + INSTANT
    (lost,) = passed(record, [plain], day("2027-03-02"))
    assert (type(lost), lost.cause, lost.effective_at) == (LevelLost, "time", day("2027-03-01") + INSTANT)


def test_a_version_that_takes_effect_later_does_so_by_itself() -> None:
    plain = policy({"C1": {"estimate": {"method": "latest"}}})
    record = folded([adopted(plain, effective_from=day("2026-10-01")), evidence("a", "C1", level="3")])
    assert due_of(record, plain) == day("2026-10-01")
    assert passed(record, [plain], day("2026-10-01") - INSTANT) == []
    (reached,) = passed(record, [plain], day("2026-11-11"))
    assert (reached.cause, reached.effective_at) == ("policy", day("2026-10-01"))
    assert (reached.caused_by, reached.recorded_at) == (uid("a"), day("2026-11-11"))


def test_an_enrolment_brings_its_organisations_policy_on_its_first_day() -> None:
    local = policy({"C1": {"estimate": {"method": "latest"}}}, policy={"organisation": "north-high"})
    coming = enrolment("e", "north-high", begins_on=day("2026-10-05").date(), ends_on=day("2027-06-30").date())
    record = folded([adopted(local), coming, evidence("a", "C1", level="3")])
    first = datetime(2026, 10, 5, tzinfo=UTC)
    assert due_of(record, local) == first
    (reached,) = passed(record, [local], day("2026-10-05"))
    assert (reached.cause, reached.effective_at) == ("policy", first)
    assert due_of(record, local) == datetime(2027, 7, 1, tzinfo=UTC)  # it ends: nobody is judged, nothing is crossed
    assert passed(record, [local], day("2027-07-01")) == []
    assert due_of(record, local) is None


@pytest.mark.parametrize("rules", [policy({"C1": {"estimate": {"method": "latest"}}})])
def test_where_nothing_ages_nothing_is_ever_due(rules: CompiledPolicy) -> None:
    assert due_of(lived(adopted(rules), evidence("a", "C1", level="3"), rules=[rules]), rules) is None
    assert due_of(LearnerRecord(LEARNER), rules) is None


def test_a_version_that_is_stricter_about_age_is_due_for_evidence_that_is_there() -> None:
    """Adopted while the evidence is young: from then on it is the new version's instant that counts."""
    plain = policy({"C1": {"estimate": {"method": "latest"}}})
    aging = policy({"C1": ONCE}, policy={"version": 2})
    rules = {rule.digest: rule for rule in (plain, aging)}
    record = lived(adopted(plain), evidence("a", "C1", level="3"), rules=[plain])
    list(taken(record, adopted(aging, 2, recorded="2026-09-10", effective_from=day("2026-01-01")), rules))
    assert due(record, rules) == day("2026-10-01") + INSTANT


DAYS = st.integers(0, 400)
PIECES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(-50, 40), st.sampled_from(["C1", "C2"]), st.sampled_from("1234"), DAYS),
    max_size=8,
)
LAW = policy(
    {
        "C1": {"estimate": {"method": "latest"}, "gate": {"count": 1, "max_age": "P40D"}},
        "C2": {"gate": {"count": 2, "at_least": "2", "max_age": "P25D"}},
    },
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}, "one": {"any_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
)
LATER = policy({"C1": ONCE}, policy={"id": "later"})
RULES = {rule.digest: rule for rule in (LAW, LATER)}


def facts(drawn: Sequence[tuple[int, int, str, str, int]]) -> list[Fact]:
    """Recorded one after the other, some dated back, some ahead, some that expire."""
    start, recorded, made = day("2026-09-01"), day("2026-09-01"), []
    for number, (after, dated, code, level, lasts) in enumerate(drawn):
        recorded += timedelta(days=after, hours=1)
        said = {"occurred_at": recorded + timedelta(days=dated), "recorded_at": recorded}
        expires_at = said["occurred_at"] + timedelta(days=lasts) if lasts % 3 == 0 else None
        made.append(evidence(f"{number}", code, level=level, expires_at=expires_at, **said))
    return [adopted(LAW), adopted(LATER, 2, effective_from=start + timedelta(days=33)), *made]


def told(drawn: Sequence[Any], looks: Sequence[int], *, cold: bool) -> tuple[dict[Any, Any], list[tuple[Any, ...]]]:
    """Where everything stands in the end and what was crossed when, by somebody who looks on these days as well."""
    record, told = LearnerRecord(LEARNER), list[Any]()
    days = sorted(day("2026-09-01") + timedelta(days=look) for look in looks)
    for fact in [*facts(drawn), None]:
        ends = day("2029-01-01") if fact is None else fact.recorded_at
        while days and days[0] < ends:
            told += passed(record, [LAW, LATER], days.pop(0))
            record = folded(told) if cold else record
        if fact is None:
            told += passed(record, [LAW, LATER], ends)
        else:
            told += taken(record, fact, RULES)
        record = folded(told) if cold else record
    crossed = [(e.id, e.effective_at, type(e), e.policy, e.node) for e in told if isinstance(e, Crossing)]
    return record.standings, crossed


@settings(deadline=None)
@for_any(PIECES, st.lists(st.integers(0, 600), max_size=12))
def test_what_time_brings_about_does_not_hang_on_when_somebody_looks(drawn: Any, looks: Any) -> None:
    """Nor on whether the record was kept in memory: the same events, by the same ids, as of the same instants."""
    expected = told(drawn, [], cold=False)
    assert told(drawn, looks, cold=False) == expected
    assert told(drawn, looks, cold=True) == expected


@settings(deadline=None)
@for_any(PIECES, st.lists(st.integers(0, 600), min_size=1, max_size=12))
def test_between_two_instants_that_are_due_nothing_moves(drawn: Any, looks: Any) -> None:
    """By the evaluation itself, on every day looked at: each node stands as it is judged."""
    record = LearnerRecord(LEARNER)
    for fact in facts(drawn):
        list(taken(record, fact, RULES))
    for look in sorted(looks):
        at = max(record.shelving.reached, day("2026-09-01") + timedelta(days=look))
        passed(record, [LAW, LATER], at)
        for id_, judged in evaluate(record.shelving.known(), RULES, at).policies.items():
            met = {code: found.result == "met" for code, found in judged.determinations.items()}
            met |= {name: result == "met" for name, result in judged.requirements.items()}
            stands = {node: s.met for (policy_id, node), s in record.standings.items() if policy_id == id_ and s.met}
            assert stands == {node: True for node, is_met in met.items() if is_met}
