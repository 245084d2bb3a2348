"""A school that sends by every door while blows fall on everything its records stand on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import httpx

from tests.faults.blows import Blows
from tests.faults.catching import Catcher
from tests.faults.ground import Ground
from tests.faults.plan import Landed
from tests.faults.sight import Sight
from tests.support.doors import wording
from tests.support.doors.clumsy import Clumsy
from tests.support.doors.sending import DoorSender, in_threads
from tests.support.doors.traffic import Delivery, Door
from tests.support.ledger.book import Piece
from tests.support.ledger.chronicle import Said
from tests.support.senders import sign
from tests.system.killed_school import POLICIES, School

LEAD = 1.5  # shares of traffic let through beyond the last blow, so that there is some while the next falls
MORE = 5  # pieces of a sender who has said all he was to say, again and again until the last blow has fallen
FORGED = 200
ASKS_EVERY_S = 0.25  # the auditor
ECHO = "echo"
TRAFFIC_WITHIN_S, JOINED_WITHIN_S, LOOK_S = 180.0, 600.0, 0.005


@dataclass
class Siege(School):
    """`landed` are the blows as they fell; `refused` counts forgeries that were turned away."""

    landed: list[Landed] = field(default_factory=list)
    refused: int = 0
    echoed: int = 0
    began: float = 0.0
    fallen: threading.Event = field(default_factory=threading.Event)

    def prepare(self) -> Siege:
        """As any school; one learner is the echo's alone."""
        super().prepare()
        *self.students, self.echo_of = self.students
        self.auditor.pause_s = ASKS_EVERY_S
        return self

    def besiege(self, ground: Ground) -> None:
        """Send everything while all blows fall; returns when everything was answered."""
        self.began = time.monotonic()
        self._make_senders()
        threads = in_threads(zip(self.senders, map(self._traffic, range(self.plan.senders)), strict=True))
        threads += in_threads([(self._sender("echo"), self._echoes())])
        threads.append(threading.Thread(target=self._forge, daemon=True))
        threads[-1].start()
        with self.auditor:
            self._let_fall(ground)
            self.gate.open_to(float("inf"))
            for thread in threads:
                thread.join(JOINED_WITHIN_S)
        assert not self._faults(), self._faults()
        assert not any(thread.is_alive() for thread in threads), "everything was answered"

    def _make_senders(self) -> None:
        self.couriers: list[Clumsy] = []
        self.senders = [self._sender(number) for number in range(self.plan.senders)]

    def _sender(self, number: Any) -> DoorSender:
        courier = Clumsy(self.office.system.urls["ingest"], chance=self._chance("stumbles", number))
        self.couriers.append(courier)
        counted = self.gate.count if number != ECHO else (lambda pieces: None)
        return DoorSender(courier, self.premises, self.book, self.gate.wait, counted)

    def _let_fall(self, ground: Ground) -> None:
        schedule = self.plan.schedule()
        share = self.plan.pieces / (len(schedule) + 1)
        with closing(Sight(ground.superuser_url)) as sight:
            chance = random.Random(f"{self.plan.seed}/slices")
            catcher = Catcher(self.office.system, self.gate, self.couriers, sight, chance)
            blows = Blows(self.office.system, ground, catcher, sight)
            for number, blow in enumerate(schedule):
                self.gate.open_to(max(self.gate.limit, share * (number + LEAD)))
                self._wait_for_traffic(share * (number + blow.at))
                if number == len(schedule) // 2:
                    self._change_policy()
                self._note(blows.fall(blow, time.monotonic() - self.began))
        self.fallen.set()

    def _note(self, landed: Landed) -> None:
        self.landed.append(landed)
        lasted_s = time.monotonic() - self.began - landed.at_s
        blow, came_of_it = landed.blow, landed.came_of_it or ""
        print(f"{landed.at_s:6.1f} s + {lasted_s:4.1f}  {blow.kind} {blow.whom} {came_of_it}", flush=True)

    def _traffic(self, number: int) -> Iterator[Delivery]:
        """What is planned, and then as much more as it takes until every blow has fallen on some."""
        sender = self._drawn_sender(number)
        yield from sender.deliveries(-(-self.plan.pieces // self.plan.senders), self.plan.repeats)
        while not self.fallen.is_set():
            yield from sender.deliveries(sender.made + MORE, self.plan.repeats)

    def _wait_for_traffic(self, target: float) -> None:
        deadline = time.monotonic() + TRAFFIC_WITHIN_S
        while self.gate.passed < target:
            assert not self._faults(), self._faults()
            assert time.monotonic() < deadline, f"the traffic stands still at {self.gate.passed} of {target:.0f}"
            time.sleep(LOOK_S)

    def _change_policy(self) -> None:
        """Another policy begins to judge, for those who have history by then."""
        self.office.system.wait_ready()
        self.office.activate(POLICIES["watching"])

    def _faults(self) -> list[BaseException]:
        return [sender.fault for sender in self.senders if sender.fault is not None]

    def _echoes(self) -> Iterator[Delivery]:
        """One and the same message, again and again, for as long as there is traffic."""
        piece = Piece("echo#TEAM", self.echo_of, "TEAM", Fraction(70), "2026-03-01")
        said = (Said("echo/0", piece.record, piece.learner, piece),)
        for number in range(self.plan.echoes):
            self._pace(number, self.plan.echoes)
            self.echoed += 1
            yield Delivery(Door.FORM, ECHO, said)

    def _forge(self) -> None:
        """Well-formed messages of somebody who does not know the secret: refused, and never counted."""
        forms, url = self.premises.forms, self.office.system.urls["ingest"]
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            for number in range(FORGED):
                self._pace(number, FORGED)
                piece = Piece(f"forged-{number}#TEAM", self.students[0], "TEAM", Fraction(99), "2026-03-01")
                body = wording.form((Said("", piece.record, piece.learner, piece),))
                headers = sign("whsec_" + "A" * 43 + "=", f"forged-{number}", int(time.time()), body)
                with suppress(httpx.TransportError):
                    answer = client.post(f"/v1/webhooks/{forms.id}", content=body, headers=headers)
                    assert answer.status_code in (401, 503), answer.status_code
                    self.refused += answer.status_code == 401

    def _pace(self, number: int, of: int) -> None:
        while self.gate.passed < self.plan.pieces * number * 0.98 / of:
            time.sleep(LOOK_S * 4)
