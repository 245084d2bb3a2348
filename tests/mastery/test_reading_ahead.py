"""After a start a batch's learners are read together: few questions, and every decision as if each were read alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.envelope import log_key
from contracts.learners_v1 import LearnerErasedV1
from services.mastery.domain.learner_record import Command, Event, LearnerRecord
from services.mastery.domain.rules import Rules
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.mastery.storage.records import Looks
from services.mastery.use_cases import recording
from services.runtime.keys import KeyDestroyed
from services.runtime.log.partition import partition_of
from services.runtime.opening import open_store
from services.runtime.sealing import Sealer
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.database import StoreUnavailable
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Unopened
from services.runtime.stored_keys import SqliteKeyStore
from tests.mastery import sample
from tests.mastery.test_dead_letters import append, reasons, sealed
from tests.mastery.world import LEARNER, PARTITIONS, TENANT, Sent, World, accepted, registered
from tests.support.given import uid
from tests.support.questions import questions

POLICY = sample.document(
    {"C1": {"gate": {"count": 2, "at_least": "3"}}, "C2": {"estimate": {"method": "latest"}}},
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
    policy={"effective_from": "2026-07-01"},
)
LEARNERS = [uuid5(LEARNER, f"learner {n}") for n in range(100)]
SOME = LEARNERS[:6]
ELSEWHERE = "iowa"
NEVER_S = 3600.0  # nobody looks back at what was taken: how often would be a matter of time


class Cold(World):
    """Whose keys are forgotten as well when it is started again."""

    elapsed_s: Callable[[], float] = float  # no time passes

    def restart(self, **said: Any) -> None:
        self.keys = SqliteKeyStore(self.keys_in, elapsed_s=self.elapsed_s)
        super().restart(**said)

    def start(self, **said: Any) -> None:
        self.keys_in = self.folder / "keys"
        super().start(known_to_interval_s=NEVER_S, **said)


class Alone(Cold):
    """Another mastery on the same log and the same keys, that reads its learners one by one."""

    def __init__(self, other: Cold, folder: Path) -> None:
        self.folder, self.keys_in = folder, other.keys_in
        self.clock, self.log, self.keyring, self.keys = other.clock, other.log, other.keyring, other.keys
        self.office, self.auditor, self.ingest = other.office, other.auditor, other.ingest
        self.start()

    def start(self, **said: Any) -> None:
        World.start(self, known_to_interval_s=NEVER_S, **said)
        for writer in self.worker._writers.values():
            writer._writing.read_ahead = lambda named, draft: None  # type: ignore[method-assign]


def made(folder: Path) -> Cold:
    world = Cold(folder)
    world.keys.create_learner_keys(TENANT, LEARNERS)
    world.put(POLICY)
    return world


def pieces(learners: Sequence[UUID], name: str) -> list[Sent]:
    return [accepted(f"{name}-{learner}", learner=learner) for learner in learners]


@pytest.mark.usefixtures("either_store")
def test_many_learners_cost_no_more_questions_than_few(tmp_path: Path) -> None:
    world, asked = made(tmp_path), {}
    world.send(*(registered(learner) for learner in LEARNERS), *pieces(LEARNERS, "before"), *pieces(LEARNERS, "too"))
    world.settle()
    for number in (40, 100):
        world.restart()
        world.send(*pieces(LEARNERS[:number], f"cold-{number}"))
        with questions() as asked[number]:
            world.settle()
    reading = [len([sql for sql in asked[n] if sql.lstrip().startswith("SELECT")]) for n in (40, 100)]
    print(f"{reading} questions for 40 and 100 learners")
    assert reading[0] == reading[1]
    streams = [sql for sql in asked[100] if "FROM event" in sql]
    assert len(streams) == PARTITIONS
    world.service.close()


def test_a_sweep_reads_its_learners_together(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.send(*(registered(learner) for learner in LEARNERS), *pieces(LEARNERS, "before"))
    world.settle()
    world.restart()
    changed = sample.document(
        {"C1": {"gate": {"count": 1, "at_least": "3"}}}, policy={"version": 2, "effective_from": "2026-07-01"}
    )
    world.put(changed, settle=False)
    with questions() as asked:
        world.settle()
    assert [world.history(learner)[-2:] for learner in LEARNERS] == [["policy-adopted", "level-reached"]] * 100
    assert len([sql for sql in asked if "FROM event" in sql]) == PARTITIONS
    world.service.close()


def test_whoever_is_in_memory_is_not_read_and_whoever_was_read_ahead_counts_as_read(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.send(*(registered(learner) for learner in LEARNERS[:10]))
    world.settle()
    world.restart()
    world.send(*pieces(LEARNERS[:10], "one"), *pieces(LEARNERS[:10], "two"))
    world.settle()
    assert looks(world) == Looks(memory=10, store=10)
    with questions() as asked:
        world.send(*pieces(LEARNERS[:10], "three"))
        world.settle()
    assert [sql for sql in asked if "FROM event" in sql or "FROM learner" in sql] == []
    assert looks(world) == Looks(memory=20, store=10)
    world.service.close()


def looks(world: World) -> Looks:
    """The writers of one service count together."""
    return world.worker._writers[0]._recording._cache._looks


def test_memory_holds_no_more_after_a_batch_that_was_read_ahead(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.send(*(registered(learner) for learner in LEARNERS), *pieces(LEARNERS, "before"))
    world.settle()
    world.restart(evidence_cached_max=3)
    world.send(*pieces(LEARNERS, "cold"), *pieces(LEARNERS, "again"))
    world.settle()
    for writer in world.worker._writers.values():
        cache = writer._recording._cache
        held = [len(found.record.shelving.pieces) for found, _ in cache._held.values()]
        assert sum(held) <= 3
        assert cache._ahead <= set(cache._held)
    assert {world.history(learner).count("level-reached") for learner in LEARNERS} == {1}
    world.service.close()


@pytest.mark.usefixtures("either_store")
def test_what_is_the_matter_with_one_learner_is_said_where_a_record_asks_for_it(tmp_path: Path) -> None:
    world = made(tmp_path)
    tampered, gone, *others = [learner for learner in LEARNERS if part_of(learner) == 1][:8]
    world.send(*(registered(learner) for learner in (tampered, gone, *others)))
    world.settle()
    change(world, "UPDATE event SET recorded_at = recorded_at + 1 WHERE stream = ?", tampered.bytes)
    world.send(*pieces([gone], "sent before"))
    world.keys.destroy_learner_key(TENANT, gone)
    world.restart()
    nothing(world, tampered, "unreadable")
    world.send(*pieces(others, "one"))
    world.settle()
    assert [world.history(learner)[-1] for learner in others] == ["evidence-recorded"] * 6
    assert reasons(world) == ["malformed-envelope"], "whoever is not asked for is in nobody's way"

    world.send(*pieces([tampered], "asks"))
    world.worker.step(0.0)
    assert "Tampered" in str(world.worker.ready())
    change(world, "UPDATE event SET recorded_at = recorded_at - 1 WHERE stream = ?", tampered.bytes)
    world.settle()
    assert world.worker.ready() == {}
    assert world.history(tampered)[-1] == "evidence-recorded"
    world.service.close()


def test_a_store_that_fails_half_way_costs_nothing_but_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = made(tmp_path)
    world.send(*(registered(learner) for learner in SOME), *pieces(SOME, "before"))
    world.settle()
    world.restart()
    read = StoredPartition.streams

    def fails_after_one(store: StoredPartition, streams: Iterable[UUID]) -> Iterator[Unopened]:
        yield from islice(read(store, streams), 1)
        raise StoreUnavailable("gone")

    monkeypatch.setattr(StoredPartition, "streams", fails_after_one)
    world.send(*pieces(SOME, "cold"))
    world.worker.step(0.0)
    assert "StoreUnavailable" in str(world.worker.ready())
    monkeypatch.setattr(StoredPartition, "streams", read)
    world.settle()
    assert world.worker.ready() == {}
    assert {tuple(world.history(learner)[-3:]) for learner in SOME} == {
        ("evidence-recorded", "evidence-recorded", "level-reached")
    }
    world.service.close()


def test_those_whom_a_failed_decision_never_reached_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, decide = made(tmp_path), recording.decide
    learners = [learner for learner in LEARNERS if part_of(learner) == 1][:8]
    world.send(*(registered(learner) for learner in learners), *pieces(learners, "before"))
    world.settle()
    world.restart()

    def failing(command: Command, record: LearnerRecord, rules: Rules) -> list[Event]:
        if record.learner == learners[0]:
            raise ArithmeticError
        return decide(command, record, rules)

    monkeypatch.setattr(recording, "decide", failing)
    world.send(*pieces(learners, "cold"))
    with questions() as asked:
        world.settle()
    assert [sql.count("?") - 1 for sql in asked if "FROM event" in sql] == [8, 1]
    assert reasons(world) == ["evaluation-failed"]
    assert {world.history(learner)[-1] for learner in learners[1:]} == {"level-reached"}
    world.service.close()


def part_of(learner: UUID) -> int:
    return partition_of(log_key(TENANT, str(learner)), PARTITIONS)


def change(world: World, statement: str, *values: object) -> None:
    """As somebody with the database in their hands can."""
    database = open_store(load(RuntimeSettings, data_dir=world.folder), "mastery", MASTERY_MIGRATIONS)
    with database.write() as cursor:
        cursor.execute(statement, values)
    database.close()


def nothing(world: World, learner: UUID, name: str) -> None:
    """A record nobody can read."""
    append(world, b"{}", key=log_key(TENANT, str(learner)))


def nameless(world: World, learner: UUID, name: str) -> None:
    append(world, b"{}", key=f"nobody {name}")


def piece(world: World, learner: UUID, name: str) -> None:
    with suppress(KeyDestroyed):
        world.send(accepted(name, level="3" if name[-1] in "0123456" else "2", learner=learner))


def admission(world: World, learner: UUID, name: str) -> None:
    with suppress(KeyDestroyed):
        world.send(registered(learner))


def of_another_tenant(world: World, learner: UUID, name: str) -> None:
    world.keys.create_learner_keys(ELSEWHERE, [learner])
    sent = accepted(name, learner=learner)
    world.send(Sent(ELSEWHERE, learner, sent.id, sent.event, sent.occurred_at))


def of_nobody(world: World, learner: UUID, name: str) -> None:
    """Sealed under a key that is in no key store of ours."""
    stranger = uuid5(learner, "a stranger")
    keys = SqliteKeyStore(world.folder / "elsewhere")
    keys.create_learner_keys(TENANT, [stranger])
    ours, world.ingest = world.ingest, Sealer(keys, "/ingest")
    append(world, sealed(world, accepted(name, learner=stranger)), key=log_key(TENANT, str(stranger)))
    world.ingest = ours
    keys.close()


def key_destroyed(world: World, learner: UUID, name: str) -> None:
    """Before the log says so; what was sealed and not yet read opens no more."""
    world.keys.destroy_learner_key(TENANT, learner)


def erasure(world: World, learner: UUID, name: str) -> None:
    said = LearnerErasedV1(erasure=uid("erasure"))
    value = world.ingest.clear(said, id=uid(name), tenant=TENANT, subject=str(learner), time=world.clock.now())
    append(world, value, key=log_key(TENANT, str(learner)))


Happening = Callable[[World, UUID, str], None]
HAPPENINGS: list[Happening] = [piece] * 6 + [admission] * 2 + [nothing, nameless, of_another_tenant, of_nobody]
HAPPENINGS += [key_destroyed, erasure]
BATCH = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.sampled_from(SOME)), max_size=20)


def decided(world: World) -> dict[str, Any]:
    """All that a mastery has written, opened where it can be."""
    journals = [writer.store.events(0, 10_000) for _, writer in sorted(world.worker._writers.items())]
    tables = {
        "dead letters": "SELECT part, seq, reason FROM dead_letter ORDER BY part, seq",
        "learners": "SELECT * FROM learner ORDER BY stream",
        "heads": "SELECT stream, tenant, part, ver FROM head ORDER BY stream",
        "positions": "SELECT * FROM position ORDER BY topic, part",
    }
    said = [world.ingest.parse(value) for value in world.rows("SELECT value FROM outbox ORDER BY topic, part, seq")]
    published = [(each.type, each.subject, each.id, each.time) for each in said]
    return {"journals": journals, "published": published} | {
        name: world.rows(select) for name, select in tables.items()
    }


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.tuples(BATCH, st.booleans()), min_size=1, max_size=4), memory=st.sampled_from([1, 100]))
def test_every_decision_is_what_it_is_when_each_learner_is_read_alone(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[tuple[Happening, UUID]], bool]], memory: int
) -> None:
    folder = tmp_path_factory.mktemp("mastery")
    together = made(folder / "together")
    alone = Alone(together, folder / "alone")
    alone.put(POLICY)
    together.elapsed_s = alone.elapsed_s = count().__next__  # each look at a key asks whether any was destroyed
    together.send(*(registered(learner) for learner in SOME), *pieces(SOME, "before"))
    for number, (batch, starts_again) in enumerate([([], False), *batches]):
        for each, (happen, learner) in enumerate(batch):
            happen(together, learner, f"{number}-{each}")
        for world in (together, alone):
            if starts_again:
                world.restart(records_cached_max=memory)
            world.log.random = Random(number)  # which partition comes first, when a learner is in two
            world.settle()
    assert decided(together) == decided(alone)
    for world in (together, alone):
        world.service.close()
