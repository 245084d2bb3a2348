"""Reference documents mastery publishes on `mastery.catalogue`, clear: they say nothing of a person.

Source of the shapes: CASE 1.1 (CFDocument, CFItem, CFRubricCriterionLevel).
"""

from typing import ClassVar

from pydantic import Field

from contracts.envelope import Model, PublicEvent, Slug
from contracts.evidence_v1 import Exact


class FrameworkItem(Model):
    """A CFItem: `code` is its humanCodingScheme."""

    identifier: str
    code: str
    statement: str
    uri: str | None = None
    assessable: bool = True


class FrameworkPublishedV1(PublicEvent):
    """A CASE document and its items, at one version."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.framework-published.v1"
    framework: Slug
    version: int
    digest: str
    title: str
    uri: str | None = None
    items: tuple[FrameworkItem, ...]


class ScaleLevel(Model):
    """One level of a scale; `points` orders it and is what arithmetic uses."""

    code: str
    name: str
    points: Exact
    uri: str | None = None


class ScoreRange(Model):
    """The least and greatest score, both included."""

    minimum: Exact
    maximum: Exact


class ScalePublishedV1(PublicEvent):
    """Ordered levels or a range of scores, the proficient mark, and codes that are states and never zeros."""

    TYPE: ClassVar[str] = "org.wayproof.mastery.scale-published.v1"
    scale: Slug
    version: int
    digest: str
    title: str
    levels: tuple[ScaleLevel, ...] = ()
    range: ScoreRange | None = None
    proficient: Exact = Field(description="The points or score from which a learner is proficient.")
    not_values: tuple[str, ...] = ()
