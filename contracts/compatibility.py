"""What counts as breaking a contract: anything by which a message, old or new, is read differently by either side.

Messages outlive the programs that wrote them, so both directions hold at once: a consumer built on the older schema
reads today's messages, and today's consumer reads the old ones. That leaves one kind of change: adding a field with
a default. Words (titles, descriptions) are free.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDS = frozenset({"title", "description", "examples", "$schema", "$id", "$defs", "$comment", "deprecated"})
STRUCTURE = frozenset({"$ref", "properties", "required", "items", "prefixItems", "anyOf", "oneOf", "allOf"})


def breaking(old: Schema, new: Schema) -> list[str]:
    """Why the change from the old schema to the new one breaks somebody; empty when it breaks nobody."""
    return list(_compare(_Node(old, old), _Node(new, new), "", frozenset()))


class _Node:
    """A schema and the document its references point into; following a reference gives another."""

    def __init__(self, schema: Any, root: Schema) -> None:
        beside: dict[str, Any] = {}
        self.name = schema["$ref"] if isinstance(schema, Mapping) and "$ref" in schema else ""
        while isinstance(schema, Mapping) and "$ref" in schema:
            beside = {**schema, **beside}
            schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        beside.pop("$ref", None)
        self.schema: Schema = {**schema, **beside} if isinstance(schema, Mapping) else {"const": schema}
        self.root = root

    def into(self, schema: Any) -> "_Node":
        return _Node(schema, self.root)

    def get(self, keyword: str, default: Any) -> Any:
        return self.schema.get(keyword, default)


_Seen = frozenset[tuple[str, str]]  # the definitions this comparison is inside of


def _compare(old: _Node, new: _Node, path: str, seen: _Seen) -> Iterator[str]:
    here, pair = path or "/", (old.name, new.name)
    if pair in seen:
        return
    seen |= {pair} if all(pair) else frozenset()
    yield from _rules(old, new, here)
    yield from _fields(old, new, path, seen)
    for keyword in ("items", "additionalProperties"):
        if isinstance(old.get(keyword, None), Mapping) and isinstance(new.get(keyword, None), Mapping):
            yield from _compare(old.into(old.schema[keyword]), new.into(new.schema[keyword]), f"{path}/*", seen)
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from _branches(old, new, path, keyword, seen)


def _rules(old: _Node, new: _Node, here: str) -> Iterator[str]:
    """Every keyword that decides what is valid must say what it said."""
    for keyword in sorted((old.schema.keys() | new.schema.keys()) - WORDS - STRUCTURE):
        before, after = old.get(keyword, None), new.get(keyword, None)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and keyword == "additionalProperties":
            continue
        if keyword == "enum" and before is not None and after is not None:
            before, after = sorted(before, key=repr), sorted(after, key=repr)
        if before != after:
            yield f"{here}: {keyword} was {before!r}, is {after!r}"
    for keyword in ("items", "prefixItems", "anyOf", "oneOf", "allOf", "properties"):
        if (keyword in old.schema) != (keyword in new.schema):
            yield f"{here}: {keyword} was {'there' if keyword in old.schema else 'absent'}, is not so now"


def _fields(old: _Node, new: _Node, path: str, seen: _Seen) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    required_before, required_after = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(before.keys() - after.keys()):
        yield f"{path}/{name}: removed or renamed"
    for name in sorted(after.keys() - before.keys()):
        if name in required_after:
            yield f"{path}/{name}: added as required; messages already written lack it"
    for name in sorted(before.keys() & after.keys()):
        if name in required_before - required_after:
            yield f"{path}/{name}: was required, may now be absent"
        if name in required_after - required_before:
            yield f"{path}/{name}: was optional, is now required; messages already written may lack it"
        yield from _compare(old.into(before[name]), new.into(after[name]), f"{path}/{name}", seen)


def _branches(old: _Node, new: _Node, path: str, keyword: str, seen: _Seen) -> Iterator[str]:
    before, after = old.get(keyword, []), new.get(keyword, [])
    if len(before) != len(after):
        yield f"{path or '/'}: {keyword} had {len(before)} branches, has {len(after)}"
        return
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        yield from _compare(old.into(one), new.into(other), f"{path}({index})", seen)
