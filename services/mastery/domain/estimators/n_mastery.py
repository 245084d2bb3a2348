"""The mean of all scores at or above a mark, once there are n of them; nothing before.

NOT monotone: raising a score from below the mark to just at it adds a low score to the mean
(2, 5, 5 with n = 2 and mark 3 is 5; raising the 2 to a 3 makes it 4.33). That is the method as documented elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from services.mastery.domain.estimators import mean


def estimate(points: Sequence[int], n: int, mark: int) -> Fraction | None:
    """The mean of the points at the mark or above it; `mark` is a scaled integer."""
    at_mark = [point for point in points if point >= mark]
    return mean.estimate(at_mark) if len(at_mark) >= n else None


@dataclass(slots=True)
class Running:
    """The mean of what is at the mark so far, and of how many."""

    n: int
    mark: int
    at_mark: mean.Running = field(default_factory=mean.Running)

    def take(self, points: Sequence[int]) -> None:
        """More points."""
        self.at_mark.take([point for point in points if point >= self.mark])

    def value(self) -> Fraction | None:
        """The mean, once there are n."""
        return self.at_mark.value() if self.at_mark.count >= self.n else None
