"""Paths into what was sent: JMESPath, compiled once; plain chains of names are read without its interpreter."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError

from services.ingest.mappings.values import Unreadable
from services.runtime.problems import pointer_to

SCOPES: Final = re.compile(r"\b(doc|item)\b")


@dataclass(slots=True)
class Scope:
    """What expressions see of one item: the document, the item (the document itself when there is only one)."""

    doc: object
    item: object
    received_at: datetime
    zone: tzinfo
    prefix: str = ""  # the pointer to the item


@dataclass(frozen=True, slots=True)
class Where:
    """Which part of what was sent an expression reads, as far as it can be told."""

    pointer: str = ""
    in_item: bool = False

    def of(self, prefix: str) -> str:
        """The JSON pointer, for the item at `prefix`."""
        return prefix + self.pointer if self.in_item else self.pointer


Read = Callable[[Scope], object]


@dataclass(frozen=True, slots=True)
class Reader:
    """A compiled expression; `constant` is what it reads whatever was sent, when the mapping says that."""

    read: Read
    where: Where = Where()
    constant: str | None = None


class PathRefused(ValueError):
    """Not a path this service reads; the text says why."""


def compile_path(expression: str, *, with_items: bool) -> Reader:
    """A reader for the expression, which starts from `doc` or, where there are items, from `item`."""
    parsed = _parsed(expression)
    names = _chain(parsed)
    if names is None:
        return Reader(_searched(expression))
    if names[0] not in {"doc", "item"} or (names[0] == "item" and not with_items):
        raise PathRefused("starts from doc" + (" or item" if with_items else "; item is there only with items"))
    return Reader(_chained(names[0], names[1:]), Where(pointer_to(names[1:]), names[0] == "item"))


def cell(column: str) -> Reader:
    """A reader for the row's cell in a column, whatever the column's name holds."""
    return Reader(_chained("doc", [column]), Where(pointer_to([column])))


def column_of(expression: str) -> str | None:
    """The column a path reads of a row, when it is as plain as that."""
    names = _chain(_parsed(expression))
    return names[1] if names and len(names) == 2 and names[0] == "doc" else None


def _parsed(expression: str) -> dict[str, Any]:
    if SCOPES.search(expression) is None:
        raise PathRefused("names neither doc nor item")
    try:
        parsed = cast("dict[str, Any]", jmespath.compile(expression).parsed)
    except (JMESPathError, RecursionError):
        raise PathRefused("not a JMESPath expression") from None
    return parsed


def _chain(node: dict[str, Any]) -> list[str] | None:
    """`a.b.c` as its names; None when the expression is anything more."""
    if node["type"] == "field":
        return [node["value"]]
    if node["type"] != "subexpression":
        return None
    parts = [_chain(child) for child in node["children"]]
    return None if None in parts else [name for part in parts if part for name in part]


def _chained(scope: str, names: list[str]) -> Read:
    if len(names) != 1:
        return (lambda at: _descend(at.doc, names)) if scope == "doc" else (lambda at: _descend(at.item, names))
    name = names[0]
    if scope == "doc":
        return lambda at: at.doc.get(name) if type(at.doc) is dict else None
    return lambda at: at.item.get(name) if type(at.item) is dict else None


def _descend(value: object, names: list[str]) -> object:
    for name in names:
        if type(value) is not dict:
            return None
        value = value.get(name)
    return value


def _searched(expression: str) -> Read:
    search = jmespath.compile(expression).search

    def read(at: Scope) -> object:
        try:
            found: object = search({"doc": at.doc, "item": at.item})
        except (JMESPathError, ArithmeticError, ValueError, TypeError, RecursionError):
            raise Unreadable("path-not-applicable", "the path's functions do not fit what is there") from None
        return found

    return read
