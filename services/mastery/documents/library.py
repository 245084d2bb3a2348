"""Documents in the form they are stored and named, and where a policy finds the ones it refers to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from services.mastery.documents.canonical import canonical, digest_of, parse
from services.mastery.documents.framework import FrameworkDocument
from services.mastery.documents.policy import PolicyDocument
from services.mastery.documents.reading import read_document
from services.mastery.documents.scale import ScaleDocument

Content = TypeVar("Content", bound=BaseModel)
Version = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stored(Generic[Content]):
    """A document with its canonical bytes and their digest."""

    content: Content
    body: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Library:
    """The frameworks and scales there are, by id and version."""

    frameworks: Mapping[Version, Stored[FrameworkDocument]] = field(default_factory=dict)
    scales: Mapping[Version, Stored[ScaleDocument]] = field(default_factory=dict)


def stored(content: Content) -> Stored[Content]:
    """A document as it is kept."""
    body = canonical(content)
    return Stored(content, body, digest_of(body))


def read_policy(raw: bytes) -> Stored[PolicyDocument]:
    """A policy as somebody wrote it, YAML or JSON."""
    return stored(parse(PolicyDocument, read_document(raw)))


def read_scale(raw: bytes) -> Stored[ScaleDocument]:
    """A scale as somebody wrote it, YAML or JSON."""
    return stored(parse(ScaleDocument, read_document(raw)))
