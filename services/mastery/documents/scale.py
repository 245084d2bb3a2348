"""Scales: ordered levels or a range of scores, the proficient mark, and codes that are states and never zeros."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from services.mastery.documents.fields import Code, Document, Exact, Mark, Slug, Version, is_exact
from services.mastery.domain.rounding import fraction, units
from services.mastery.domain.rules import ScalePoints


class Level(Document):
    """One level; `points` order it and are what arithmetic uses."""

    code: Code
    name: Code
    points: Exact
    uri: str | None = None


class ScoreRange(Document):
    """The least and greatest score, both included."""

    minimum: Exact
    maximum: Exact


class ScaleDocument(Document):
    """One version of a scale."""

    id: Slug
    version: Version
    title: Code
    levels: tuple[Level, ...] = Field(default=(), max_length=100)
    range: ScoreRange | None = None
    proficient: Mark
    not_values: tuple[Code, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_levels(self.levels, self.not_values)
        if bool(self.levels) == (self.range is not None):
            raise ValueError("a scale has either levels or a range")
        if self.range is not None and fraction(self.range.minimum) >= fraction(self.range.maximum):
            raise ValueError("the maximum of a range is above its minimum")
        if not (points := points_of(self)).minimum <= mark_units(self, self.proficient) <= points.maximum:
            raise ValueError("the proficient mark is on the scale")
        return self


def check_levels(levels: Sequence[Level], not_values: Sequence[str]) -> None:
    """Levels ascend, codes are unambiguous, and a code that reads as a number means that number."""
    codes = [level.code for level in levels] + list(not_values)
    if len(set(codes)) != len(codes):
        raise ValueError("a code is there twice")
    points = [fraction(level.points) for level in levels]
    if any(lower >= upper for lower, upper in pairwise(points)):
        raise ValueError("levels are listed from the lowest, each with more points than the one before")
    if any(is_exact(level.code) and fraction(level.code) != fraction(level.points) for level in levels):
        raise ValueError("a level whose code is a number has that many points")


def mark_units(scale: ScaleDocument, mark: str) -> int:
    """A level code or a number of points, as a scaled integer."""
    for level in scale.levels:
        if level.code == mark:
            return units(level.points)
    if not is_exact(mark):
        raise ValueError("neither a level of the scale nor a number of points")
    return units(mark)


def points_of(scale: ScaleDocument) -> ScalePoints:
    """The scale as evaluation reads it."""
    levels = {level.code: units(level.points) for level in scale.levels}
    low, high = min(levels.values(), default=0), max(levels.values(), default=0)
    if scale.range is not None:
        low, high = units(scale.range.minimum), units(scale.range.maximum)
    return ScalePoints(levels, low, high, frozenset(scale.not_values))
