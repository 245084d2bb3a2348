"""Thirty SIGKILLs in the middle of traffic over every door: each piece counts once and in order, and each threshold."""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest

from tests.support.answers import MET, REACHED, changes_in, get, standings_of
from tests.support.doors.traffic import Door
from tests.support.killing import Killer
from tests.support.ledger.chronicle import Change
from tests.support.ledger.reckoning import Standing, requirements, standings, times_met_over
from tests.support.office import Office
from tests.support.processes import SERVICES, running
from tests.support.replaying import replayed
from tests.system.killed_school import POLICY_ID, RECKONED, REQUIREMENT, Plan, School

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
EVIDENCE = 20_000
PLAN = Plan(SEED, pieces=20_200, repeats=0.03, kills=30, senders=10, students=640)
INTERRUPTED, MID_FILE, RECEIPTS = 20, 5, 1_000
ROWS_AT_ONCE = "10"  # of a file in one transaction, so that a file takes many


@dataclass
class After:
    """The school when everything was sent and all is at rest."""

    school: School
    killer: Killer

    @cached_property
    def histories(self) -> dict[str, list[dict[str, Any]]]:
        """Every learner's events."""
        return self.school.histories()

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        """What mastery recorded, by learner."""
        return {student: changes_in(history) for student, history in self.histories.items()}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    """All of it once; the tests ask about it."""
    print(f"WAYPROOF_TEST_SEED={SEED}")
    with running(tmp_path_factory.mktemp("killed") / "data", WAYPROOF_INGEST_IMPORT_ROWS_MAX=ROWS_AT_ONCE) as system:
        school = School(Office(system), PLAN).prepare()
        began = time.monotonic()
        killer = school.run()
        print(f"{time.monotonic() - began:.1f} s")
        yield After(school, killer)


def test_the_kills_interrupted_work(after: After) -> None:
    kills = after.killer.kills
    print([f"{kill.service} undone {kill.undone} requests {kill.requests} rows {kill.rows}" for kill in kills])
    assert len(kills) == PLAN.kills
    assert Counter(kill.service for kill in kills) == dict.fromkeys(SERVICES, PLAN.kills // len(SERVICES))
    assert sum(kill.interrupted for kill in kills) >= INTERRUPTED
    assert sum(kill.rows > 0 for kill in kills) >= MID_FILE, "files were half settled"


def test_every_restart_was_the_supervisors(after: After) -> None:
    killed = Counter(kill.service for kill in after.killer.kills)
    assert {service: said["starts"] for service, said in after.school.office.system.state().items()} == {
        service: 1 + killed[service] for service in SERVICES
    }


def test_the_traffic_was_what_the_plan_says(after: After) -> None:
    """Every door, revisions and withdrawals, repeats, and senders that hung up."""
    school, chronicle = after.school, after.school.book.chronicle
    cut, unheard = (sum(getattr(each, what) for each in school.couriers) for what in ("cut", "unheard"))
    changes = [change for of in chronicle.changes.values() for change in of]
    withdrawn, records = sum(change.piece is None for change in changes), {change.record for change in changes}
    revised = len(changes) - withdrawn - len(records)
    repeats = chronicle.said.total() - chronicle.accepted.total()
    print(f"said {dict(chronicle.said)} accepted {dict(chronicle.accepted)} revised {revised} withdrawn {withdrawn}")
    print(f"cut {cut} unheard {unheard} resumed {school.book.resumed} repeats {repeats}")
    assert chronicle.recorded >= EVIDENCE
    assert len(chronicle.said) == len(Door) - 1, "of statements there are two ways"
    assert repeats >= EVIDENCE * PLAN.repeats
    assert min(revised, withdrawn, cut, unheard) > 50
    assert school.book.resumed > 0


def test_each_piece_is_held_once_and_in_order(after: After) -> None:
    findings = after.school.book.chronicle.check(after.changes)
    assert not findings, findings
    assert sum(map(len, after.changes.values())) == sum(map(len, after.school.book.chronicle.changes.values()))


def test_outcomes_sum_to_what_was_sent(after: After) -> None:
    """Accepted is each change once; of duplicates there may be more than were heard of, as some answers were lost."""
    school, chronicle = after.school, after.school.book.chronicle
    files = (school.premises.packages, school.premises.tables)
    for source in (school.premises.forms, school.premises.lines, school.premises.statements, *files):
        tally = school.office.outcomes(source)
        assert set(tally) <= {"accepted", "duplicate", "no_claim"}
        assert tally.get("no_claim", 0) == 0 or source is school.premises.packages, "results say it by their objectives"
        assert tally["accepted"] == chronicle.accepted[source.id], source.id
        if source not in files:  # a file's key finds its import, and no row is looked at again
            assert tally["duplicate"] >= chronicle.said[source.id] - chronicle.accepted[source.id]


def test_receipts_name_the_evidence(after: After) -> None:
    """A sample of them; of each the outcomes sum to what was sent."""
    school = after.school
    sample = random.Random(f"{SEED}/receipts").sample(sorted(school.book.receipts), RECEIPTS)
    with school.office.system.client("ingest", school.office.auditor) as ingest:
        for receipt in sample:
            told, said = get(ingest, f"/v1/receipts/{receipt}"), school.book.receipts[receipt]
            assert sum(told["outcomes"].values()) == len(told["items"]) == len(said)
            for each, item in zip(said, told["items"], strict=True):
                if "evidence" in item:
                    school.book.learned(each.record, item["evidence"])
    assert not school.book.chronicle.check(after.changes).contradictory


def test_standings_are_as_reckoned(after: After) -> None:
    school, wrong = after.school, []
    with school.office.reader("mastery") as mastery:
        for name, reckoned in RECKONED.items():
            for student, learner in school.learners.items():
                pieces, ids = school.book.chronicle.standing(student), _ids(after.changes[student])
                expected = {code: _named(ids, each) for code, each in standings(reckoned, pieces).items()}
                if standings_of(mastery, learner, name) != (expected, requirements(reckoned, pieces)):
                    wrong.append(f"{name} {student}")
    assert wrong == []


def test_there_is_one_credential_a_threshold(after: After) -> None:
    school, issued = after.school, 0
    with school.office.reader("credentials") as credentials:
        for student, learner in school.learners.items():
            states = school.book.chronicle.states(student)
            expected = times_met_over(RECKONED[POLICY_ID], REQUIREMENT, states)
            met = [event for event in after.histories[student] if _is(event, (MET,), REQUIREMENT)]
            held = get(credentials, f"/v1/learners/{learner}/credentials")["credentials"]
            assert sorted(said["cycle"] for said in held) == list(range(1, expected + 1)), student
            assert sorted(said["met_by"] for said in held) == sorted(event["id"] for event in met), student
            issued += len(held)
    print(f"{issued} credentials")
    assert issued > PLAN.students, "the traffic meets the requirement again and again"


def test_a_replay_of_the_events_agrees(after: After, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A fresh process makes the same standings and the same thresholds of the events alone."""
    found = replayed(after.school.office.system.data, tmp_path_factory.mktemp("scratch") / "data")
    assert not any(found["differences"].values()), found["differences"]
    with after.school.office.reader("mastery") as mastery:
        for student, learner in after.school.learners.items():
            for name in RECKONED:
                competencies, met = standings_of(mastery, learner, name)
                results = {code: standing.result for code, standing in competencies.items()} | met
                for node, result in results.items():
                    reached = [event for event in after.histories[student] if _is(event, (MET, REACHED), node, name)]
                    said = found["standings"][learner].get(f"{name}/{node}", {"met": False, "cycle": 0})
                    assert said == {"met": result == "met", "cycle": len(reached)}, f"{student} {name} {node}"


def test_no_final_answer_changed(after: After) -> None:
    assert len(after.school.auditor.kept) > 50
    assert after.school.auditor.changed() == []


def _ids(changes: list[Change]) -> dict[str, str]:
    """The evidence that a record is by now."""
    return {change.record: change.evidence for change in changes}


def _named(ids: dict[str, str], standing: Standing) -> Standing:
    return replace(standing, counted=tuple(ids[record] for record in standing.counted))


def _is(event: dict[str, Any], kinds: tuple[str, ...], node: str, name: str = POLICY_ID) -> bool:
    """A threshold of this node under this policy."""
    return bool(event["what"] in kinds and event["said"]["node"] == node and event["said"]["policy"] == name)
