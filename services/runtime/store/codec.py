"""Domain events to bytes and back, by an explicit table of topics: never by an import path read from the store."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, cast

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

# what a newer writer added is refused, not dropped; what JSON cannot say shows up, and is refused
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")


class UnknownTopic(Exception):
    """The store holds an event this version of the program does not know: a newer one wrote it."""


class UnreadableBody(Exception):
    """A stored body does not have the shape of its topic; its values are not quoted."""


class NotANumber(Exception):
    """NaN and infinities have no place in a record: JSON cannot say them."""


@dataclass(frozen=True, slots=True)
class Upcast:
    """How a body of an older topic becomes one of a newer topic; pure, and chained by the codec."""

    to: str
    change: Callable[[dict[str, Any]], dict[str, Any]]


class Codec:
    """Knows each event class by its `TOPIC`; a class that is not in the table cannot be stored or read."""

    def __init__(self, events: Iterable[type], upcasts: Mapping[str, Upcast] | None = None) -> None:
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self._upcasts = dict(upcasts or {})
        self._types: set[type] = set()
        self._untyped: set[type] = set()  # with a field of any type, where what is not a number becomes null
        for event in events:
            self._register(event)
        assert not self._upcasts.keys() & self._adapters.keys(), "an old topic has an upcast or a class, not both"

    def encode(self, event: object) -> tuple[str, bytes]:
        """The event's topic and its JSON."""
        if type(event) not in self._types:
            raise UnknownTopic(type(event).__name__)
        topic = cast(str, event.TOPIC)  # type: ignore[attr-defined]
        body = self._adapters[topic].serializer.to_json(event)
        suspect = b"NaN" in body or b"Infinity" in body  # perhaps only within a text
        if (suspect or type(event) in self._untyped) and not _finite(event):
            raise NotANumber(topic)
        return topic, body

    def decode(self, topic: str, body: bytes) -> object:
        """The event; older topics are upcast, unknown ones refused."""
        if topic in self._upcasts:
            topic, body = self._upcast(topic, body)
        adapter = self._adapters.get(topic)
        if adapter is None:
            raise UnknownTopic(topic)
        try:
            return adapter.validator.validate_json(body)
        except ValidationError:
            raise UnreadableBody(topic) from None

    def _register(self, event: type) -> None:
        assert is_dataclass(event), event
        topic = cast(str, event.TOPIC)  # type: ignore[attr-defined]
        assert topic not in self._adapters, f"{topic} names two events"
        self._adapters[topic], untyped = _adapter(event)
        self._types.add(event)
        if untyped:
            self._untyped.add(event)

    def _upcast(self, topic: str, body: bytes) -> tuple[str, bytes]:
        content = orjson.loads(body)
        while (upcast := self._upcasts.get(topic)) is not None:
            topic, content = upcast.to, upcast.change(content)
        return topic, orjson.dumps(content)


@cache
def _adapter(event: type) -> tuple[TypeAdapter[Any], bool]:
    """How the class is read and written, made once a process; and whether a field of it may hold anything."""
    if "__pydantic_config__" not in event.__dict__:
        event.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
    adapter: TypeAdapter[Any] = TypeAdapter(event)
    return adapter, "'type': 'any'" in repr(adapter.core_schema)


def _finite(value: object) -> bool:
    """Whether no number within the value is NaN or infinite."""
    if is_dataclass(value):
        return all(_finite(getattr(value, part.name)) for part in fields(value))
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_finite, value))
    if isinstance(value, Decimal):
        return value.is_finite()
    return not isinstance(value, float) or math.isfinite(value)
