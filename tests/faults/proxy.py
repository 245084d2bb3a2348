"""A TCP proxy that does to a link what networks do: cut it, slow it, swallow what passes, lose one reply for good."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Self

CHUNK_BYTES = 64 * 1024
START_S = 10.0


class Link(Enum):
    """How a link is."""

    WHOLE = "whole"
    CUT = "cut"  # connections are reset and new ones refused
    HALF_OPEN = "half-open"  # connections stand, nothing passes, nobody is told


class FaultProxy:
    """Between one client side and one server side; safe to steer from any thread.

    `lose_reply(after=b"COMMIT")` lets the next request that contains those bytes through, waits until the server has
    answered, and resets the connection instead of passing the answer on: done, and the client cannot know.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.lost_replies = 0
        self.delay_s = 0.0
        self._link, self._after, self._to_lose = Link.WHOLE, b"", 0
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"proxy {port}", daemon=True)
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(START_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._socket.close()

    def cut(self) -> None:
        """Reset every connection and refuse new ones until `mend`."""
        self._set(Link.CUT)

    def half_open(self) -> None:
        """Nothing passes any more, and nobody is told, until `mend`."""
        self._set(Link.HALF_OPEN)

    def mend(self) -> None:
        """The link is whole again; what stood half open is reset, as a router would."""
        self._set(Link.WHOLE)

    def aim(self, port: int) -> None:
        """From now on at another server, as when a load balancer takes one out; who talks to the old one is reset."""

        def change() -> None:
            self._target = (self._target[0], port)
            self._reset_all()

        self._do(change)

    @property
    def connections(self) -> int:
        """How many stand now."""
        return len(self._pairs)

    def lose_reply(self, after: bytes, times: int = 1) -> None:
        """Lose the answers to the next requests that contain `after`."""
        self._after, self._to_lose = after, self._to_lose + times

    @property
    def to_lose(self) -> int:
        """How many replies are still to be lost."""
        return self._to_lose

    def _set(self, link: Link) -> None:
        def change() -> None:
            was, self._link = self._link, link
            if Link.CUT in (link, was) or (was is Link.HALF_OPEN):
                self._reset_all()

        self._do(change)

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._started.set()
        self._loop.run_forever()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket)

    def _close_all(self) -> None:
        self._server.close()
        self._reset_all()

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._link is Link.CUT:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, far_writer)
        self._pairs.add(pair)
        try:
            await _first(self._requests(reader, pair), self._replies(far_reader, pair))
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _requests(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._gate()
            if self._to_lose and self._after in data:
                self._to_lose -= 1
                pair.loses_reply = True
            pair.far.write(data)
            await pair.far.drain()

    async def _replies(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if pair.loses_reply:
                self.lost_replies += 1
                pair.reset()
                return
            await self._gate()
            pair.near.write(data)
            await pair.near.drain()

    async def _gate(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        while self._link is Link.HALF_OPEN:
            await asyncio.sleep(0.02)


class _Pair:
    """The two halves of one connection."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far = near, far
        self.loses_reply = False

    def reset(self) -> None:
        _reset(self.near)
        _reset(self.far)

    def close(self) -> None:
        self.near.close()
        self.far.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: what a cut looks like."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


async def _first(*ways: Coroutine[Any, Any, None]) -> None:
    """Until either direction ends; the other ends with it."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
