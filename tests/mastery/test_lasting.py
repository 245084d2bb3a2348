"""Until when a requirement that is met stays met if nobody says more: what its credential says of its own end."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given as for_any
from hypothesis import settings

from services.mastery.domain import lasting
from services.mastery.domain.learner_record import LearnerRecord, pass_until
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.domain.thresholds import RequirementLapsed, RequirementMet
from tests.mastery.sample import policy
from tests.mastery.test_passing import INSTANT, ONCE, PIECES, RULES, facts
from tests.support.given import LEARNER, adopted, day, evidence, taken

EITHER = policy({"C1": ONCE, "C2": ONCE}, {"either": {"any_of": [{"leaf": "C1"}, {"leaf": "C2"}]}})


def met(rules: CompiledPolicy, *pieces: Any) -> list[datetime | None]:
    """What each RequirementMet that these pieces bring says of its end."""
    record = LearnerRecord(LEARNER)
    told = [event for fact in (adopted(rules), *pieces) for event in taken(record, fact, {rules.digest: rules})]
    return [event.valid_until for event in told if isinstance(event, RequirementMet)]


def test_it_lasts_until_the_last_instant_at_which_its_evidence_counts() -> None:
    rules = policy({"C1": ONCE}, {"own": {"leaf": "C1"}})
    assert met(rules, evidence("a", "C1", level="3", occurred="2026-09-01")) == [day("2026-10-01")]


def test_evidence_that_expires_ends_it_and_what_never_ages_does_not() -> None:
    rules = policy({"C1": {"estimate": {"method": "latest"}}}, {"own": {"leaf": "C1"}})
    assert met(rules, evidence("a", "C1", level="3", expires_at=day("2027-03-01"))) == [day("2027-03-01")]
    assert met(rules, evidence("a", "C1", level="3")) == [None]


def test_of_two_ways_to_meet_it_the_longer_one_ends_it() -> None:
    first = evidence("a", "C2", level="3", occurred="2026-09-01", recorded="2026-09-10")
    second = evidence("b", "C1", level="3", occurred="2026-09-08", recorded="2026-09-09")
    assert met(EITHER, second, first) == [day("2026-10-08")]  # said when it was met: by the second alone
    both = policy(
        {"C1": ONCE, "C2": ONCE}, {"either": {"any_of": [{"leaf": "C2"}, {"leaf": "C1"}]}, "all": {"leaf": "C1"}}
    )
    ends = met(both, first, second)
    assert ends == [day("2026-10-01"), day("2026-10-08")]


def test_a_value_that_changes_as_evidence_ages_is_followed_to_the_end() -> None:
    """The mean of what is young enough falls below the mark when the best of it is too old."""
    rules = policy(
        {"C1": {"estimate": {"method": "mean"}, "gate": {"count": 1, "max_age": "P30D"}}}, {"own": {"leaf": "C1"}}
    )
    pieces = [
        evidence(name, "C1", level=level, occurred=f"2026-{on}", recorded="2026-09-11")
        for name, level, on in [
            ("a", "1", "08-25"),
            ("b", "2", "09-11"),
            *((f"c{n}", "4", f"09-0{n}") for n in (1, 2, 3)),
        ]
    ]
    assert met(rules, *pieces) == [day("2026-10-03")]


def test_a_history_in_which_time_moves_much_is_certain_as_far_as_it_was_looked_at() -> None:
    pieces = [
        evidence(f"{n}", "C1", level="1" if n < 150 else "3", occurred_at=day("2026-09-01") + timedelta(hours=n),
                 recorded_at=day("2026-09-08"))
        for n in range(151)
    ]  # fmt: skip
    rules = policy(
        {"C1": {"estimate": {"method": "highest"}, "gate": {"count": 1, "max_age": "P30D"}}}, {"own": {"leaf": "C1"}}
    )
    (ends,) = met(rules, *pieces)
    assert ends == pieces[lasting.LOOKS_MAX].occurred_at + timedelta(days=30)
    assert ends < pieces[-1].occurred_at + timedelta(days=30)


@settings(deadline=None)
@for_any(PIECES)
def test_it_lapses_an_instant_later_if_nobody_says_more_and_never_where_no_end_is_said(drawn: Any) -> None:
    record = LearnerRecord(LEARNER)
    for fact in facts(drawn):
        for event in taken(record, fact, RULES):
            if not isinstance(event, RequirementMet):
                continue
            alone = deepcopy(record)  # what is reckoned on it is kept apart from the one that goes on
            lapses = [
                each.effective_at
                for each in pass_until(alone, RULES, day("2030-01-01"), day("2030-01-01"))
                if isinstance(each, RequirementLapsed) and (each.policy, each.node) == (event.policy, event.node)
            ]
            assert lapses[:1] == ([] if event.valid_until is None else [event.valid_until + INSTANT])
