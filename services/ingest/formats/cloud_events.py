"""CloudEvents 1.0 as HTTP carries them: structured, binary and batched, brought to one form and checked.

Written against the specification: the `cloudevents` package invents what a sender must say and refuses batches.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import unquote_to_bytes

from services.ingest.mappings.values import RFC_3339
from services.runtime.media_types import is_json, media_type
from services.runtime.problems import Refusal
from services.runtime.strict_json import parse_json, parse_json_elements

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"
EVENTS_MAX: Final = 500  # of one batch
KEYS_MAX: Final = 10_000  # of one event
DATA_KEYS_MAX: Final = 9_000  # of data beside which attributes are headers
BATCH_KEYS_MAX: Final = 100_000
PREFIX: Final = "ce-"
INTEGER_MAX: Final = 2**31 - 1
REQUIRED: Final = ("specversion", "id", "source", "type")
CONTENT: Final = frozenset({"data", "data_base64"})
NAME: Final = re.compile(r"[a-z0-9]+")
MEDIA_TYPE: Final = re.compile(
    r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|\"[^\"]*\"))*", re.ASCII
)
URI_REFERENCE: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
URI: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{URI_REFERENCE.pattern}")
ODD: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
Event = dict[str, Any]


class CloudEventRefused(Refusal):
    """What was sent breaks a rule of CloudEvents 1.0; the pointer says where."""


class EventTypeRefused(Refusal):
    """Taken: application/cloudevents+json, application/cloudevents-batch+json, or any type with ce- headers."""

    status: ClassVar[int] = 415


class BatchTooLong(Refusal):
    """The batch holds more events than one request may carry."""

    status: ClassVar[int] = 413


@dataclass(frozen=True, slots=True)
class Sent:
    """One event in its JSON form, and the bytes to keep of it."""

    event: Event
    raw: bytes

    @property
    def key(self) -> str:
        """What identifies it: source and id, as text that no other pair has."""
        return json.dumps([self.event["source"], self.event["id"]])

    @property
    def content(self) -> bytes:
        """What it says, in whichever mode and order it was sent."""
        return json.dumps(self.event, sort_keys=True, separators=(",", ":"), default=_exact).encode()


def is_batch(content_type: str) -> bool:
    """Whether the body is a list of events."""
    return media_type(content_type) == BATCHED


def read_event(headers: Sequence[tuple[str, str]], content_type: str, body: bytes) -> Sent:
    """The one event of a request that is no batch; raises Refusal."""
    if media_type(content_type) == STRUCTURED:
        return Sent(_checked(parse_json(body, keys_max=KEYS_MAX)), body)
    if content_type.strip().lower().startswith("application/cloudevents"):
        raise EventTypeRefused
    event = _of_headers(headers, content_type, body)
    return Sent(event, _joined(event, body))


def read_batch(body: bytes) -> list[Sent]:
    """Its events in order, none or all: one that breaks a rule is told with its place."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        raise CloudEventRefused("a batch is a list of events", pointer="")
    elements = parse_json_elements(body, keys_max=BATCH_KEYS_MAX)
    if len(elements) > EVENTS_MAX:
        raise BatchTooLong(events_max=EVENTS_MAX)
    return [_element(text.encode(), value, f"/{at}") for at, (text, value) in enumerate(elements)]


def _element(raw: bytes, value: object, at: str) -> Sent:
    if raw.count(b":") > KEYS_MAX:
        parse_json(raw, keys_max=KEYS_MAX)
    return Sent(_checked(value, at), raw)


def _checked(said: object, at: str = "") -> Event:
    if not isinstance(said, dict):
        raise CloudEventRefused("an event is an object", pointer=at)
    event = {name: value for name, value in said.items() if value is not None}  # null stands for absent
    for name in REQUIRED:
        if name not in event:
            raise CloudEventRefused(f"{name} is required", pointer=f"{at}/{name}")
    for name, value in event.items():
        if name not in CONTENT and (fault := _fault_of(name, value)) is not None:
            raise CloudEventRefused(fault, pointer=f"{at}/{name}" if NAME.fullmatch(name) else at)
    if event.keys() >= CONTENT:
        raise CloudEventRefused("either data or data_base64", pointer=f"{at}/data_base64")
    if "data_base64" in event and not _is_base64(event["data_base64"]):
        raise CloudEventRefused("not base64", pointer=f"{at}/data_base64")
    return event


def _fault_of(name: str, value: object) -> str | None:
    """What is wrong with an attribute, without its value."""
    if NAME.fullmatch(name) is None:
        return "an attribute's name has lower-case letters and digits alone"
    if name not in KINDS:
        return _extension_fault(value)
    if not isinstance(value, str) or not value or ODD.search(value):
        return "text without control characters, not empty, is wanted"
    wanted, kind = KINDS[name]
    return None if kind is None or kind.fullmatch(value) else f"{wanted} is wanted"


KINDS: Final[Mapping[str, tuple[str, re.Pattern[str] | None]]] = {
    "specversion": ("1.0", re.compile(r"1\.0")),
    "id": ("text", None),
    "source": ("a URI reference", URI_REFERENCE),
    "type": ("text", None),
    "subject": ("text", None),
    "time": ("an instant of RFC 3339", RFC_3339),
    "dataschema": ("a URI", URI),
    "datacontenttype": ("a media type", MEDIA_TYPE),
}


def _extension_fault(value: object) -> str | None:
    if isinstance(value, str):
        return "a control character" if ODD.search(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -INTEGER_MAX - 1 <= value <= INTEGER_MAX else "an integer of 32 bits is wanted"
    return "an attribute is text, an integer or a boolean"


def _of_headers(headers: Sequence[tuple[str, str]], content_type: str, body: bytes) -> Event:
    """Binary mode: attributes are headers, the body is the data."""
    said: Event = {}
    for name, value in headers:
        if name.lower().startswith(PREFIX):
            attribute = name.lower().removeprefix(PREFIX)
            if attribute in said or attribute in CONTENT or attribute == "datacontenttype":
                raise CloudEventRefused("said twice, or not as a header", pointer=f"/{attribute}")
            said[attribute] = _text_of(value, attribute)
    if not said:
        raise EventTypeRefused
    if content_type:
        said["datacontenttype"] = content_type
    return _checked(said | _data_of(content_type, body))


def _data_of(content_type: str, body: bytes) -> Event:
    if not body:
        return {}
    if is_json(media_type(content_type)):
        return {"data": parse_json(body, keys_max=DATA_KEYS_MAX)}
    return {"data_base64": b64encode(body).decode()}


def _text_of(value: str, attribute: str) -> str:
    """Quotes undone first, then percent-decoded once, as UTF-8."""
    if value.startswith('"'):
        if QUOTED.fullmatch(value) is None:
            raise CloudEventRefused("quotes that do not close", pointer=f"/{attribute}")
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeError:
        raise CloudEventRefused("not UTF-8", pointer=f"/{attribute}") from None


def _joined(event: Event, body: bytes) -> bytes:
    """The event as one document, its data byte for byte as it came."""
    attributes = json.dumps({name: value for name, value in event.items() if name != "data"}).encode()
    return attributes[:-1] + b', "data": ' + body + b"}" if "data" in event else attributes


def _is_base64(value: object) -> bool:
    try:
        b64decode(value if isinstance(value, str) else "?", validate=True)
    except ValueError:
        return False
    return True


def _exact(number: object) -> str:
    """A number as it was written, which no other text of the event can be taken for."""
    assert isinstance(number, Decimal), "all else is JSON's own"
    return f"\0{number}"
