"""uvicorn's HTTP protocol with bounds it lacks: how large request headers may be, and how long they may take."""

from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def bounded_protocol(
    header_bytes_max: int, header_timeout_s: float, on_refusal: Callable[[int], None] = lambda status: None
) -> type[HttpToolsProtocol]:
    """The protocol class uvicorn makes one of per connection."""
    said = {"bytes_max": header_bytes_max, "timeout_s": header_timeout_s, "on_refusal": staticmethod(on_refusal)}
    return type("Bounded", (BoundedProtocol,), said)


class BoundedProtocol(HttpToolsProtocol):
    """Counts what has come of the headers, and closes on a sender that is too wordy or too slow."""

    bytes_max = 32 * 1024
    timeout_s = 10.0
    on_refusal: Callable[[int], None] = staticmethod(lambda status: None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending_bytes = 0
        self._timer: TimerHandle | None = None
        self._refused = False
        self._heading = True  # whether headers are awaited

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        was_heading = self._heading
        super().data_received(data)
        if self._heading:
            self._pending_bytes += len(data) if was_heading else 0
            if self._pending_bytes > self.bytes_max:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._pending_bytes = 0
        self._heading = True
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._heading = False
        self._stop_timer()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.bytes_max:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is told so in the words everything else is told in."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer and hang up; when an earlier request of the connection is still being answered, only hang up."""
        self._refused = True
        self._stop_timer()
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_response(status))
            self.on_refusal(status.value)
        self.transport.close()


def _response(status: HTTPStatus) -> bytes:
    slug = status.phrase.lower().replace(" ", "-")
    body = orjson.dumps({"type": f"/problems/{slug}", "title": status.phrase, "status": status.value})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
