"""The plain average. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from fractions import Fraction

from services.mastery.domain.rounding import UNIT


def estimate(points: Sequence[int]) -> Fraction | None:
    """The sum over the number; nothing of nothing."""
    return Fraction(sum(points), UNIT * len(points)) if points else None
