"""Outcomes sum to what was sent."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.outcomes import Outcome, tally


def test_a_tally_names_all_eight_even_when_nothing_was_sent():
    assert tally([]) == dict.fromkeys(
        ["accepted", "duplicate", "conflict", "no_claim", "parked", "held", "quarantined", "superseded"], 0
    )


@given(st.lists(st.sampled_from(Outcome)))
def test_a_tally_sums_to_what_was_sent(outcomes):
    counted = tally(outcomes)
    assert sum(counted.values()) == len(outcomes)
    assert all(counted[outcome.value] == outcomes.count(outcome) for outcome in Outcome)
