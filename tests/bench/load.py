"""A load generator as cheap as can be: requests made beforehand, sent over sockets, one at a time on each connection.

`python -m tests.bench.load HOST PORT PLAN`: the plan is a pickled list, for each connection the requests to send on it.
Prints JSON: seconds from the first byte sent to the last answer read, answers by status, latencies in milliseconds.
"""

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

LENGTH = b"content-length: "


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)


class Sender(asyncio.Protocol):
    """The next request when the last is answered in full."""

    def __init__(self, requests: list[bytes], tally: Tally, done: "asyncio.Future[None]") -> None:
        self._requests, self._tally, self._done = iter(requests), tally, done
        self._got = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._wanted:
            self._wanted = size_of(self._got)
        if self._wanted and len(self._got) >= self._wanted:
            self._tally.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
            self._tally.statuses[int(self._got[9:12])] += 1
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server hung up"))

    def _next(self) -> None:
        self._got.clear()
        self._wanted = 0
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]


def size_of(got: bytearray) -> int:
    """Of the whole answer, once its headers are there."""
    end = got.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = got.lower().find(LENGTH, 0, end) + len(LENGTH)
    return end + 4 + int(got[at : got.find(b"\r\n", at)])


async def send(host: str, port: int, plan: list[list[bytes]]) -> dict[str, object]:
    """Every connection's requests; all connections at once."""
    loop, tally = asyncio.get_running_loop(), Tally()
    waiting = [loop.create_future() for _ in plan]
    started = time.perf_counter()
    for requests, done in zip(plan, waiting, strict=True):
        await loop.create_connection(lambda requests=requests, done=done: Sender(requests, tally, done), host, port)
    await asyncio.gather(*waiting)
    seconds = time.perf_counter() - started
    return {
        "started": started,
        "seconds": seconds,
        "statuses": tally.statuses,
        "latencies_ms": sorted(tally.latencies_ms),
    }


def main(host: str, port: str, plan: str) -> None:
    """The command."""
    requests = pickle.loads(Path(plan).read_bytes())
    sys.stdout.write(json.dumps(uvloop.run(send(host, int(port), requests))))


if __name__ == "__main__":
    main(*sys.argv[1:])
