"""The policy language: which evidence counts, how it becomes a level, and what a requirement rests on."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from services.mastery.documents.fields import Code, Count, Day, Document, Mark, Positive, Slug, Version

Kind = Literal["summative", "formative", "baseline", "self_assessment"]
NodeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
Names = Annotated[tuple[Code, ...], Field(min_length=1, max_length=100)]
_DAYS = re.compile(r"P([1-9][0-9]{0,4})D")


def _age(value: object) -> str:
    if not isinstance(value, str) or not _DAYS.fullmatch(value):
        raise ValueError("an age is written in days, as P730D")
    return value


def _live(value: object) -> object:
    if value in {"sticky", "sticky_until_review"}:
        raise ValueError("sticky demotion comes with a later release; only live is evaluated yet")
    return value


def days_of(age: str) -> timedelta:
    """The length of an age such as P730D."""
    return timedelta(days=int(age[1:-1]))


class Header(Document):
    """Whose policy it is, which version, from when to when, for whom."""

    id: Slug
    version: Version
    title: Code | None = None
    organisation: Slug | None = None
    cohorts: tuple[Code, ...] = Field(default=(), max_length=100)
    effective_from: Day | None = None
    effective_to: Day | None = None
    supersedes: tuple[Slug, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("effective_to is not before effective_from")
        return self


class Reference(Document):
    """A version of another document."""

    id: Slug
    version: Version


class Select(Document):
    """Which evidence is looked at; baselines and self-assessments only when `kinds` or `exclude` says so."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] | None = None
    exclude: tuple[Kind, ...] | None = None
    pathways: Names | None = None
    assessor_roles: Names | None = None


class Attempts(Document):
    """Evidence that agrees in `key` is attempts at one thing."""

    key: Annotated[tuple[Literal["artifact", "activity", "assessor", "pathway"], ...], Field(min_length=1)]
    keep: Annotated[
        Literal["latest", "first", "best", "all"],
        BeforeValidator(lambda value: "latest" if value == "latest_revision" else value),
    ]


class Round(Document):
    """How a value is rounded for display, and before comparison when `compare_on` is rounded."""

    places: Annotated[Count, Field(le=9)] = 2
    mode: Literal["half_up", "half_even", "down"] = "half_up"


class Estimate(Document):
    """One value from many: `n` for mean_recent and n_mastery, `at_least` is n_mastery's mark."""

    method: Literal["highest", "latest", "mean", "mean_recent", "n_mastery"]
    n: Annotated[Positive, Field(le=1000)] | None = None
    at_least: Mark | None = None
    round: Round = Round()

    @model_validator(mode="before")
    @classmethod
    def _average_is_mean(cls, value: Any) -> Any:
        named_average = isinstance(value, dict) and value.get("method") == "average"
        return {**value, "method": "mean"} if named_average else value

    @model_validator(mode="after")
    def _parameters(self) -> Self:
        if (self.n is not None) != (self.method in {"mean_recent", "n_mastery"}):
            raise ValueError("mean_recent and n_mastery have a parameter n, the others none")
        if self.at_least is not None and self.method != "n_mastery":
            raise ValueError("only n_mastery has a mark")
        return self


class Distinct(Document):
    """How many different ones at least."""

    pathway: Positive | None = None
    assessor: Positive | None = None
    organisation: Positive | None = None


class Require(Document):
    """So many pieces from one pathway."""

    pathway: Code
    count: Positive = 1


class Gate(Document):
    """Quantity and diversity; `at_least` is the level from which evidence counts for the gate."""

    count: Positive | None = None
    at_least: Mark | None = None
    distinct: Distinct = Distinct()
    require: tuple[Require, ...] = Field(default=(), max_length=20)
    max_age: Annotated[str, BeforeValidator(_age)] | None = None


class Decide(Document):
    """When the value is enough, and what the levels are called."""

    at_least: Mark | None = None
    levels: Annotated[dict[str, Mark], Field(min_length=1, max_length=100)] | None = None
    compare_on: Literal["exact", "rounded"] = "exact"
    demotion: Annotated[Literal["live"], BeforeValidator(_live)] = "live"


class Competency(Document):
    """How one competency is judged; without an estimate the gate alone judges."""

    scale: Slug | None = None
    estimate: Estimate | None = None
    gate: Gate = Gate()
    decide: Decide = Decide()


class Requirement(Document):
    """Exactly one of: another requirement by name, a leaf, all_of, any_of, k_of with from."""

    node: NodeName | None = None
    leaf: Code | None = None
    at_least: Mark | None = None
    all_of: Annotated[tuple["Requirement", ...], Field(min_length=1, max_length=500)] | None = None
    any_of: Annotated[tuple["Requirement", ...], Field(min_length=1, max_length=500)] | None = None
    k_of: Positive | None = None
    of: Annotated[tuple["Requirement", ...], Field(min_length=1, max_length=500)] | None = Field(
        default=None, alias="from"
    )

    @model_validator(mode="before")
    @classmethod
    def _a_text_is_a_name(cls, value: Any) -> Any:
        return {"node": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [self.node, self.leaf, self.all_of, self.any_of, self.k_of]
        if sum(form is not None for form in forms) != 1:
            raise ValueError("one of node, leaf, all_of, any_of, k_of is wanted")
        if (self.k_of is None) != (self.of is None) or (self.at_least is not None and self.leaf is None):
            raise ValueError("from belongs to k_of, at_least to leaf")
        if self.k_of is not None and self.of is not None and self.k_of > len(self.of):
            raise ValueError("k_of wants more than there are")
        return self


class PolicyDocument(Document):
    """One version of a policy, before its codes are resolved."""

    policy: Header
    frameworks: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=20)]
    scales: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=20)]
    select: Select = Select()
    attempts: Attempts | None = None
    competencies: Annotated[dict[Code, Competency], Field(min_length=1, max_length=2000)]
    requirements: Annotated[dict[NodeName, Requirement], Field(max_length=500, default_factory=dict)]
