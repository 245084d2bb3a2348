"""The average of the last n, or of all while there are fewer. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from fractions import Fraction

from services.mastery.domain.estimators import mean


def estimate(points: Sequence[int], n: int) -> Fraction | None:
    """The mean of the last n in the order of evidence."""
    return mean.estimate(points[-n:])
