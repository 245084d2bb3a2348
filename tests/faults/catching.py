"""Nobody is hit who is idle: a process is stopped in the middle of its work first, and traffic let through for it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from tests.faults.fleet import Fleet, Member
from tests.faults.sight import Sight
from tests.support.killing import Gate
from tests.support.senders import Courier

WITHIN_S = 180.0
BURST = 20  # pieces let through at a time, where what was let through before has all been answered
OFFERED_EVERY_S = 0.5
LOOK_S = 0.02
SLICE_S = (0.001, 0.012)  # so long a process goes on between two looks
SETTLES_S = 0.02  # what it had sent before it was stopped has passed the proxy
HANDED_IN_S = 1.0  # shorter than a lease: meanwhile it stands still
BREATH_S = 0.25


@dataclass
class Catcher:
    """`chance` draws how long each slice is; what is planned never hangs on it."""

    fleet: Fleet
    gate: Gate
    couriers: Sequence[Courier]
    sight: Sight
    chance: random.Random
    _offered_at: float = field(default=0.0, init=False)

    def caught(self, service: str) -> tuple[Member, int]:
        """A process stopped with a transaction of its work begun and not committed, and how much waits for its end.

        It goes on by slices of some milliseconds. Where nothing waits for it, traffic is let through while it stands
        still: so it has work as soon as it goes on, however fast it is and whatever came before.
        """
        deadline, tries = time.monotonic() + WITHIN_S, 0
        while time.monotonic() < deadline:
            self.fleet.wait_up(service)
            member = self.fleet.members[service]
            while member.process.poll() is None and time.monotonic() < deadline:
                tries += 1
                member.signal(signal.SIGSTOP)
                if under_way := self._in_hand(service):
                    return member, under_way
                handed_in = self._waiting(service) or self._hands_in(service)
                member.signal(signal.SIGCONT)
                time.sleep(self.chance.uniform(*SLICE_S) if handed_in else BREATH_S)
        raise AssertionError(
            f"{service} was not caught in a transaction in {tries} tries: {self._waiting(service)} wait for it,"
            f" {self.gate.passed} pieces passed of {self.gate.limit:.0f} let through"
        )

    def until(self, condition: Callable[[], int | bool], what: str) -> int:
        """Until it holds, with traffic let through for it; what it says then."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            with suppress(psycopg.OperationalError):
                if found := condition():
                    return int(found)
            assert time.monotonic() < deadline, (
                f"not within {WITHIN_S:g} s: {what}; {self.gate.passed} pieces passed of {self.gate.limit:.0f}"
            )
            if time.monotonic() > self._offered_at + OFFERED_EVERY_S:
                self._offer()
            time.sleep(LOOK_S)

    def requests(self) -> int:
        """Requests under way, of all senders."""
        return sum(courier.under_way for courier in self.couriers)

    def _in_hand(self, service: str) -> int:
        """Seen twice, so that no commit was on its way; then what was asked or handed to it and is not done."""
        with suppress(psycopg.OperationalError):
            if self.sight.in_hand(service):
                time.sleep(SETTLES_S)
                if self.sight.in_hand(service):
                    return self._waiting(service)
        return 0

    def _waiting(self, service: str) -> int:
        if service == "ingest":
            return self.requests()
        with suppress(psycopg.OperationalError):
            return self.sight.waiting(service)
        return 0

    def _hands_in(self, service: str) -> bool:
        """Whether something waits for it by now."""
        self._offer()
        deadline = time.monotonic() + HANDED_IN_S
        while not (waiting := self._waiting(service)) and time.monotonic() < deadline:
            time.sleep(LOOK_S / 4)
        return waiting > 0

    def _offer(self) -> None:
        self._offered_at = time.monotonic()
        self.gate.offer(BURST)
