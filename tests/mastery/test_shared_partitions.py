"""Two mastery processes on one PostgreSQL: a fenced one writes nothing and lives on; memory is what is stored."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

import pytest
from fastapi.testclient import TestClient

from services.mastery.main import build
from services.mastery.settings import MasterySettings
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.mastery.use_cases.assess import PartitionWriter
from services.mastery.use_cases.work import Assessing
from services.runtime.leases import Leases
from services.runtime.store.postgres_schema import migrate
from services.runtime.tenancy import every_tenant
from tests.mastery.world import LEARNER, PARTITIONS, TENANT, World, accepted, registered

LEARNERS = [uuid5(LEARNER, f"learner {n}") for n in range(12)]


class Process:
    """One process of mastery, driven by hand: its heartbeats and its steps come when the test says."""

    def __init__(self, world: World, url: str) -> None:
        settings = MasterySettings(
            data_dir=world.folder, log_partitions=PARTITIONS, store_url=url, known_to_interval_s=3600.0, lease_s=300.0
        )
        self.service = build(settings, clock=world.clock, log=world.log, keys=world.keys, access=world.keyring)
        (self.worker,) = (worker for worker in self.service.workers if isinstance(worker, Assessing))
        (self.leases,) = (worker for worker in self.service.workers if isinstance(worker, Leases))

    @property
    def writers(self) -> dict[int, PartitionWriter]:
        return dict(self.worker._writers)

    def work(self) -> int:
        """A step that finds what there is, or learns that it may not."""
        return sum(self.worker.step(0.0) for _ in range(4))

    def settle(self) -> None:
        still = 0
        while still < 3:
            still = 0 if self.worker.step(0.0) else still + 1


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.keys.create_learner_keys(TENANT, LEARNERS)
    return made


@pytest.fixture
def hire(world: World, postgres) -> Iterator[Callable[[], Process]]:
    """Starts processes; documents and people are there."""
    url, hired = postgres.fresh(), []
    migrate(url, "mastery", MASTERY_MIGRATIONS)

    def start() -> Process:
        hired.append(Process(world, url))
        return hired[-1]

    with every_tenant("tests"):
        yield start
        for process in hired:
            process.service.close()


def expire(process: Process) -> None:
    """As when it stood still for longer than a lease: the database says so, and it knows nothing of it."""
    with process.leases._database.write() as cursor:
        cursor.execute("UPDATE lease SET expires_at = 0 WHERE owner = ?", (process.leases.owner,))
        cursor.execute("UPDATE member SET expires_at = 0 WHERE id = ?", (process.leases.owner,))


def journals(process: Process) -> list[tuple[int, int]]:
    """How much is written in each partition."""
    with process.leases._database.read() as cursor:
        return cursor.execute("SELECT part, seq FROM partition_state ORDER BY part").fetchall()


def evidence(number: int, learner: UUID) -> object:
    return accepted(f"e-{number}", learner=learner, level=str(1 + number % 4))


def test_a_fenced_process_writes_nothing_drops_its_partitions_and_works_those_it_is_given_later(world, hire):
    zombie, successor = hire(), hire()
    zombie.leases.beat()
    world.send(*(registered(learner) for learner in LEARNERS))
    zombie.settle()
    assert set(zombie.writers) == set(range(PARTITIONS))

    expire(zombie)
    successor.leases.beat()
    successor.work()
    assert set(successor.writers) == set(range(PARTITIONS))
    before = journals(successor)
    world.send(*(evidence(n, learner) for n, learner in enumerate(LEARNERS)))
    assert zombie.work() == 0
    assert journals(successor) == before, "the zombie wrote nothing"
    assert zombie.leases.losses == len({store for store in range(PARTITIONS) if store not in zombie.writers}) >= 1
    successor.settle()
    assert sum(seq for _, seq in journals(successor)) == sum(seq for _, seq in before) + len(LEARNERS)

    for _ in range(3):
        for process in (zombie, successor):
            process.leases.beat()
            process.work()
    assert (len(zombie.writers), len(successor.writers)) == (2, 2), "it lives on, and has its share again"
    world.send(*(evidence(100 + n, learner) for n, learner in enumerate(LEARNERS)))
    assert zombie.work() > 0
    zombie.settle()
    successor.settle()
    assert sum(seq for _, seq in journals(successor)) == sum(seq for _, seq in before) + 2 * len(LEARNERS)


def held(writer: PartitionWriter, learner: UUID) -> object | None:
    """What the writer keeps in memory of a learner."""
    found = writer._recording._cache._held.get(learner)
    return replace(found[0]) if found else None


def cold(writer: PartitionWriter, learner: UUID) -> object | None:
    """The same, folded from the store alone."""
    row = writer._learners.row(learner)
    return writer._recording._read(row) if row else None


@pytest.mark.parametrize("seed", range(3))
def test_what_an_owner_keeps_in_memory_is_what_a_cold_read_gives_whatever_was_fenced_in_between(world, hire, seed):
    random, processes = Random(seed), [hire(), hire()]
    world.send(*(registered(learner) for learner in LEARNERS))
    compared = fenced = 0
    for number in range(40):
        world.send(*(evidence(1000 * number + n, random.choice(LEARNERS)) for n in range(random.randint(0, 6))))
        process = random.choice(processes)
        match random.randrange(4):
            case 0:
                expire(process)
            case 1:
                process.leases.beat()
            case _:
                process.work()
        for each in processes:
            for writer in each.writers.values():
                stands = each.leases.mine().get(writer.store.partition)
                with each.leases._database.write() as cursor:
                    owns = stands is not None and stands.stands(cursor)
                for learner in LEARNERS if owns else ():
                    if (kept := held(writer, learner)) is not None:
                        assert kept == cold(writer, learner)
                        compared += 1
        fenced = sum(each.leases.losses for each in processes)
    print(f"{compared} compared, {fenced} losses")
    assert compared > 20
    assert fenced > 0


def test_queries_are_answered_by_whoever_is_asked(world, hire):
    owner, other = hire(), hire()
    owner.leases.beat()
    world.send(registered(), accepted("one"))
    owner.settle()
    path = f"/v1/learners/{LEARNER}/history"
    asked = [TestClient(each.service.app).get(path, headers=world.auditor) for each in (owner, other)]
    assert [answer.status_code for answer in asked] == [200, 200]
    assert asked[0].json() == asked[1].json()
    assert len(asked[0].json()["events"]) == 2
