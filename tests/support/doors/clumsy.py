"""A courier that stumbles: hangs up in the middle of a request, or before it has heard the answer, and tries again."""

import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from tests.support.senders import Courier

HANGS_UP = 0.06  # so often, before a request is sent as it should be
RESUMABLE = "/lines"  # whoever sends these stumbles for itself, and asks how far it had come


@dataclass
class Clumsy(Courier):
    """`cut` requests ended at a random byte, `unheard` were sent whole and their answer never read."""

    chance: random.Random = field(default_factory=random.Random)
    cut: int = 0
    unheard: int = 0

    def ask(self, method: str, path: str, content: bytes, headers: Callable[[], dict[str, str]]) -> httpx.Response:
        """As any courier, after a first attempt now and then of which nothing is heard."""
        if method in {"POST", "PUT"} and RESUMABLE not in path and self.stumbles():
            self.stumble(method, path, content, headers())
        return super().ask(method, path, content, headers)

    def stumbles(self) -> bool:
        """Whether it does this time."""
        return self.chance.random() < HANGS_UP

    def stumble(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> bool:
        """Send some of it, or all, and hang up; whether it was all."""
        raw = _request(method, path, content, headers)
        whole = self.chance.random() < 0.5
        end = len(raw) if whole else self.chance.randrange(1, len(raw))
        place = urlsplit(self.url)
        try:
            with socket.create_connection((place.hostname, place.port), timeout=5) as connection:  # type: ignore[arg-type]
                connection.sendall(raw[:end])
                time.sleep(self.chance.choice((0.0, 0.01, 0.1)))  # hang up before, while, or after it is dealt with
        except OSError:
            return whole  # nobody listens just now
        self.unheard += whole
        self.cut += not whole
        return whole


def _request(method: str, path: str, content: bytes, headers: Mapping[str, str]) -> bytes:
    said = {"Host": "wayproof", "Content-Length": str(len(content)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    return "\r\n".join(lines).encode() + content
