"""What the check of the killed school is worth: services that lose, double or reorder a piece do not pass it."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.answers import changes_in
from tests.support.office import Office
from tests.support.processes import Wayproof
from tests.system.faulty import FAULTS
from tests.system.killed_school import Plan, School

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
PLAN = Plan(SEED, pieces=600, repeats=0.03, kills=3, senders=4, students=16)
NOTICED_AS = {"lose": "lost", "double": "doubled", "reorder": "disordered"}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_the_services_is_noticed(kind: str, tmp_path: Path) -> None:
    print(f"WAYPROOF_TEST_SEED={SEED}")
    system = Wayproof(tmp_path / "data", wrapper=(sys.executable, "-m", "tests.system.faulty", kind))
    system.start()
    try:
        school = School(Office(system), PLAN).prepare()
        school.run()
        histories = {student: changes_in(history) for student, history in school.histories().items()}
        findings = school.book.chronicle.check(histories)
    finally:
        system.kill()
    assert getattr(findings, NOTICED_AS[kind]), findings
