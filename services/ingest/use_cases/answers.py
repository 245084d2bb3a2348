"""How whoever waits for a commit is told: a thread by its future, those who wait on an event loop all at once.

To cross from the writer's thread into a loop wakes it, and both then want the interpreter: once a commit is enough.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

Told = list[tuple["Awaited", Any]]


class Awaited:
    """Stands where a Future does, for one who awaits it on the loop that made it."""

    __slots__ = ("answered", "loop", "on_loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.on_loop: asyncio.Future[Any] = self.loop.create_future()
        self.answered = False

    def done(self) -> bool:
        """Whether it was answered: what has become of the one who waits is the loop's to know."""
        return self.answered

    def set_result(self, result: Any) -> None:
        """From any thread."""
        tell([(self, result)])

    def set_exception(self, fault: BaseException) -> None:
        """From any thread."""
        self.answered = True
        _cross(self.loop, [(self, fault)])

    def arrive(self, said: Any) -> None:
        """On the loop; one who has gone meanwhile is told nothing."""
        if self.on_loop.done():
            return
        if isinstance(said, BaseException):
            self.on_loop.set_exception(said)
        else:
            self.on_loop.set_result(said)


Answer = Future[Any] | Awaited


def tell(results: Sequence[tuple[Answer, Any]]) -> None:
    """Everybody's result, in order."""
    crossing: dict[asyncio.AbstractEventLoop, Told] = defaultdict(list)
    for answer, result in results:
        if isinstance(answer, Awaited):
            answer.answered = True
            crossing[answer.loop].append((answer, result))
        else:
            answer.set_result(result)
    for loop, told in crossing.items():
        _cross(loop, told)


def _cross(loop: asyncio.AbstractEventLoop, told: Told) -> None:
    with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        loop.call_soon_threadsafe(_arrive, told)


def _arrive(told: Told) -> None:
    for answer, said in told:
        answer.arrive(said)
