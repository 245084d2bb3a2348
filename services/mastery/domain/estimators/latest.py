"""The last shown. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from fractions import Fraction

from services.mastery.domain.rounding import UNIT


def estimate(points: Sequence[int]) -> Fraction | None:
    """The last in the order of evidence; nothing of nothing."""
    return Fraction(points[-1], UNIT) if points else None
