"""Newline-delimited JSON: a body cut into numbered lines, each a document, a fault, or blank."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.ingest.domain.claims import Fault, NoClaim
from services.runtime.problems import Refusal
from services.runtime.strict_json import MalformedJson, parse_json

LINE_BYTES_MAX: Final = 64 * 1024
LINES_MAX: Final = 10_000
KEYS_MAX: Final = 2_000
BLANK: Final = NoClaim("blank-line")


class TooManyLines(Refusal):
    """The request has more lines than one request may carry."""

    status = 413


@dataclass(slots=True, unsafe_hash=True)
class Line:
    """One line by its number in the stream; `problem` is None exactly when `document` was read."""

    number: int
    raw: bytes
    document: object = None
    problem: Fault | NoClaim | None = None


def read_lines(body: bytes, first: int = 1, *, lines_max: int = LINES_MAX) -> Iterator[Line]:
    """Every line, blank ones too, so that numbers are those of the sender's file; CRLF and a missing end are fine."""
    rows = body.split(b"\n", lines_max + 1)
    if rows and not rows[-1]:
        rows.pop()
    if len(rows) > lines_max:
        raise TooManyLines(lines_max=lines_max)
    return (_line(number, row.removesuffix(b"\r")) for number, row in enumerate(rows, first))


def _line(number: int, raw: bytes) -> Line:
    if len(raw) > LINE_BYTES_MAX:
        return Line(number, raw, problem=Fault("line-too-long", "", f"a line takes at most {LINE_BYTES_MAX} bytes"))
    if not raw.strip():
        return Line(number, raw, problem=BLANK)
    try:
        return Line(number, raw, parse_json(raw, keys_max=KEYS_MAX))
    except MalformedJson as refusal:
        return Line(number, raw, problem=Fault("malformed-json", refusal.pointer or "", refusal.detail))
