"""Asking a log that may be away how far it is, without waiting for it longer than somebody who merely looks would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from services.runtime.log.port import LogUnavailable

WAIT_S = 1.0
Ends = Mapping[int, int]  # the offset after the last one, per partition


class Glance:
    """Questions about topics, each asked by a thread of its own, one at a time a topic.

    While any of them has gone unanswered for `wait_s`, nobody waits at all: the log is away for the other topics too.
    """

    def __init__(
        self, question: Callable[[str], Ends], wait_s: float = WAIT_S, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._question, self._wait_s, self._elapsed_s = question, wait_s, elapsed_s
        self._changing = threading.Lock()
        self._asked: dict[str, tuple[Future[Ends], float]] = {}  # what is being asked, and since when
        self._failed = False

    @property
    def answered(self) -> bool:
        """Whether the last question was, and none has waited too long."""
        with self._changing:
            return not self._failed and not self._overdue()

    def ends(self, topic: str) -> Ends:
        """What the question answers; LogUnavailable when it fails, or takes longer than `wait_s`."""
        with self._changing:
            if self._overdue():
                raise LogUnavailable("it has not answered yet")
            future, since = self._asked.get(topic) or self._ask(topic)
            left_s = since + self._wait_s - self._elapsed_s()
        try:
            return future.result(max(0.0, left_s))
        except TimeoutError:
            raise LogUnavailable(f"no answer within {self._wait_s:g} s") from None

    def _overdue(self) -> bool:
        now = self._elapsed_s()
        return any(now - since >= self._wait_s for _, since in self._asked.values())

    def _ask(self, topic: str) -> tuple[Future[Ends], float]:
        asked: tuple[Future[Ends], float] = Future(), self._elapsed_s()
        self._asked[topic] = asked
        threading.Thread(target=self._answer, args=(topic, asked[0]), name="glance at the log", daemon=True).start()
        return asked

    def _answer(self, topic: str, future: Future[Ends]) -> None:
        try:
            found = self._question(topic)
        except Exception as fault:
            self._done(topic, failed=True)
            future.set_exception(fault)
        else:
            self._done(topic, failed=False)
            future.set_result(found)

    def _done(self, topic: str, *, failed: bool) -> None:
        with self._changing:
            self._failed = failed
            del self._asked[topic]
