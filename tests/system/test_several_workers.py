"""Two ingest, three mastery and two credential processes on real servers, killed and put to sleep under load."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.servers import Broker, Postgres
from tests.servers.backends import prepared
from tests.support.answers import EVIDENCE, MET, get, history_of
from tests.support.company import Company, Member, awake
from tests.support.documents import PERCENT, mapping, policy
from tests.support.office import Office, Source, identifier_of
from tests.support.processes import wait_for
from tests.support.senders import Courier, Webhooks

LEASE_S, HEARTBEAT_S = 4.0, 0.8
A_MOMENT_S = 45.0  # for a claim, on a machine with more to do than this
PARTITIONS, SENDERS, STUDENTS = 4, 3, 12
ROUNDS = int(os.environ.get("WAYPROOF_WORKER_ROUNDS", "4"))  # a kill and a sleep in turn
PIECES_A_ROUND = 12
SKILLS = ("TEAM", "SAFE")


@dataclass
class Sent:
    """What was sent of each student, in order; and how often each answer came."""

    records: dict[str, list[str]] = field(default_factory=dict)
    pieces: int = 0
    fault: BaseException | None = None


@dataclass
class Traffic:
    """Every message goes to both ingest processes at once; the next of a sender only when both have answered."""

    company: Company
    source: Source
    students: list[str]
    stop: threading.Event = field(default_factory=threading.Event)
    sent: list[Sent] = field(default_factory=list)

    def start(self) -> None:
        doors = [member.url for member in self.company.members["ingest"]]
        self.threads = []
        for number in range(SENDERS):
            self.sent.append(Sent())
            couriers = [Webhooks(Courier(url), self.source) for url in doors]
            work = [number, couriers, self.students[number::SENDERS], self.sent[-1]]
            self.threads.append(threading.Thread(target=self._send, args=work, daemon=True))
            self.threads[-1].start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
        assert [sent.fault for sent in self.sent] == [None] * SENDERS
        assert not any(thread.is_alive() for thread in self.threads)

    @property
    def records(self) -> dict[str, list[str]]:
        return {student: said for sent in self.sent for student, said in sent.records.items()}

    def _send(self, number: int, doors: list[Webhooks], students: list[str], sent: Sent) -> None:
        chance = random.Random(number)
        try:
            with ThreadPoolExecutor(len(doors)) as threads:
                for count in range(100_000):
                    if self.stop.is_set():
                        return
                    student, skill, name = chance.choice(students), chance.choice(SKILLS), f"w{number}-{count}"
                    scores = [{"skill": skill, "score": chance.randint(20, 95)}]
                    body = json.dumps({"form": name, "student": student, "day": "2026-03-02", "scores": scores})
                    for done in [threads.submit(door.send, f"msg-{name}", body.encode()) for door in doors]:
                        done.result()
                    sent.records.setdefault(student, []).append(f"{name}#{skill}")
                    sent.pieces += 1
        except BaseException as fault:
            sent.fault = fault
            raise


@dataclass
class After:
    """The company when everything was sent and all is at rest."""

    office: Office
    company: Company
    traffic: Traffic
    learners: dict[str, str]
    regained_s: list[float] = field(default_factory=list)
    zombies: list[tuple[str, float]] = field(default_factory=list)

    def histories(self, member: Member) -> dict[str, list[dict[str, Any]]]:
        """Every learner's events as this process tells them."""
        self.company.urls["mastery"] = member.url
        with self.company.client("mastery", self.office.auditor) as mastery:
            return {student: history_of(mastery, learner) for student, learner in self.learners.items()}


@pytest.fixture(scope="module")
def after(kafka: Broker, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    """All of it once; the tests ask about it."""
    store = postgres.fresh()
    with prepared(kafka.bootstrap, store) as told:
        leases = {"WAYPROOF_LEASE_S": str(LEASE_S), "WAYPROOF_HEARTBEAT_S": str(HEARTBEAT_S)}
        sizes = {"ingest": 2, "mastery": 3, "credentials": 2}
        company = Company(tmp_path_factory.mktemp("company") / "data", store, told | leases, sizes)
        try:
            company.start()
            made = prepare(company)
            made.traffic.start()
            trouble(made)
            made.traffic.end()
            company.wait_ready()
            wait_for(company.at_rest, 120, "everything that was sent is taken in")
            yield made
            assert company.stop() == 0, "all ended in order"
        finally:
            company.kill()


def prepare(company: Company) -> After:
    office = Office(company)
    office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
    office.publish_scale(PERCENT)
    said = policy("ups-and-downs")
    office.call("mastery", office.district, "POST", "/v1/policies", json=said)
    office.call("mastery", office.district, "POST", "/v1/policies/ups-and-downs/activations", json={"version": 1})
    office.define("work-ready", "ups-and-downs", "work-ready")
    students = [f"s-{number:02}" for number in range(STUDENTS)]
    learners = office.enrol("student", students)
    source = office.source("forms", mapping("percent-forms"), "work_based")
    wait_for(company.at_rest, 60, "everybody is known")
    return After(office, company, Traffic(company, source, students), learners)


def trouble(after: After) -> None:
    """Kills, new hands, and sleepers, each while evidence flows."""
    company, chance = after.company, random.Random(20261125)
    for number in range(ROUNDS):
        let_flow(after)
        victim = chance.choice(company.members["mastery"])
        if number % 2:
            sleep_through_a_lease(after, victim)
        else:
            company.fire(victim)
            began = time.monotonic()
            if chance.random() < 0.5:  # or only two are left to take over
                time.sleep(chance.random())
                company.hire("mastery")
            regained(after, began)
            while len(company.members["mastery"]) < 3:
                company.hire("mastery")
        if number == ROUNDS // 2:
            dead = company.members["ingest"][1]
            company.fire(dead)
            company.hire("ingest", dead.port)
    let_flow(after)
    regained(after, time.monotonic())


def let_flow(after: After) -> None:
    pieces = sum(sent.pieces for sent in after.traffic.sent)
    wait_for(lambda: sum(sent.pieces for sent in after.traffic.sent) >= pieces + PIECES_A_ROUND, 90, "evidence flows")


def regained(after: After, began: float) -> None:
    within = LEASE_S + A_MOMENT_S
    wait_for(lambda: after.company.held_by_the_living("mastery"), within, "every partition has an owner again")
    after.regained_s.append(time.monotonic() - began)


def sleep_through_a_lease(after: After, zombie: Member) -> None:
    company = after.company
    wait_for(lambda: zombie.process.pid in company.owners("mastery").values(), 60, "the victim has work")
    zombie.signal(signal.SIGSTOP)
    wait_for(lambda: not awake(zombie.process.pid), 60, "it sleeps")
    regained(after, time.monotonic())
    let_flow(after)
    zombie.signal(signal.SIGCONT)
    wait_for(lambda: zombie.ready() and zombie.measured("lease_losses_total") > 0, 60, "the zombie knows")
    after.zombies.append((zombie.output.read_text(), zombie.measured("lease_losses_total")))


def test_every_partition_regained_an_owner_after_each_kill_and_each_sleep(after: After) -> None:
    print([f"{seconds:.1f}" for seconds in after.regained_s])
    assert len(after.regained_s) == ROUNDS + 1
    assert set(after.company.owners("mastery")) == set(range(PARTITIONS))


def test_a_process_that_slept_through_its_leases_lived_on_without_them(after: After) -> None:
    assert len(after.zombies) == ROUNDS // 2
    for said, losses in after.zombies:
        assert losses >= 1
        assert "another process has taken over" in said
        assert "worker died" not in said


def test_each_piece_is_held_once_and_in_the_order_it_was_sent(after: After) -> None:
    """Also though each was sent to both ingest processes, one of which was killed."""
    sent = after.traffic.records
    histories = after.histories(after.company.members["mastery"][0])
    held = {
        student: [event["said"]["artifact"] for event in history if event["what"] == EVIDENCE]
        for student, history in histories.items()
    }
    assert held == {student: sent.get(student, []) for student in after.learners}
    pieces = sum(map(len, sent.values()))
    print(f"{pieces} pieces")
    assert after.office.outcomes(after.traffic.source)["accepted"] == pieces > ROUNDS * PIECES_A_ROUND


def test_whichever_process_is_asked_says_the_same(after: After) -> None:
    first, *others = (after.histories(member) for member in after.company.members["mastery"])
    assert others == [first] * 2


def test_there_is_one_credential_a_threshold(after: After) -> None:
    histories, issued = after.histories(after.company.members["mastery"][0]), 0
    with after.company.client("credentials", after.office.auditor) as credentials:
        for student, learner in after.learners.items():
            met = [e["id"] for e in histories[student] if e["what"] == MET and e["said"]["node"] == "work-ready"]
            held = get(credentials, f"/v1/learners/{learner}/credentials")["credentials"]
            assert Counter(said["met_by"] for said in held) == Counter(met), student
            issued += len(held)
    print(f"{issued} credentials")
    assert issued > 0
