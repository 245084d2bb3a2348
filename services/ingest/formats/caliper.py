"""Caliper 1.2: events alone or in envelopes, as a document or as lines; an event is checked for what every one has."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from services.ingest.domain.claims import Fault, NoClaim
from services.ingest.formats.gzip_chunks import chunks
from services.ingest.formats.rows import FileRow, Sent
from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge
from services.runtime.strict_json import MalformedJson, parse_json

DOCUMENT_BYTES_MAX: Final = 8 * 1024 * 1024
LINE_BYTES_MAX: Final = 256 * 1024  # an envelope may be a line
KEYS_MAX: Final = 500_000
EVENTS_MAX: Final = 10_000  # of one envelope
ENVELOPE: Final = ("sensor", "sendTime", "dataVersion", "data")
WANTED: Final = ("id", "type", "actor", "action", "object", "eventTime")
ENTITY: Final = NoClaim("describes-an-entity")
BLANK: Final = NoClaim("blank-line")


class CaliperRefused(PackageRefused):
    """The file is neither a Caliper envelope, nor events in a list, nor lines of either."""


def read_events(sent: Sent) -> Iterator[FileRow]:
    """Each event, and each line that holds none; a file of one document has no lines to name."""
    with sent.open() as file:
        document = _whole(file)
        if document is not None:
            yield from _rows(document, None)
            return
        file.seek(0)
        yield from _of_lines(file)


def events_of(document: object) -> list[object]:
    """What an envelope or a list holds; anything else is taken for one event."""
    held = document.get("data") if is_envelope(document) and isinstance(document, dict) else document
    return held if isinstance(held, list) else [held]


def is_envelope(document: object) -> bool:
    """Has it what an envelope has? An event has neither a sensor nor data."""
    return isinstance(document, dict) and "sensor" in document and "data" in document


def problem_of(event: object) -> Fault | NoClaim | None:
    """What keeps it from being read by a mapping: no event, or the description of an entity, which may stand there."""
    if not isinstance(event, dict):
        return Fault("not-a-caliper-event", "", "an event is an object")
    if "action" not in event and "eventTime" not in event and "type" in event:
        return ENTITY
    lacking = next((name for name in WANTED if not event.get(name)), None)
    if lacking is not None:
        return Fault("not-a-caliper-event", f"/{lacking}", f"{lacking}: an event has it")
    return None


def _whole(file: BinaryIO) -> object | None:
    """The document, when the file is one; None when it is lines, of which the first says so."""
    raw = bytearray()
    for piece in chunks(file):
        raw += piece
        if len(raw) > DOCUMENT_BYTES_MAX:
            break
    document = None if len(raw) > DOCUMENT_BYTES_MAX else _parsed(bytes(raw))
    if document is None and _parsed(bytes(raw).lstrip().partition(b"\n")[0]) is None:
        raise CaliperRefused
    return document


def _parsed(line: bytes) -> object | None:
    try:
        return parse_json(line, keys_max=KEYS_MAX)
    except MalformedJson:
        return None


def _of_lines(file: BinaryIO) -> Iterator[FileRow]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            yield FileRow(number, problem=BLANK)
            continue
        try:
            document = parse_json(line, keys_max=KEYS_MAX)
        except MalformedJson as malformed:
            yield FileRow(number, problem=Fault("malformed-json", malformed.pointer or "", malformed.detail))
            continue
        yield from _rows(document, number)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    for piece in chunks(file):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > LINE_BYTES_MAX:
            raise PackageTooLarge("a line is too long", line_bytes_max=LINE_BYTES_MAX)
    if rest:
        yield rest


def _rows(document: object, line: int | None) -> Iterator[FileRow]:
    events = events_of(document)
    if len(events) > EVENTS_MAX:
        yield FileRow(line, problem=Fault("too-many-events", "/data", f"an envelope holds at most {EVENTS_MAX}"))
        return
    if not events:
        yield FileRow(line, problem=NoClaim("no-events"))
    for event in events:
        problem = problem_of(event)
        yield FileRow(line, None if problem else event, problem)
