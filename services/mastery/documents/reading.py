"""Documents as people write them, YAML or JSON, into plain values; what two readers could read differently is refused.

YAML scalars stay the text that was written: `1.10`, `2026-07-01` and `on` as a key never become something else.
Where YAML 1.1 would see a truth value (`NO`, `on`, `yes`), the author has to say which was meant, by quoting.
"""

from collections.abc import Iterator
from typing import ClassVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.runtime.problems import Refusal, pointer_to
from services.runtime.strict_json import DEPTH_MAX, parse_json

YAML_BYTES_MAX = 256 * 1024
YAML = "tag:yaml.org,2002:"
TAGS = {YAML + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map")}
YAML_NODES_MAX = 20_000  # counted after aliases are followed, so that no alias bomb grows
Path = tuple[object, ...]


class DocumentRefused(Refusal):
    """The document does not fit its schema."""


class MalformedYaml(Refusal):
    """The document is not YAML as this service reads it."""


class DocumentTooLarge(Refusal):
    """The document is larger than this service takes."""

    status: ClassVar[int] = 413


def read_document(raw: bytes) -> object:
    """Plain values of a document; what begins with a brace is JSON."""
    return parse_json(raw) if raw.lstrip()[:1] == b"{" else read_yaml(raw)


def read_yaml(raw: bytes) -> object:
    """Plain values of a YAML document, every scalar as text or nothing."""
    if len(raw) > YAML_BYTES_MAX:
        raise DocumentTooLarge(f"a YAML document has at most {YAML_BYTES_MAX} bytes")
    try:
        text = raw.decode()
        _refuse_mark(text)
        _check_depth(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise MalformedYaml("not UTF-8", offset=error.start) from None
    except yaml.YAMLError as error:
        raise MalformedYaml("not YAML" + _place(error)) from None
    if root is None:
        raise MalformedYaml("the document is empty")
    return _Plain().value(root, ())


def _refuse_mark(text: str) -> None:
    """Behind a byte order mark JSON would be read as YAML, by other rules than its author thinks."""
    if text.startswith("\ufeff"):
        raise MalformedYaml("UTF-8 without a byte order mark is wanted", offset=0)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            raise MalformedYaml(f"nested deeper than {DEPTH_MAX}")


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"


class _Plain:
    """Node graph to plain values, aliases followed within bounds."""

    def __init__(self) -> None:
        self.nodes = 0

    def value(self, node: Node, path: Path) -> object:
        self.nodes += 1
        if self.nodes > YAML_NODES_MAX:
            raise MalformedYaml(f"more than {YAML_NODES_MAX} values")
        if len(path) > DEPTH_MAX:
            raise MalformedYaml("nested too deep, or within itself")
        if node.tag not in TAGS:
            raise MalformedYaml("tags are not read", pointer=pointer_to(path))
        if isinstance(node, ScalarNode):
            return _scalar(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(child, (*path, at)) for at, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return dict(self._entries(node, path))

    def _entries(self, node: MappingNode, path: Path) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag == YAML + "merge":
                raise MalformedYaml("keys are plain text", pointer=pointer_to(path))
            key = key_node.value
            if key in seen:
                raise MalformedYaml("a key is there twice", pointer=pointer_to((*path, key)))
            _refuse_truth(key_node, (*path, key))
            seen.add(key)
            yield key, self.value(child, (*path, key))


def _scalar(node: ScalarNode, path: Path) -> str | None:
    _refuse_truth(node, path)
    if node.tag == YAML + "null":
        return None
    return str(node.value)


def _refuse_truth(node: ScalarNode, path: Path) -> None:
    if node.tag == YAML + "bool":
        raise MalformedYaml(
            "some readers see a truth value here; quote the text that is meant", pointer=pointer_to(path)
        )
