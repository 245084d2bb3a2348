"""Senders that do not give up: a request that got no answer is sent again with the same ids until it gets one."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx

from tests.support.office import Source

RETRY_S = 0.05
GIVE_UP_S = 90.0
LINES_MAX = 500
NOT_NOW = {429, 503}


class NoAnswer(Exception):
    """The sender was told not to try again, and the request was not answered."""


@dataclass
class Courier:
    """Posts to ingest. `broken` are the instants at which a request was under way and its connection broke."""

    url: str
    keep_trying: Callable[[], bool] = lambda: True
    broken: list[float] = field(default_factory=list)
    refused: int = 0
    put_off: int = 0
    under_way: bool = False  # a request is on its way or being answered

    def __post_init__(self) -> None:
        self._client = httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=False)

    def post(self, path: str, content: bytes, headers: Callable[[], dict[str, str]]) -> httpx.Response:
        """The answer to a POST."""
        return self.ask("POST", path, content, headers)

    def ask(self, method: str, path: str, content: bytes, headers: Callable[[], dict[str, str]]) -> httpx.Response:
        """The answer, however often it takes; headers are made anew each time, as a signature ages."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            answer = self._try(method, path, content, headers())
            if answer is not None:
                return answer
            if not self.keep_trying():
                raise NoAnswer
            assert time.monotonic() < deadline, f"no answer within {GIVE_UP_S:g} s"
            time.sleep(RETRY_S)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _try(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response | None:
        self.under_way = True
        try:
            answer = self._client.request(method, path, content=content, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self.refused += 1
            return None
        except httpx.TransportError:
            self.broken.append(time.monotonic())
            return None
        finally:
            self.under_way = False
        if answer.status_code in NOT_NOW:
            self.put_off += 1
            return None
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer


@dataclass
class Webhooks:
    """Signed messages of one source."""

    courier: Courier
    source: Source

    def send(self, message: str, body: bytes) -> tuple[bool, dict[str, Any]]:
        """Whether it was taken before; the receipt, and how many items came to which end."""

        def headers() -> dict[str, str]:
            return sign(self.source.secret, message, int(time.time()), body)

        answer = self.courier.post(f"/v1/webhooks/{self.source.id}", body, headers)
        assert (answer.status_code == 200) == (answer.headers.get("Idempotent-Replay") == "true")
        return answer.status_code == 200, answer.json()


@dataclass
class Stream:
    """One stream of a source; lines are numbered from 1."""

    courier: Courier
    source: Source
    id: str = ""
    next_line: int = 1

    def open(self) -> None:
        """A new stream."""
        said = self.courier.post("/v1/streams", b"", self._headers).json()
        self.id, self.next_line = said["stream"], said["next_line"]

    def send(self, lines: Sequence[bytes], first: int | None = None) -> list[dict[str, Any]]:
        """One outcome a line; `first` before the line wanted next sends again what was sent before."""
        first = self.next_line if first is None else first
        body = b"\n".join(lines)
        answer = self.courier.post(f"/v1/streams/{self.id}/lines?first={first}", body, self._headers)
        *outcomes, last = (json.loads(line) for line in answer.content.splitlines())
        assert [outcome["line"] for outcome in outcomes] == list(range(first, first + len(lines)))
        self.next_line = last["next_line"]
        return outcomes

    def send_all(self, lines: Sequence[bytes], lines_max: int = LINES_MAX) -> Iterator[dict[str, Any]]:
        """In requests of so many lines."""
        for at in range(0, len(lines), lines_max):
            yield from self.send(lines[at : at + lines_max])

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.source.token}"}


def sign(secret: str, message: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks, by its text: HMAC-SHA256 over id, time and body, with dots between."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, b".".join((message.encode(), str(at_s).encode(), body)), sha256)
    signature = base64.b64encode(mac).decode()
    return {"webhook-id": message, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{signature}"}
