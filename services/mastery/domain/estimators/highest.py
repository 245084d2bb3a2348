"""The best ever shown. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.mastery.domain.rounding import UNIT, ratio


def estimate(points: Sequence[int]) -> Fraction | None:
    """The greatest; nothing of nothing."""
    return ratio(max(points), UNIT) if points else None


@dataclass(slots=True)
class Running:
    """The greatest so far."""

    greatest: int | None = None

    def take(self, points: Sequence[int]) -> None:
        """More points."""
        if points:
            self.greatest = max(points) if self.greatest is None else max(self.greatest, *points)

    def value(self) -> Fraction | None:
        """The greatest."""
        return None if self.greatest is None else ratio(self.greatest, UNIT)
