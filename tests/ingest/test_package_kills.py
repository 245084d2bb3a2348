"""An import of a package is killed between any two of its commits, and goes on where it was."""

import itertools
import threading
from pathlib import Path

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from tests.ingest.house import SAFE, TEAM, House
from tests.ingest.package_world import Packages
from tests.ingest.test_door_files import kill_at
from tests.support.packages import Level, Result, results_package


def died(sis: Packages, import_id: str, killed: threading.Event) -> bool:
    """False when the import was done before the moment came."""
    sis.house.wait(lambda: killed.is_set() or sis.told(import_id)["state"] == "done")
    return killed.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["before the keys", "before the commit", "after the commit"])
def test_a_kill_between_any_two_commits_removes_exactly_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Two rows a commit: the taking, the begin, the rows, then what is missing; one kill after the other."""
    house = House(tmp_path, settings={"removals_max_percent": 100, "import_rows_max": 2})
    house.publish_catalogue()
    house.learner("100")
    sis = Packages(house)
    levels = {f"l-{number}": Level("r-1", TEAM if number % 2 else SAFE, number) for number in range(12)}
    sis.settle(results_package({"r-1": Result()}, levels))
    kept = {id_: row for id_, row in levels.items() if int(id_[2:]) > 6}
    kills = 0
    for group in itertools.count(1):
        with monkeypatch.context() as patched:
            killed = kill_at(patched, house, step, group)
            raw = results_package({"r-1": Result()}, levels if group % 2 == 0 else kept)
            before = len(house.published(EvidenceAcceptedV1)), len(house.published(EvidenceRetractedV1))
            import_id = sis.send(raw)
            if not died(sis, import_id, killed):
                break
        kills += 1
        house.stop.set()
        house.service.close()
        house.open()
        sis.rest()
        assert sis.told(import_id)["state"] == "done"
        added, removed = (0, 7) if group % 2 else (7, 0)
        after = len(house.published(EvidenceAcceptedV1)), len(house.published(EvidenceRetractedV1))
        assert (after[0] - before[0], after[1] - before[1]) == (added, removed)
        assert sis.counted().keys() == (kept if group % 2 else levels).keys()
        assert not house.published(EvidenceRevisedV1)
    assert kills >= 7
    house.close()
