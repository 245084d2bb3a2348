"""Single signed webhooks at a steady rate, each timed from when it was due: a slow answer cannot put off the next.

`python -m tests.bench.paced`: one line of JSON says what to send; it goes on until standard input ends, and prints what
came back as JSON: `[due, milliseconds, status]` of each, `due` by the clock that all processes of a machine share.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import uvloop

from tests.bench.load import size_of
from tests.bench.sending import request
from tests.support.paths import ROOT
from tests.support.senders import sign
from tests.support.traffic import SKILLS

LAST_ANSWER_S = 60


@dataclass(frozen=True)
class Pace:
    """What to send: forms about these many students, signed as this source's."""

    url: str
    source: str
    secret: str
    students: int
    per_s: float


@dataclass(frozen=True)
class Answer:
    """One webhook: when it was due, and after how long its answer had come."""

    due: float
    latency_ms: float
    status: int


class Paced:
    """A process that sends for the length of a block; then `answers` has all of them."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.paced"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(self._pace)) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        output = self._process.communicate(timeout=2 * LAST_ANSWER_S)[0]
        assert self._process.returncode == 0, "the paced sender failed"
        self.answers = [Answer(*each) for each in json.loads(output)]


class Line(asyncio.Protocol):
    """A connection with one request on its way at a time."""

    def __init__(self, sender: "Sender") -> None:
        self._sender, self._got, self._due, self._said = sender, bytearray(), 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, said: bytes, due: float) -> None:
        self._got.clear()
        self._due, self._said = due, said
        self._transport.write(said)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._got += data
        wanted = size_of(self._got)
        if wanted and len(self._got) >= wanted:
            took_ms = (time.perf_counter() - self._due) * 1000
            self._sender.answers.append((self._due, took_ms, int(self._got[9:12])))
            self._said = b""
            self._sender.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server lets go of those that rest; a request on its way just then is sent again, as late as it is."""
        if self in self._sender.idle:
            self._sender.idle.remove(self)
        if self._said:
            self._sender.again.append((self._said, self._due))


class Sender:
    """Sends what is due on whichever connection is free, or on a new one."""

    def __init__(self, pace: Pace) -> None:
        self.pace, self.answers, self.idle = pace, list[tuple[float, float, int]](), list[Line]()
        self.again = list[tuple[bytes, float]]()  # what was on its way when its connection was lost
        self._chance, self._sent = random.Random(pace.source), 0

    async def run(self) -> list[tuple[float, float, int]]:
        """Until standard input ends, and every answer has come."""
        stopped = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        due = time.perf_counter()
        while not stopped.done():
            await self._send(self._form(), due)
            self._sent += 1
            await self._send_again()
            due += 1 / self.pace.per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        async with asyncio.timeout(LAST_ANSWER_S):
            while len(self.answers) < self._sent:
                await self._send_again()
                await asyncio.sleep(0.01)
        return self.answers

    async def _send_again(self) -> None:
        while self.again:
            await self._send(*self.again.pop())

    async def _send(self, said: bytes, due: float) -> None:
        if not self.idle:
            url, loop = urlsplit(self.pace.url), asyncio.get_running_loop()
            _, line = await loop.create_connection(lambda: Line(self), str(url.hostname), url.port or 80)
            self.idle.append(line)
        self.idle.pop().ask(said, due)

    def _form(self) -> bytes:
        name, chance = f"paced-{self._sent}", self._chance
        score = {"skill": chance.choice(SKILLS), "score": chance.randint(20, 95)}
        student, day = f"s-{chance.randrange(self.pace.students):04}", f"2026-03-{chance.randint(1, 28):02}"
        body = json.dumps({"form": name, "student": student, "day": day, "scores": [score]}).encode()
        headers = sign(self.pace.secret, f"msg-{name}", int(time.time()), body)
        return request(f"/v1/webhooks/{self.pace.source}", headers, body)


def main() -> None:
    """The process."""
    said: dict[str, Any] = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(uvloop.run(Sender(Pace(**said)).run())))


if __name__ == "__main__":
    main()
