"""`wayproof up`: three real services that start, stop in order, find their data again, and lose nothing they took."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.answers import get, held_in, history_of, standings_of
from tests.support.documents import PERCENT, mapping, policy
from tests.support.ledger.book import Ledger
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, standings
from tests.support.office import Office, Source, identifier_of
from tests.support.paths import ROOT
from tests.support.processes import SERVICES, Wayproof, wait_for
from tests.support.senders import Courier, Stream
from tests.support.sending import Book, SenderThread, in_threads
from tests.support.traffic import SKILLS, Sender
from tests.support.watch import at_rest

SENDERS, STUDENTS = 6, 60
FLOWING, MOST = 400, 1500  # pieces: of all senders when the load is cut off, of each at most
POLICY = policy("ups-and-downs")


@dataclass
class House:
    """A system a test starts and stops itself, with documents, people and sources that outlive it."""

    system: Wayproof
    office: Office
    students: list[str]
    learners: dict[str, str]
    forms: Source
    lines: Source

    def rest(self) -> None:
        """Until nobody has anything left to take in."""
        wait_for(lambda: at_rest(self.system.data), 60, "the services are at rest")

    def stream(self) -> Stream:
        """A new stream of the virtual school."""
        stream = Stream(Courier(self.system.urls["ingest"]), self.lines)
        stream.open()
        return stream


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    system = Wayproof(tmp_path / "data")
    system.start()
    try:
        office = Office(system)
        office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
        office.publish_scale(PERCENT)
        office.activate(POLICY)
        office.define("work-ready", "ups-and-downs", "work-ready")
        students = [f"s-{number:03}" for number in range(STUDENTS)]
        forms = office.source("placements", mapping("percent-forms"), "work_based")
        lines = office.source("virtual", mapping("percent-lines"), "virtual")
        yield House(system, office, students, office.enrol("student", students), forms, lines)
    finally:
        system.kill()


def test_a_second_start_finds_everything_where_it_was(house: House):
    lines = [_line(number, score) for number, score in enumerate((80, 90, 70, 45), 1)]
    stream, learner = house.stream(), house.learners["s-000"]
    outcomes = [said["outcome"] for said in stream.send(lines[:3])]
    house.rest()
    assert outcomes == ["accepted"] * 3
    before, events, awarded = _seen(house, learner)
    assert (before["work-ready"], len(awarded)) == ("met", 1)

    assert house.system.stop() == 0
    assert not (house.system.data / "up.json").exists()
    house.system.start()

    assert _seen(house, learner) == (before, events, awarded)
    again = Stream(Courier(house.system.urls["ingest"]), house.lines, stream.id, 1)
    assert [said["outcome"] for said in again.send(lines)] == [*["duplicate"] * 3, "accepted"]
    house.rest()
    after, more, kept = _seen(house, learner)
    assert more[: len(events)] == events
    assert len(more) > len(events)
    assert (after["SAFE"], after["TEAM"], kept) == ("met", "met", awarded)
    assert house.system.stop() == 0


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(house: House):
    load = Load(house)
    load.start()
    load.stop(lambda: house.system.stop() == 0)
    house.system.start()
    load.send_the_rest()
    load.check()
    assert house.system.stop() == 0


def test_a_supervisor_that_is_killed_takes_its_services_along_and_loses_nothing(house: House):
    pids = [house.system.pid(service) for service in SERVICES]
    load = Load(house)
    load.start()
    load.stop(lambda: house.system.kill() is None)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30, "the services ended too")
    house.system.start()
    load.send_the_rest()
    load.check()
    assert house.system.stop() == 0


def test_a_second_supervisor_on_the_same_data_is_refused(office: Office):
    up = [sys.executable, "-m", "services", "up", "--data", str(office.system.data), "--ports", "0,0,0"]
    refused = subprocess.run(up, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert refused.returncode == 1
    assert "already run" in refused.stderr
    office.system.wait_ready()
    assert {service: said["starts"] for service, said in office.system.state().items()} == dict.fromkeys(SERVICES, 1)


class Load:
    """Traffic that is cut off in the middle, sends again what was not answered, and is held against the ledger."""

    def __init__(self, house: House) -> None:
        self.house, self.book, self._stopping = house, Book(), list[bool]()
        self.senders = [self._sender(lambda: not self._stopping) for _ in range(SENDERS)]

    def start(self) -> None:
        """Returns when the traffic flows."""
        traffic = [
            list(Sender(f"w{number}", self.house.students[number::SENDERS], random.Random(number)).deliveries(MOST, 30))
            for number in range(SENDERS)
        ]
        self._threads = in_threads(zip(self.senders, traffic, strict=True))
        wait_for(lambda: len(self.book.ledger.answers) > FLOWING, 30, "the traffic flows")

    def stop(self, system: Callable[[], bool]) -> None:
        """End the system under load; senders do not try again."""
        self._stopping.append(True)
        assert system(), "the system stopped in order"
        for thread in self._threads:
            thread.join(30)
        assert [sender.fault for sender in self.senders] == [None] * SENDERS
        self.acknowledged = len(self.book.ledger.answers)
        assert FLOWING < self.acknowledged < SENDERS * MOST, "it was stopped in the middle"
        assert any(sender.unanswered for sender in self.senders), "requests were under way"

    def send_the_rest(self) -> None:
        """What was not answered, with the ids it had; the services listen elsewhere by now."""
        for sender in self.senders:
            again = self._sender(lambda: True)
            again.stream.id, again.stream.next_line = sender.stream.id, sender.stream.next_line
            again.run(sender.unanswered)
        self.house.rest()

    def check(self) -> None:
        """Everything acknowledged is held once and in order, and standings are as reckoned."""
        with self.house.office.reader("mastery") as mastery:
            learners = self.house.learners.items()
            histories = {student: held_in(history_of(mastery, learner)) for student, learner in learners}
        findings = self.book.ledger.check(histories)
        assert not findings, findings
        assert sum(map(len, histories.values())) == len(self.book.ledger.answers) >= self.acknowledged
        assert _disagreements(self.house, self.book.ledger) == []

    def _sender(self, keep_trying: Callable[[], bool]) -> SenderThread:
        courier = Courier(self.house.system.urls["ingest"], keep_trying)
        return SenderThread(courier, self.house.forms, self.house.lines, self.book)


def _line(number: int, score: int) -> bytes:
    skill = SKILLS[number % 2] if number < 3 else "TEAM"
    said = {"task": f"t-{number}", "student": "s-000", "day": f"2026-02-{number:02}", "skill": skill, "score": score}
    return json.dumps(said).encode()


def _seen(house: House, learner: str) -> tuple[dict[str, str], list[tuple[int, str]], list[str]]:
    """Where every node stands, every event by place and id, and the credentials."""
    with house.office.reader("mastery") as mastery, house.office.reader("credentials") as credentials:
        competencies, met = standings_of(mastery, learner, "ups-and-downs")
        events = [(event["seq"], event["id"]) for event in history_of(mastery, learner)]
        held = get(credentials, f"/v1/learners/{learner}/credentials")["credentials"]
    return (
        {code: each.result for code, each in competencies.items()} | met,
        events,
        [said["credential"] for said in held],
    )


def _disagreements(house: House, ledger: Ledger) -> list[str]:
    reckoned, wrong = read_policy(POLICY, Fraction(PERCENT["proficient"])), []
    with house.office.reader("mastery") as mastery:
        for student, learner in house.learners.items():
            pieces = ledger.order[student]
            competencies, met = standings_of(mastery, learner, "ups-and-downs")
            results = {code: (each.result, each.value) for code, each in competencies.items()}
            expected = {code: (each.result, each.value) for code, each in standings(reckoned, pieces).items()}
            if (results, met) != (expected, requirements(reckoned, pieces)):
                wrong.append(student)
    return wrong
