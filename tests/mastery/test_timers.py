"""What time alone brings about is recorded and told when its instant comes, once, whoever was away meanwhile."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.mastery_v1 import LevelLostV1, LevelReachedV1
from services.mastery.domain.learner_record import pass_until
from services.mastery.use_cases import recording
from services.mastery.use_cases.replay import rebuild
from services.runtime.clock import to_micros
from tests.mastery import sample
from tests.mastery.test_assess import held
from tests.mastery.world import LEARNER, OTHER, TENANT, World, accepted, registered, retracted
from tests.support.given import day, uid

INSTANT = timedelta(microseconds=1)
LOST_AT = day("2026-10-01") + INSTANT  # evidence of the first of September, which counts for thirty days
AGING = sample.document(
    {"C1": {"estimate": {"method": "latest"}, "gate": {"count": 1, "max_age": "P30D"}}},
    policy={"effective_from": "2026-07-01"},
)


@pytest.fixture
def met(world: World) -> World:
    """A learner who has reached C1."""
    world.put(AGING)
    world.send(registered(), accepted("e1", occurred="2026-09-01"))
    world.settle()
    assert [type(event) for event in world.published()] == [LevelReachedV1]
    return world


def due(world: World) -> list[Any]:
    return world.rows("SELECT due FROM timer ORDER BY due")


def lost(world: World) -> LevelLostV1:
    """The one loss there is, told last."""
    found = world.published()[-1]
    assert isinstance(found, LevelLostV1)
    assert sum(isinstance(event, LevelLostV1) for event in world.published()) == 1
    return found


def differences(world: World) -> list[int]:
    """Where deciding again from the events alone comes to something else."""
    wired = world.worker._writers
    return [
        seq
        for writer in wired.values()
        for seq in rebuild(writer.store, writer._learners, writer._recording._documents).differences
    ]


def test_a_level_is_lost_when_its_time_comes_though_nobody_says_anything(met: World) -> None:
    met.clock.at = day("2026-10-01")
    met.settle()
    assert met.history()[-1] == "level-reached"
    assert met.worker.pending() == 0
    met.clock.at = LOST_AT
    assert met.worker.pending() == 1
    met.settle()
    assert met.history()[-1] == "level-lost"
    assert (lost(met).cause, lost(met).caused_by, lost(met).effective_at) == ("time", uid("e1"), LOST_AT)
    assert due(met) == []
    assert met.worker.pending() == 0
    assert differences(met) == []


def test_it_is_told_once_though_the_process_comes_and_goes(met: World) -> None:
    met.clock.at = LOST_AT + timedelta(days=100)
    for _ in range(3):
        met.restart()
        met.settle()
    assert lost(met).effective_at == LOST_AT
    assert met.history().count("level-lost") == 1
    assert held(met, LEARNER) == held(met, LEARNER, forget=True)


def test_who_looks_late_tells_the_same_by_the_same_id(met: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    late = World(tmp_path_factory.mktemp("late"))
    late.put(AGING)
    late.send(registered(), accepted("e1", occurred="2026-09-01"))
    late.settle()
    for world, at in ((met, LOST_AT), (late, LOST_AT + timedelta(days=500))):
        world.clock.at = at
        world.settle()
    events = [world.about("history")["events"][-1] for world in (met, late)]
    assert events[0]["id"] == events[1]["id"]
    assert events[0]["said"] == events[1]["said"]
    assert events[0]["recorded_at"] != events[1]["recorded_at"]
    late.service.close()


def test_what_is_due_fires_before_what_the_log_brings(met: World) -> None:
    """The learner's next evidence, after a time in which nobody was there, finds the level lost already."""
    met.clock.at = LOST_AT + timedelta(days=9)
    met.restart()
    met.send(accepted("e2", occurred="2026-10-09"))
    met.worker._consumer.step(0.0)  # the batch alone, before any timer
    assert met.history()[-1] == "level-reached"
    met.settle()
    assert met.history()[-4:] == ["level-reached", "level-lost", "evidence-recorded", "level-reached"]
    assert met.about("history")["events"][-1]["said"]["cycle"] == 2
    assert differences(met) == []


def test_newer_evidence_moves_the_instant_on(met: World) -> None:
    met.clock.at = day("2026-09-20")
    met.send(accepted("e2", occurred="2026-09-20"))
    met.settle()
    met.clock.at = LOST_AT
    met.settle()  # the first piece is too old by now; the second still counts
    assert met.history()[-1] == "evidence-recorded"
    met.clock.at = day("2026-10-20") + INSTANT
    met.settle()
    assert lost(met).effective_at == met.clock.at


def test_a_store_without_anything_due_is_asked_no_more(met: World) -> None:
    """Also where the earliest instant there was has moved on before it came: its evidence was taken back."""
    met.clock.at = day("2026-09-20")
    met.send(accepted("e2", occurred="2026-09-20"), retracted("r1", "e1"))
    met.settle()
    met.restart()
    met.settle()
    met.send(accepted("e3", "C2"))
    met.settle()
    assert due(met) == [to_micros(day("2026-10-20") + INSTANT)]
    met.clock.at = LOST_AT
    met.settle()
    asked = []
    for writer in met.worker._writers.values():
        ask = writer.store.timers
        writer.store.timers = lambda *said, ask=ask: asked.append(said) or ask(*said)  # type: ignore[method-assign, func-returns-value]
    for _ in range(5):
        met.worker.step(0.0)
    assert asked == []
    met.clock.at = day("2026-10-20") + INSTANT
    met.settle()
    assert lost(met).effective_at == met.clock.at
    assert asked


def test_many_are_dealt_with_some_at_a_time_and_each_once(world: World) -> None:
    world.put(AGING)
    learners = [uid(f"learner {n}") for n in range(30)]
    world.keys.create_learner_keys(TENANT, learners)
    world.send(*map(registered, learners), *(accepted(f"{n}", learner=n) for n in learners))
    world.settle()
    world.restart(sweep_learners_max=3)
    assert len(due(world)) == 30
    world.clock.at = LOST_AT
    world.worker.step(0.0)
    assert 0 < len(due(world)) < 30
    world.settle()
    assert due(world) == []
    assert sum(isinstance(event, LevelLostV1) for event in world.published()) == 30
    assert differences(world) == []


def test_a_learner_who_was_erased_is_woken_by_nothing(met: World) -> None:
    told, recorded = (met.rows(f"SELECT count(*) FROM {table}") for table in ("outbox", "event"))
    met.keys.destroy_learner_key(TENANT, LEARNER)
    met.clock.at = LOST_AT
    met.settle()
    assert due(met) == []
    assert told == met.rows("SELECT count(*) FROM outbox")
    assert recorded == met.rows("SELECT count(*) FROM event")
    assert met.worker.ready() == {}


def test_what_time_brings_about_is_lost_with_its_transaction_and_comes_again(met: World) -> None:
    met.clock.at = LOST_AT
    writer = next(w for w in met.worker._writers.values() if w.store.timers(LOST_AT, 1))
    commit, failed = writer.store.commit, []

    def refuse(batch: Any) -> None:
        if batch.appends and not failed:
            failed.append(batch)
            raise OSError("the disk is full")
        commit(batch)

    writer.store.commit = refuse  # type: ignore[method-assign]
    met.worker.step(0.0)
    assert failed
    assert met.worker.ready() != {}
    met.settle()
    assert lost(met).effective_at == LOST_AT
    assert met.worker.ready() == {}


def test_a_learner_who_cannot_be_evaluated_keeps_nobody_else_waiting(
    met: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    met.send(registered(OTHER), accepted("e9", learner=OTHER))
    met.settle()

    def wrong(record: Any, *said: Any) -> Any:
        if record.learner == LEARNER:
            raise ZeroDivisionError
        return pass_until(record, *said)

    monkeypatch.setattr(recording, "pass_until", wrong)
    met.clock.at = LOST_AT
    met.settle()
    assert met.history(OTHER)[-1] == "level-lost"
    assert met.history()[-1] == "level-reached"
    assert due(met) == []
    assert met.worker.ready() == {}


def test_where_nothing_ages_no_timer_is_set(world: World) -> None:
    world.put(sample.document({"C1": {"estimate": {"method": "latest"}}}, policy={"effective_from": "2026-07-01"}))
    world.send(registered(), accepted("e1"))
    world.settle()
    assert due(world) == []
