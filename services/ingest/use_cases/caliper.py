"""Caliper envelopes at a door of their own: each event an item, the envelope's content its message key."""

from typing import ClassVar, Final

from services.ingest.formats.caliper import ENVELOPE, EVENTS_MAX, is_envelope, problem_of
from services.ingest.mappings.values import RFC_3339
from services.ingest.use_cases.read import Read, origin_of
from services.ingest.use_cases.settle import Item, Origin, item_of
from services.ingest.use_cases.take import Submission
from services.runtime.problems import Refusal
from services.runtime.strict_json import parse_json

DOOR: Final = "caliper"
KEYS_MAX: Final = 500_000
VERSIONS: Final = frozenset(f"http://purl.imsglobal.org/ctx/caliper/v1p{minor}" for minor in (1, 2))


class EnvelopeWanted(Refusal):
    """The body is no Caliper envelope: an object with sensor, sendTime, dataVersion and a list of data."""


class DataVersionUnknown(Refusal):
    """The envelope's dataVersion is not one this service reads: Caliper 1.1 and 1.2 are."""

    status: ClassVar[int] = 422


class TooManyEvents(Refusal):
    """The envelope holds more events than one request may carry."""

    status: ClassVar[int] = 413


def open_envelope(body: bytes) -> list[object]:
    """The events and entities of an envelope that is in order."""
    said = parse_json(body, keys_max=KEYS_MAX)
    if not is_envelope(said) or not isinstance(said, dict):
        raise EnvelopeWanted
    lacking = next((name for name in ENVELOPE if name not in said), None)
    if lacking is not None:
        raise EnvelopeWanted(pointer=f"/{lacking}")
    if not isinstance(said["sendTime"], str) or RFC_3339.fullmatch(said["sendTime"]) is None:
        raise EnvelopeWanted("not an instant", pointer="/sendTime")
    if not isinstance(said["dataVersion"], str) or said["dataVersion"] not in VERSIONS:
        raise DataVersionUnknown(pointer="/dataVersion")
    data = said["data"]
    if not isinstance(data, list):
        raise EnvelopeWanted("a list", pointer="/data")
    if len(data) > EVENTS_MAX:
        raise TooManyEvents(events_max=EVENTS_MAX)
    return data


def submission_of(read: Read, body: bytes) -> Submission:
    """The same envelope again is known by what it says: envelopes have no id."""
    events, origin, content = open_envelope(body), origin_of(read.source, DOOR), read.tags.content(body)
    message = read.tags.message(origin.source, DOOR, content.hex())
    return Submission(origin, body, content, message, items_of(read, origin, events))


def items_of(read: Read, origin: Origin, events: list[object]) -> list[Item]:
    """What the mapping reads from each, in order; what is no event is not given to it."""
    items: list[Item] = []
    for event in events:
        problem = problem_of(event)
        if problem is not None:
            items.append(item_of(problem, read.tags, origin))
        else:
            items += read.items(origin, event, None)
    return items
