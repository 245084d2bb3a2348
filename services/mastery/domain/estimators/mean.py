"""The plain average. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.mastery.domain.rounding import UNIT, ratio


def estimate(points: Sequence[int]) -> Fraction | None:
    """The sum over the number; nothing of nothing."""
    return ratio(sum(points), UNIT * len(points)) if points else None


@dataclass(slots=True)
class Running:
    """The sum and the number so far."""

    total: int = 0
    count: int = 0

    def take(self, points: Sequence[int]) -> None:
        """More points."""
        self.total += sum(points)
        self.count += len(points)

    def value(self) -> Fraction | None:
        """The sum over the number."""
        return ratio(self.total, UNIT * self.count) if self.count else None
