"""Mapping documents as bytes: strict JSON, or the part of YAML that every reader reads alike."""

import codecs
import re
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.ingest.mappings.compiled import MappingRefused
from services.runtime.problems import pointer_to
from services.runtime.strict_json import MalformedJson, parse_json

BYTES_MAX: Final = 2 * 1024 * 1024
NODES_MAX: Final = 100_000
DEPTH_MAX: Final = 32
# Plain scalars that YAML 1.1 reads as something else than YAML 1.2, or than their author meant.
AMBIGUOUS: Final = re.compile(
    r"(?:y|n|yes|no|on|off)|~|[+-]?0[0-9_].*|0[box].*|[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[+-]?[0-9][0-9_]*_[0-9_]*|[+-]?\.(?:inf|nan)",
    re.IGNORECASE,
)
WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
OTHER_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WORDS: Final = {"true": True, "false": False, "null": None, "": None}


def load(raw: bytes) -> object:
    """The document; JSON when it begins like it, YAML otherwise."""
    if len(raw) > BYTES_MAX:
        raise MappingRefused(f"at most {BYTES_MAX} bytes")
    if raw.lstrip()[:1] in {b"{", b"["}:
        try:
            return parse_json(raw)
        except MalformedJson as malformed:
            raise MappingRefused(malformed.detail, pointer=malformed.pointer) from None
    return _load_yaml(raw)


def _load_yaml(raw: bytes) -> object:
    if raw.startswith(codecs.BOM_UTF8):  # behind it JSON would be read by the rules of YAML
        raise MappingRefused("UTF-8 without a byte order mark is wanted")
    try:
        text = raw.decode()
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise MappingRefused("not UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingRefused("not YAML" + _place(error)) from None
    return None if node is None else _value(node, ())


def _check_events(text: str) -> None:
    """Before anything is built: no anchors to make a small text a large document, and not too deep."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise MappingRefused("anchors, aliases and tags are not taken")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX or count > NODES_MAX:
            raise MappingRefused(f"at most {DEPTH_MAX} deep, and {NODES_MAX} nodes")


_Path = tuple[str | int, ...]


def _value(node: Node, path: _Path) -> object:
    if isinstance(node, MappingNode):
        return _mapping(node, path)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, index)) for index, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node, path)


def _mapping(node: MappingNode, path: _Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node, path) if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str):
            raise _refused("a key is text: put quotes around it", path)
        if key in found or key == "<<":
            raise _refused("a key that is there twice, or merges", (*path, key))
        found[key] = _value(value_node, (*path, key))
    return found


def _scalar(node: ScalarNode, path: _Path) -> str | int | bool | None:
    """Text, unless it is plainly a word or a whole number; what two readers read differently is refused."""
    text = node.value
    if node.style is not None:
        return str(text)
    if AMBIGUOUS.fullmatch(text):
        raise _refused("read differently by different readers of YAML: put quotes around it", path)
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if OTHER_NUMBER.fullmatch(text) or text.lower() in WORDS or node.tag == "tag:yaml.org,2002:timestamp":
        raise _refused("a number that is not whole, or a word in capitals: put quotes around it", path)
    return str(text)


def _refused(detail: str, path: _Path) -> MappingRefused:
    pointer = pointer_to(path)
    return MappingRefused(detail, pointer=pointer, errors=[{"pointer": pointer, "detail": detail}])


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f": line {mark.line + 1}, column {mark.column + 1}"
