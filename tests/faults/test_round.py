"""A tenth of a round of `make faults`, each fault at least once, and one of three brokers killed, in every test run."""

import os
import subprocess
import sys

import pytest

from tests.faults.chain import _link, check
from tests.faults.plan import WHOM, Kind, Plan
from tests.support.paths import ROOT

SEED = os.environ.get("WAYPROOF_TEST_SEED", "20261125")
TENTH, FIFTH = "0.1", "0.2"  # 10,000 pieces and each fault at least once; 2,000 on three brokers
HEADS_OF_ONE, PARTS = bytes(16), 1


def harness(*said: str) -> None:
    command = [sys.executable, "-m", "tests.faults", "--seed", SEED, *said]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


@pytest.mark.system
@pytest.mark.servers
@pytest.mark.timeout(900)
def test_a_tenth_of_a_round_loses_and_doubles_nothing():
    harness("--scale", TENTH)


@pytest.mark.system
@pytest.mark.servers
@pytest.mark.timeout(600)
def test_one_of_three_brokers_dies_and_the_flow_goes_on():
    harness("--three-brokers", "--scale", FIFTH)


def test_a_schedule_follows_from_its_seed_and_meets_everybody():
    plan = Plan.scaled(7, 0.1)
    assert plan.schedule() == Plan.scaled(7, 0.1).schedule() != Plan.scaled(8, 0.1).schedule()
    fallen = {(blow.kind, blow.whom) for blow in plan.schedule()}
    assert fallen == {(kind, whom) for kind in Kind for whom in WHOM[kind]}
    assert len(Plan.scaled(7, 1).schedule()) == 148


def chain(count: int) -> list[tuple[object, ...]]:
    """One stream's rows as they lie in the table."""
    rows, prev = [], bytes(32)
    for ver in range(1, count + 1):
        said = (prev, "maple", HEADS_OF_ONE, ver, PARTS, ver, "t.v1", 1_000 + ver, None, b"body %d" % ver)
        hash_ = _link(*said)
        rows.append(("maple", HEADS_OF_ONE, ver, PARTS, ver, "t.v1", 1_000 + ver, prev, hash_, said[-1], None))
        prev = hash_
    return rows


def wrong_of(rows: list[tuple[object, ...]], of: int = 5) -> list[str]:
    return check(rows, {HEADS_OF_ONE: (of, chain(of)[-1][8])}, {PARTS: of}).wrong  # type: ignore[dict-item]


def test_the_chain_is_seen_to_be_whole_and_every_edit_is_seen():
    rows = chain(5)
    assert wrong_of(rows) == []
    edited = [*rows[:2], (*rows[2][:9], b"other", None), *rows[3:]]
    without, exchanged = [*rows[:2], *rows[3:]], [rows[0], rows[2], rows[1], *rows[3:]]
    for changed in (edited, without, exchanged, rows[:-1]):
        assert wrong_of(changed)
