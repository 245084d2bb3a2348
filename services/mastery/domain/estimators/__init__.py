"""One value from many: each method in a file of its own, exact, over points in the order of evidence."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

from services.mastery.domain.estimators import highest, latest, mean, mean_recent, n_mastery

METHODS: dict[str, Callable[..., Fraction | None]] = {
    "highest": highest.estimate,
    "latest": latest.estimate,
    "mean": mean.estimate,
    "mean_recent": mean_recent.estimate,
    "n_mastery": n_mastery.estimate,
}


def estimator(method: str, **parameters: int) -> Callable[[Sequence[int]], Fraction | None]:
    """The method with its parameters filled in: points (scaled integers) from the oldest to the newest, to a value."""
    return partial(METHODS[method], **parameters) if parameters else METHODS[method]
