"""A body that is there whole, and an answer given whole: without the steps in which either may come in parts.

uvicorn hands a body on and an answer out message by message, each through the event loop; most bodies come with their
headers, and the answers of the busiest doors are a line. What does not fit exactly goes the server's way.
"""

from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

Scope = MutableMapping[str, Any]
EXCHANGE: Final = "wayproof.exchange"  # in the scope of a request: what the server knows of it and of its answer
LENGTH: Final = b"content-length"
HEADERS_KEPT_MAX: Final = 64
_BODILESS: Final = frozenset({204, 304})


def arrived(scope: Scope) -> bytes | None:
    """The body, when all of it is here and nobody waits to be told to send it; else it is to be received."""
    cycle: RequestResponseCycle | None = scope.get(EXCHANGE)
    if cycle is None or cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
        return None
    cycle.flow.resume_reading()
    body, cycle.body = bytes(cycle.body), bytearray()
    return body


def answered(scope: Scope, answer: Response) -> bool:
    """Whether the answer left, head and body in one write; if not, nothing of it has."""
    cycle: RequestResponseCycle | None = scope.get(EXCHANGE)
    if cycle is None or not _stands_open(cycle) or not _is_plain(scope, answer):
        return False
    said = tuple(header for header in answer.raw_headers if header[0] != LENGTH)
    head = _head(answer.status_code, tuple(cycle.default_headers), said)
    if head is None:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(answer.body), bytes(answer.body)))
    cycle.message_event.set()
    cycle.on_response()
    return True


def _stands_open(cycle: RequestResponseCycle) -> bool:
    return cycle.keep_alive and not (cycle.disconnected or cycle.response_started or cycle.flow.write_paused)


def _is_plain(scope: Scope, answer: Response) -> bool:
    """Nothing follows it, and it says how long it is."""
    return (
        type(answer) is Response
        and answer.background is None
        and scope["method"] != "HEAD"
        and answer.status_code >= 200
        and answer.status_code not in _BODILESS
        and (LENGTH, b"%d" % len(answer.body)) in answer.raw_headers
    )


@lru_cache(maxsize=HEADERS_KEPT_MAX)
def _head(status: int, *headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """All of it but the length, as the server writes it; None for what the server has to see to."""
    lines = [STATUS_LINE[status]]
    for name, value in (header for some in headers for header in some):
        if name == b"connection" or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
            return None
        lines += (name, b": ", value, b"\r\n")
    return b"".join(lines)
