"""One value from many: each method in a file of its own, exact, over points in the order of evidence.

Each file says its method twice: `estimate`, over all the points, is what it means; `Running`, a few at a time, is how
a long record is kept. That both agree is a law the tests hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from services.mastery.domain.estimators import highest, latest, mean, mean_recent, n_mastery
from services.mastery.domain.rules import Running

MODULES = {
    "highest": highest,
    "latest": latest,
    "mean": mean,
    "mean_recent": mean_recent,
    "n_mastery": n_mastery,
}
METHODS: dict[str, Callable[..., Fraction | None]] = {name: module.estimate for name, module in MODULES.items()}
RUNNING: dict[str, Callable[..., Running]] = {name: module.Running for name, module in MODULES.items()}


@dataclass(frozen=True, slots=True)
class Estimator:
    """A method with its parameters: points (scaled integers) from the oldest to the newest, to a value."""

    method: str
    parameters: dict[str, int] = field(default_factory=dict)

    def __call__(self, points: Sequence[int]) -> Fraction | None:
        """The value of all the points."""
        return METHODS[self.method](points, **self.parameters)

    def running(self) -> Running:
        """The method before any points."""
        return RUNNING[self.method](**self.parameters)


def estimator(method: str, **parameters: int) -> Estimator:
    """The method with its parameters filled in."""
    return Estimator(method, parameters)


HIGHEST = estimator("highest")
