"""uvicorn's HTTP protocol with bounds it lacks: on headers, on silence between requests, on answers nobody reads."""

from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.runtime.one_write import OneWrite
from services.runtime.whole import EXCHANGE

LOOKS = 4  # at whether an answer is being read, before its time is up
PROGRESS_BYTES_MIN = 16 * 1024  # read between two looks, or it is as if nothing were


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may take, in bytes and seconds, and how many of them there may be."""

    header_bytes_max: int = 32 * 1024
    header_timeout_s: float = 10.0
    answer_timeout_s: float = 20.0
    connections_max: int = 1000


def bounded_protocol(
    bounds: Bounds, on_refusal: Callable[[int], None] = lambda status: None
) -> type["BoundedProtocol"]:
    """The protocol class uvicorn makes one of per connection."""
    return type("Bounded", (BoundedProtocol,), {"bounds": bounds, "on_refusal": staticmethod(on_refusal)})


class BoundedProtocol(HttpToolsProtocol):
    """Counts what has come of the headers, and closes on a sender that is too wordy or too slow, or does not listen."""

    bounds = Bounds()
    on_refusal: Callable[[int], None] = staticmethod(lambda status: None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending_bytes = 0
        self._timer: TimerHandle | None = None
        self._refused = False
        self._heading = True  # whether headers are awaited
        self._begun, self._come = False, 0  # whether what came last made a request, and its bytes
        self._reader: Reader | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self._reader = Reader(self.transport, self.loop, self.bounds.answer_timeout_s)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._reader is not None:
            self._reader.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        was_heading = self._heading
        kept, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        self._begun, self._come = False, len(data)
        super().data_received(data)
        self._keep_waiting(kept)
        if self._heading:
            if self._begun and not self._refused:
                self._start_timer()
            self._pending_bytes += len(data) if was_heading else 0
            if self._pending_bytes > self.bounds.header_bytes_max:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._pending_bytes = 0
        self._heading = self._begun = True

    def on_headers_complete(self) -> None:
        self._heading = False
        self._stop_timer()
        if self._is_too_wordy():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif max(len(self.connections), len(self.tasks)) > self.bounds.connections_max:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._begun = True  # for whoever waits for a request, be its first line of an earlier piece
            super().on_headers_complete()
            self.scope[EXCHANGE] = self.cycle  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is told so in the words everything else is told in."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _is_too_wordy(self) -> bool:
        """Headers that came at once, with whatever came with them, are no longer than that."""
        if self._begun and self._come <= self.bounds.header_bytes_max:
            return False
        said = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        return said > self.bounds.header_bytes_max

    def _keep_waiting(self, kept: TimerHandle | None) -> None:
        """Only a new request ends the wait for one: neither empty lines nor what is left of a body answered already."""
        if kept is None:
            return
        if self._begun or self.timeout_keep_alive_task is not None or self.transport.is_closing():
            kept.cancel()
        else:
            self.timeout_keep_alive_task = kept

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.bounds.header_timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

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


class Reader:
    """Whoever is to read the answers: when nothing of what waits is read in time, the connection is cut.

    A server that closes in order waits for what it wrote to be read, so the wait would have no end.
    """

    def __init__(self, transport: Any, loop: Any, timeout_s: float) -> None:
        self._transport, self._loop, self._pause_s = transport, loop, timeout_s / LOOKS
        self._unread, self._looks = 0, 0
        self._timer: TimerHandle = loop.call_later(self._pause_s, self._look)

    def stop(self) -> None:
        """The connection is gone."""
        self._timer.cancel()

    def _look(self) -> None:
        unread = self._transport.get_write_buffer_size()
        if unread == 0 or self._unread == 0 or unread <= self._unread - PROGRESS_BYTES_MIN:
            self._unread, self._looks = unread, 0
        else:
            self._looks += 1
        if self._looks >= LOOKS:
            self._transport.abort()
            return
        self._timer = self._loop.call_later(self._pause_s, self._look)


def _response(status: HTTPStatus) -> bytes:
    slug = status.phrase.lower().replace(" ", "-")
    body = orjson.dumps({"type": f"/problems/{slug}", "title": status.phrase, "status": status.value})
    again = "Retry-After: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n{again}Connection: close\r\n\r\n"
    )
    return head.encode() + body
