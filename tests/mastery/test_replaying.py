"""Replay in a fresh process, from events and documents only, equals the live state."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.runtime.settings import RuntimeSettings, load
from tests.mastery import sample
from tests.mastery.test_assess import held
from tests.mastery.world import LEARNER, OTHER, TENANT, World, accepted, enrolled, registered, retracted, revised

ROOT = Path(__file__).parents[2]
POLICY = sample.document(
    {"C1": {"estimate": {"method": "mean_recent", "n": 3}}, "C2": {"gate": {"count": 2, "at_least": "3"}}},
    {"either": {"any_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
    policy={"effective_from": "2026-07-01"},
)


@pytest.fixture
def lived(world: World) -> World:
    world.send(registered(), accepted("early"), registered(OTHER), enrolled("north-high"))
    world.settle()
    world.put(POLICY)
    ratings = [
        accepted(f"e{n}", f"C{1 + n % 2}", str(1 + n * 7 % 4), learner=(LEARNER, OTHER)[n % 3 == 0]) for n in range(40)
    ]
    world.send(*ratings, revised("again", "e1", "C2", "4"), retracted("gone", "e2"))
    world.settle()
    return world


def replayed(world: World) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "services.mastery.replay", "--data-dir", str(world.folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.in_files
def test_a_fresh_process_comes_to_the_live_state_from_events_only(lived: World) -> None:
    code, found = replayed(lived)
    assert (code, found["learners"], found["erased"]) == (0, 2, 0)
    assert found["events"] == lived.rows("SELECT count(*) FROM event")[0]
    for learner in (LEARNER, OTHER):
        live = held(lived, learner).record.standings  # type: ignore[attr-defined]
        assert live
        assert found["standings"][str(learner)] == {
            f"{policy}/{node}": {"met": standing.met, "cycle": standing.cycle}
            for (policy, node), standing in live.items()
        }


@pytest.mark.in_files
def test_a_threshold_nobody_recorded_is_a_difference(lived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.mastery import replay
    from services.mastery.use_cases import replay as replaying

    monkeypatch.setattr(replaying, "decide", lambda command, record, rules: [])
    assert any(replay.replay(load(RuntimeSettings, data_dir=lived.folder))["differences"].values())


@pytest.mark.in_files
def test_an_erased_learner_is_counted_and_the_rest_is_replayed(lived: World) -> None:
    lived.keys.destroy_learner_key(TENANT, LEARNER)
    code, found = replayed(lived)
    assert (code, found["learners"], found["erased"]) == (0, 1, 1)
