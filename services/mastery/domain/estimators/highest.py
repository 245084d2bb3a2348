"""The best ever shown. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from fractions import Fraction

from services.mastery.domain.rounding import UNIT


def estimate(points: Sequence[int]) -> Fraction | None:
    """The greatest; nothing of nothing."""
    return Fraction(max(points), UNIT) if points else None
