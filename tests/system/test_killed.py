"""Ten SIGKILLs in the middle of traffic: every piece of evidence counts once, in order, and so does every threshold."""

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.answers import MET, REACHED, get, held_in, history_of, standings_of
from tests.support.auditing import Auditor
from tests.support.documents import PERCENT, mapping, policy
from tests.support.killing import Gate, Killer
from tests.support.ledger.book import Held, Ledger
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import Standing, requirements, standings, times_met
from tests.support.office import Office, identifier_of
from tests.support.processes import SERVICES, wait_for
from tests.support.replaying import replayed
from tests.support.senders import Courier
from tests.support.sending import Book, SenderThread, in_threads
from tests.support.traffic import SKILLS, Sender
from tests.support.watch import at_rest

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
PIECES, REPEATS, KILLS, INTERRUPTED = 5_000, 150, 10, 5
SENDERS, STUDENTS = 8, 160
UNHEARD = "its id was in an answer that was lost"
POLICY_ID, REQUIREMENT = "ups-and-downs", "work-ready"
POLICIES = {name: policy(name) for name in (POLICY_ID, "watching")}
RECKONED = {name: read_policy(document, Fraction(PERCENT["proficient"])) for name, document in POLICIES.items()}


@dataclass
class School:
    """The traffic, the kills, and all that can be asked about them afterwards."""

    office: Office
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    book: Book = field(default_factory=Book)
    gate: Gate = field(default_factory=Gate)

    def prepare(self) -> None:
        """Documents, people, sources, and what is awarded."""
        office = self.office
        office.publish_framework("skills", {skill: identifier_of(skill) for skill in SKILLS})
        office.publish_scale(PERCENT)
        office.activate(POLICIES[POLICY_ID])
        office.define("work-ready", POLICY_ID, REQUIREMENT)
        self.students = [f"s-{number:03}" for number in range(STUDENTS)]
        self.learners = office.enrol("student", self.students)
        self.forms = office.source("placements", mapping("percent-forms"), "work_based")
        self.lines = office.source("virtual", mapping("percent-lines"), "virtual")
        wait_for(lambda: at_rest(office.system.data), 60, "everybody is known")
        learners = sorted(self.learners.values())
        self.auditor = Auditor(lambda: office.reader("mastery"), learners, random.Random(f"{SEED}/auditor"))

    def run(self) -> Killer:
        """Send everything while the services are killed; returns when all is answered and at rest."""
        senders = [self._sender(number) for number in range(SENDERS)]
        deliveries = [self._traffic(number) for number in range(SENDERS)]
        order = [*SERVICES, *SERVICES, *SERVICES, "ingest"]
        self.chance.shuffle(order)
        couriers = [sender.courier for sender in senders]
        killer = Killer(
            self.office.system, self.gate, couriers, order, PIECES // (KILLS + 1), self.chance, self._change_policy
        )
        threads = in_threads(zip(senders, deliveries, strict=True))
        with self.auditor:
            killer.run()
            for thread in threads:
                thread.join(120)
        assert [sender.fault for sender in senders] == [None] * SENDERS
        assert not any(thread.is_alive() for thread in threads)
        killer.finish()
        self.office.system.wait_ready()
        wait_for(lambda: at_rest(self.office.system.data), 60, "the services are at rest")
        return killer

    def _change_policy(self) -> None:
        """Another policy begins to judge; the services were just being killed."""
        self.office.system.wait_ready()
        self.office.activate(POLICIES["watching"])

    def _sender(self, number: int) -> SenderThread:
        courier = Courier(self.office.system.urls["ingest"])
        return SenderThread(courier, self.forms, self.lines, self.book, self.gate.wait, self.gate.count)

    def _traffic(self, number: int) -> Any:
        sender = Sender(f"w{number}", self.students[number::SENDERS], random.Random(f"{SEED}/{number}"))
        return sender.deliveries(PIECES // SENDERS, -(-REPEATS // SENDERS))

    def read_receipts(self) -> None:
        """Every receipt's outcomes sum to what was sent; evidence of webhooks is named only there."""
        with self.office.system.client("ingest", self.office.auditor) as ingest:
            for receipt, pieces in self.book.receipts.items():
                said = get(ingest, f"/v1/receipts/{receipt}")
                assert sum(said["outcomes"].values()) == len(said["items"]) == len(pieces)
                for piece, item in zip(pieces, said["items"], strict=True):
                    if item["outcome"] == "accepted":
                        self.book.ledger.learned(piece.record, item["evidence"])


def test_ten_kills_lose_nothing_and_count_nothing_twice(office: Office, tmp_path: Path):
    print(f"WAYPROOF_TEST_SEED={SEED}")
    school = School(office)
    school.prepare()
    started = time.monotonic()
    killer = school.run()
    print([f"{kill.service} undone {kill.undone} requests {kill.requests}" for kill in killer.kills])
    print(f"{time.monotonic() - started:.1f} s, outcomes {dict(school.book.ledger.outcomes())}")

    assert len(killer.kills) == KILLS
    assert sum(kill.interrupted for kill in killer.kills) >= INTERRUPTED
    assert {kill.service for kill in killer.kills} == set(SERVICES)
    _every_restart_was_the_supervisors(office, killer)
    school.read_receipts()
    histories = _histories(school)
    _each_piece_is_held_once_and_in_order(school, histories)
    _outcomes_sum(school, killer)
    _standings_are_as_reckoned(school)
    _one_credential_a_threshold(school, histories)
    _replay_agrees(school, tmp_path / "scratch", histories)
    assert len(school.auditor.kept) > 50
    assert school.auditor.changed() == []


def _every_restart_was_the_supervisors(office: Office, killer: Killer) -> None:
    killed = Counter(kill.service for kill in killer.kills)
    assert {service: said["starts"] for service, said in office.system.state().items()} == {
        service: 1 + killed[service] for service in SERVICES
    }


def _histories(school: School) -> dict[str, list[dict[str, Any]]]:
    with school.office.reader("mastery") as mastery:
        return {student: history_of(mastery, learner) for student, learner in school.learners.items()}


def _each_piece_is_held_once_and_in_order(school: School, histories: dict[str, list[dict[str, Any]]]) -> None:
    ledger = school.book.ledger
    held: dict[str, list[Held]] = {student: held_in(history) for student, history in histories.items()}
    findings = ledger.check(held)
    assert not findings, findings
    assert sum(map(len, held.values())) == PIECES == len(ledger.answers)
    assert all(len(answer.evidence) == 1 for answer in ledger.answers.values() if "accepted" in answer.outcomes)


def _outcomes_sum(school: School, killer: Killer) -> None:
    """Accepted is each piece once; a repeat may have been taken and its answer lost, so duplicates have a bound."""
    pieces = {school.forms.id: set(), school.lines.id: set()}
    for record in school.book.ledger.answers:
        pieces[school.forms.id if "#" in record else school.lines.id].add(record)
    lost_answers = sum(len(courier.broken) for courier in killer.couriers)
    for source in (school.forms, school.lines):
        tally, heard = school.office.outcomes(source), school.book.told[source.id]
        assert set(tally) == {"accepted", "duplicate"}
        assert tally["accepted"] == len(pieces[source.id])
        assert tally["duplicate"] - heard["duplicate"] >= 0
        assert sum(tally.values()) - heard.total() <= lost_answers * 12
    assert school.book.ledger.outcomes()["duplicate"] >= REPEATS


def _standings_are_as_reckoned(school: School) -> None:
    ledger, wrong = school.book.ledger, []
    heard = {evidence for answer in ledger.answers.values() for evidence in answer.evidence}
    with school.office.reader("mastery") as mastery:
        for name, reckoned in RECKONED.items():
            for student, learner in school.learners.items():
                pieces = ledger.order[student]
                competencies, met = standings_of(mastery, learner, name)
                held = {code: _heard(heard, each) for code, each in competencies.items()}
                expected = {code: _named(ledger, each) for code, each in standings(reckoned, pieces).items()}
                if (held, met) != (expected, requirements(reckoned, pieces)):
                    wrong.append(f"{name} {student}: {held} {expected}")
    assert wrong == []


def _named(ledger: Ledger, standing: Standing) -> Standing:
    """Evidence by the id the sender was told; of a piece whose answer was lost it never heard one."""
    ids = [next(iter(ledger.answers[record].evidence), UNHEARD) for record in standing.counted]
    return replace(standing, counted=tuple(ids))


def _heard(heard: set[str], standing: Standing) -> Standing:
    return replace(standing, counted=tuple(id_ if id_ in heard else UNHEARD for id_ in standing.counted))


def _one_credential_a_threshold(school: School, histories: dict[str, list[dict[str, Any]]]) -> None:
    issued = 0
    with school.office.reader("credentials") as credentials:
        for student, learner in school.learners.items():
            expected = times_met(RECKONED[POLICY_ID], REQUIREMENT, school.book.ledger.order[student])
            met = [event for event in histories[student] if _is(event, (MET,), REQUIREMENT)]
            held = get(credentials, f"/v1/learners/{learner}/credentials")["credentials"]
            assert sorted(said["cycle"] for said in held) == list(range(1, expected + 1)), student
            assert sorted(said["met_by"] for said in held) == sorted(event["id"] for event in met), student
            issued += len(held)
    assert issued > STUDENTS, "the traffic meets the requirement again and again"
    print(f"{issued} credentials")


def _replay_agrees(school: School, scratch: Path, histories: dict[str, list[dict[str, Any]]]) -> None:
    """A fresh process makes the same standings and the same thresholds of the events alone."""
    found = replayed(school.office.system.data, scratch)
    assert not any(found["differences"].values()), found["differences"]
    with school.office.reader("mastery") as mastery:
        for student, learner in school.learners.items():
            for name in RECKONED:
                competencies, met = standings_of(mastery, learner, name)
                results = {code: standing.result for code, standing in competencies.items()} | met
                for node, result in results.items():
                    reached = [event for event in histories[student] if _is(event, (MET, REACHED), node, name)]
                    said = found["standings"][learner].get(f"{name}/{node}", {"met": False, "cycle": 0})
                    assert said == {"met": result == "met", "cycle": len(reached)}, f"{student} {name} {node}"


def _is(event: dict[str, Any], kinds: tuple[str, ...], node: str, name: str = POLICY_ID) -> bool:
    """A threshold of this node under this policy."""
    return bool(event["what"] in kinds and event["said"]["node"] == node and event["said"]["policy"] == name)
