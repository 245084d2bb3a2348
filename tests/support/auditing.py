"""An auditor who asks while everything happens, and asks again when it is over: a final answer never changes."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.answers import each_of

PAUSE_S = 0.02
NOT_NOW = 503


@dataclass
class Auditor:
    """Keeps each final answer with its question."""

    open_client: Callable[[], httpx.Client]
    learners: Sequence[str]
    chance: random.Random
    pause_s: float = PAUSE_S
    kept: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    fault: BaseException | None = None

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Auditor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert self.fault is None, self.fault

    def changed(self) -> list[str]:
        """The questions whose final answer is another one by now."""
        with self.open_client() as client:
            again = each_of(self.kept, lambda kept: _answer(client, kept[0], kept[1]))
        return [f"{path} {query}" for (path, query, said), now in zip(self.kept, again, strict=True) if now != said]

    def _run(self) -> None:
        try:
            with self.open_client() as client:
                while not self._stop.wait(self.pause_s):
                    self._ask(client)
        except BaseException as fault:
            self.fault = fault

    def _ask(self, client: httpx.Client) -> None:
        """As of and as known at the last instant that is final; who is down is asked another time."""
        path = f"/v1/learners/{self.chance.choice(self.learners)}/standings"
        try:
            known_to = client.get(path).raise_for_status().json()["known_to"]
            query = {"as_of": known_to, "known_at": known_to}
            said = _answer(client, path, query)
        except httpx.TransportError:
            return
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code != NOT_NOW:
                raise
            return
        assert said["finality"] == "final"
        self.kept.append((path, query, said))


def _answer(client: httpx.Client, path: str, query: dict[str, str]) -> dict[str, Any]:
    """Without how far finality has come, which only grows."""
    said: dict[str, Any] = client.get(path, params=query).raise_for_status().json()
    del said["known_to"]
    return said
