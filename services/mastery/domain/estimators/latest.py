"""The last shown. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.mastery.domain.rounding import UNIT, ratio


def estimate(points: Sequence[int]) -> Fraction | None:
    """The last in the order of evidence; nothing of nothing."""
    return ratio(points[-1], UNIT) if points else None


@dataclass(slots=True)
class Running:
    """The last so far."""

    last: int | None = None

    def take(self, points: Sequence[int]) -> None:
        """More points."""
        self.last = points[-1] if points else self.last

    def value(self) -> Fraction | None:
        """The last."""
        return None if self.last is None else ratio(self.last, UNIT)
