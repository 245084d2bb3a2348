"""Thirty SIGKILLs in the middle of traffic over every door: each piece counts once and in order, and each threshold."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.doors.traffic import Door
from tests.support.killing import Killer
from tests.support.office import Office
from tests.support.processes import SERVICES, running
from tests.system import killed_after
from tests.system.killed_after import After
from tests.system.killed_school import Plan, School

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
EVIDENCE = 20_000
PLAN = Plan(SEED, pieces=20_200, repeats=0.03, kills=30, senders=10, students=640)
INTERRUPTED, MID_FILE = 20, 5
ROWS_AT_ONCE = "10"  # of a file in one transaction, so that a file takes many


@dataclass
class KilledAfter(After):
    """And who killed."""

    killer: Killer


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledAfter]:
    """All of it once; the tests ask about it."""
    print(f"WAYPROOF_TEST_SEED={SEED}")
    with running(tmp_path_factory.mktemp("killed") / "data", WAYPROOF_INGEST_IMPORT_ROWS_MAX=ROWS_AT_ONCE) as system:
        school = School(Office(system), PLAN).prepare()
        began = time.monotonic()
        killer = school.run()
        print(f"{time.monotonic() - began:.1f} s")
        yield KilledAfter(school, killer)


def test_the_kills_interrupted_work(after: KilledAfter) -> None:
    kills = after.killer.kills
    print([f"{kill.service} undone {kill.undone} requests {kill.requests} rows {kill.rows}" for kill in kills])
    assert len(kills) == PLAN.kills
    assert Counter(kill.service for kill in kills) == dict.fromkeys(SERVICES, PLAN.kills // len(SERVICES))
    assert sum(kill.interrupted for kill in kills) >= INTERRUPTED
    assert sum(kill.rows > 0 for kill in kills) >= MID_FILE, "files were half settled"


def test_every_restart_was_the_supervisors(after: KilledAfter) -> None:
    killed = Counter(kill.service for kill in after.killer.kills)
    assert {service: said["starts"] for service, said in after.school.office.system.state().items()} == {
        service: 1 + killed[service] for service in SERVICES
    }


def test_the_traffic_was_what_the_plan_says(after: KilledAfter) -> None:
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


def test_each_piece_is_held_once_and_in_order(after: KilledAfter) -> None:
    killed_after.each_piece_is_held_once_and_in_order(after)


def test_outcomes_sum_to_what_was_sent(after: KilledAfter) -> None:
    killed_after.outcomes_sum_to_what_was_sent(after)


def test_receipts_name_the_evidence(after: KilledAfter) -> None:
    killed_after.receipts_name_the_evidence(after)


def test_standings_are_as_reckoned(after: KilledAfter) -> None:
    killed_after.standings_are_as_reckoned(after)


def test_there_is_one_credential_a_threshold(after: KilledAfter) -> None:
    killed_after.there_is_one_credential_a_threshold(after)


def test_a_replay_of_the_events_agrees(after: KilledAfter, tmp_path_factory: pytest.TempPathFactory) -> None:
    killed_after.a_replay_of_the_events_agrees(after, tmp_path_factory.mktemp("scratch") / "data")


def test_no_final_answer_changed(after: KilledAfter) -> None:
    killed_after.no_final_answer_changed(after)
