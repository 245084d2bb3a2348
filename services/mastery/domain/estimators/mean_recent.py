"""The average of the last n, or of all while there are fewer. Monotone: raising a score never lowers it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from services.mastery.domain.estimators import mean


def estimate(points: Sequence[int], n: int) -> Fraction | None:
    """The mean of the last n in the order of evidence."""
    return mean.estimate(points[-n:])


@dataclass(slots=True)
class Running:
    """The last n so far."""

    n: int
    recent: list[int] = field(default_factory=list)

    def take(self, points: Sequence[int]) -> None:
        """More points."""
        self.recent = [*self.recent, *points][-self.n :]

    def value(self) -> Fraction | None:
        """Their mean."""
        return mean.estimate(self.recent)
