"""Sends what no well-behaved client would: lengths that lie, headers that never end, bodies that trickle in."""

import json
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ANSWER_WITHIN_S = 60.0
GRACE_S = 0.1


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    content: bytes
    receipt: str = ""  # where it is not in the content

    def json(self) -> Any:
        """The document."""
        return json.loads(self.content)


def send(
    url: str, head: bytes, body: Iterable[bytes] = (), pause_s: float = 0.0, half_close: bool = False
) -> Answer | None:
    """Exactly these bytes, then listen until the server hangs up; None when it did so without a word."""
    place = urlsplit(url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), timeout=ANSWER_WITHIN_S) as connection:
        _send_all(connection, [head, *body], pause_s)
        if half_close and not _has_word(connection, GRACE_S):
            connection.shutdown(socket.SHUT_WR)
        return parsed(_heard(connection))


def head_of(method: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request's head, ended; header values as they are."""
    lines = [f"{method} {path} HTTP/1.1", "Host: wayproof", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def parsed(raw: bytes) -> Answer | None:
    """An HTTP answer whose body ends with the connection or after its length."""
    if not raw:
        return None
    head, _, content = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    receipt = headers.get("wayproof-receipt", "")
    return Answer(int(first.split()[1]), headers.get("content-type", ""), content, receipt)


def _send_all(connection: socket.socket, body: Iterable[bytes], pause_s: float) -> None:
    """Until the server has something to say, or hung up."""
    try:
        for piece in body:
            connection.sendall(piece)
            if _has_word(connection, pause_s):
                return
    except (BrokenPipeError, ConnectionResetError):
        return


def _has_word(connection: socket.socket, within_s: float) -> bool:
    waiting = select.poll()  # unlike select, for any number of open files
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(within_s * 1000))


def _heard(connection: socket.socket) -> bytes:
    heard = b""
    try:
        while piece := connection.recv(1 << 16):
            heard += piece
    except ConnectionResetError:
        return heard
    return heard
