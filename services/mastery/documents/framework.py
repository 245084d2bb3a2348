"""Frameworks: a CASE package read leniently (a document and its items), kept strictly."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.mastery.documents.canonical import parse, refuse
from services.mastery.documents.fields import Document, Slug, Version

ASSESSABLE = "wayproof:assessable"  # our CFItem extension: a graduate's portrait may hold what nobody scores


class Item(Document):
    """A CFItem: `code` is its humanCodingScheme."""

    identifier: str = Field(min_length=1, max_length=200)
    code: str = Field(min_length=1, max_length=200)
    statement: str = Field(max_length=4000)
    uri: str | None = None
    assessable: bool = True


class FrameworkDocument(Document):
    """One version of a framework."""

    id: Slug
    version: Version
    identifier: str
    title: str
    uri: str | None = None
    items: tuple[Item, ...] = Field(min_length=1, max_length=20_000)


class CFDocument(BaseModel):
    """What is read of a CASE document."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)
    identifier: str = Field(min_length=1, max_length=200)
    title: str = Field(min_length=1, max_length=1000)
    uri: str | None = None


class CFItem(BaseModel):
    """What is read of a CASE item; exports in use lack codes, and carry members the standard does not have."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)
    identifier: str = Field(min_length=1, max_length=200)
    humanCodingScheme: str | None = None
    abbreviatedStatement: str | None = None
    fullStatement: str | None = None
    uri: str | None = None
    extensions: dict[str, Any] | None = None


class CFPackage(BaseModel):
    """A CASE package; associations, rubrics and definitions are not read yet."""

    model_config = ConfigDict(extra="ignore")
    CFDocument: CFDocument
    CFItems: list[CFItem] = Field(min_length=1, max_length=20_000)


def from_case(package: object, *, framework: str, version: int) -> FrameworkDocument:
    """The framework of a CASE package, under a short name and version of ours."""
    read = parse(CFPackage, package)
    seen: set[str] = set()
    for at, item in enumerate(read.CFItems):
        if item.identifier in seen:
            raise refuse(f"/CFItems/{at}/identifier", "an identifier is there twice")
        seen.add(item.identifier)
    plain: dict[str, object] = {
        "id": framework,
        "version": version,
        "identifier": read.CFDocument.identifier,
        "title": read.CFDocument.title,
        "uri": read.CFDocument.uri,
        "items": [_item(item) for item in read.CFItems],
    }
    return parse(FrameworkDocument, plain)


def to_case(framework: FrameworkDocument) -> dict[str, object]:
    """The framework as a CASE package, with what we keep of it."""
    items = [_cf_item(item) for item in framework.items]
    document = {"identifier": framework.identifier, "title": framework.title, "uri": framework.uri}
    return {"CFDocument": _present(document), "CFItems": items}


def _item(item: CFItem) -> dict[str, object]:
    code = item.humanCodingScheme or item.identifier
    return {
        "identifier": item.identifier,
        "code": code,
        "statement": item.fullStatement or item.abbreviatedStatement or code,
        "uri": item.uri or None,
        "assessable": (item.extensions or {}).get(ASSESSABLE, True) is not False,
    }


def _cf_item(item: Item) -> dict[str, object]:
    return _present(
        {
            "identifier": item.identifier,
            "humanCodingScheme": item.code,
            "fullStatement": item.statement,
            "uri": item.uri,
            "extensions": None if item.assessable else {ASSESSABLE: False},
        }
    )


def _present(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
