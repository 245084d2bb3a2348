"""What became of each item that was sent; the counts sum to what was sent."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """The eight ends an item can come to; every item comes to exactly one at a time."""

    ACCEPTED = "accepted"  # counted: a new claim, a revision, a move or a withdrawal that took effect
    DUPLICATE = "duplicate"  # said before, word for word
    CONFLICT = "conflict"  # the same key with other content, where that is not allowed
    NO_CLAIM = "no_claim"  # understood, says nothing about a competency
    PARKED = "parked"  # the learner is unknown; waits for a link
    HELD = "held"  # refers to a faulty row of the same package
    QUARANTINED = "quarantined"  # cannot be read or mapped; waits for a redrive
    SUPERSEDED = "superseded"  # a later version of the same record has come in the meantime


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many of each, all eight named, in the order of the enumeration."""
    counted = Counter(outcomes)
    return {outcome.value: counted[outcome] for outcome in Outcome}
