"""A certification counts from the day it was issued to the last instant of the day it expires on, and no longer."""

from datetime import timedelta

from services.mastery.domain.determining import Determination
from services.mastery.domain.evaluation import evaluate_policy
from services.mastery.domain.facts import EvidenceRecorded
from services.mastery.domain.known import known_at
from services.mastery.domain.learner_record import RecordEvidence
from services.mastery.domain.thresholds import LevelLost, LevelReached
from tests.mastery.sample import policy
from tests.support.given import adopted, day, evidence, given, some, uid

HELD = policy({"C1": {"gate": {"count": "1", "at_least": "3"}}, "C2": {"gate": {"count": "1"}}})
FOOD = evidence("food", "C1", level="4", occurred="2026-06-01", expires_at=day("2026-09-30"))
RENEWED = evidence("renewed", "C1", level="4", occurred="2026-09-20", expires_at=day("2027-09-30"))
INSTANT = timedelta(microseconds=1)


def stands(*pieces: EvidenceRecorded, as_of: str, later: timedelta = timedelta()) -> Determination:
    """Where C1 stands by the certificates, an instant after the end of a day when said."""
    return evaluate_policy(known_at(pieces), HELD, day(as_of) + later).determinations["C1"]


def test_it_counts_to_the_last_instant_of_its_last_day_and_why_names_the_rule_afterwards() -> None:
    within = stands(FOOD, as_of="2026-09-30")
    assert (within.result, within.counted, within.excluded) == ("met", (FOOD.id,), ())
    after = stands(FOOD, as_of="2026-09-30", later=INSTANT)
    assert (after.result, after.counted, after.excluded) == ("insufficient", (), ((FOOD.id, "expired"),))


def test_it_does_not_count_before_it_was_issued() -> None:
    before = stands(FOOD, as_of="2026-05-31")
    assert (before.result, before.excluded) == ("insufficient", ((FOOD.id, "not_yet"),))


def test_a_renewal_carries_on_where_the_first_ends() -> None:
    assert stands(FOOD, RENEWED, as_of="2026-09-25").counted == (FOOD.id, RENEWED.id)
    after = stands(FOOD, RENEWED, as_of="2026-10-01")
    assert (after.result, after.counted, after.excluded) == ("met", (RENEWED.id,), ((FOOD.id, "expired"),))


def test_one_without_an_end_does_not_expire() -> None:
    assert stands(evidence("once", "C1", level="4"), as_of="2099-12-31").result == "met"


def test_a_corrected_expiry_holds_from_when_it_is_known() -> None:
    shorter = evidence("shorter", "C1", level="4", occurred="2026-06-01", revises="food", expires_at=day("2026-07-31"))
    after = stands(FOOD, shorter, as_of="2026-08-15")
    assert (after.result, dict(after.excluded)[shorter.id]) == ("insufficient", "expired")


def test_one_that_comes_in_time_reaches_the_level_and_one_that_comes_after_its_end_does_not() -> None:
    in_time = evidence("in time", "C1", level="4", recorded="2026-09-02", expires_at=day("2026-09-30"))
    late = evidence("late", "C1", level="4", recorded="2026-10-02", expires_at=day("2026-09-30"))
    given(adopted(HELD), rules=[HELD]).when(RecordEvidence(in_time)).then_thresholds(
        some(LevelReached, node="C1", evidence=(uid("in time"),))
    )
    given(adopted(HELD), rules=[HELD]).when(RecordEvidence(late)).then_thresholds()


def test_an_expired_level_is_lost_with_the_next_event_about_the_learner() -> None:
    """Nothing fires at the instant itself; whoever asks as of a later day is told rightly all the same."""
    other = evidence("other", "C2", level="4", occurred="2026-10-05")
    given(adopted(HELD), rules=[HELD]).when(RecordEvidence(FOOD), RecordEvidence(other)).then_thresholds(
        some(LevelReached, node="C1", cause="evidence"),
        some(LevelLost, node="C1", cause="time"),
        some(LevelReached, node="C2", cause="evidence"),
    )
    given(adopted(HELD), rules=[HELD]).when(
        RecordEvidence(FOOD), RecordEvidence(RENEWED), RecordEvidence(other)
    ).then_thresholds(some(LevelReached, node="C1"), some(LevelReached, node="C2"))
