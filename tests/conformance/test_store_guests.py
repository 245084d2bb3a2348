"""People decide at any process: a guest's commit and the owner's come one after the other, none is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid5

import pytest

from services.runtime.store.codec import Codec
from services.runtime.store.guest import GuestPartition
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch, Fenced, OutboxMessage, Position, VersionConflict
from tests.conformance.stores import ADA, BEN, NOON, PARTITIONS, TENANT, Shown, Store

ROUNDS = 25


@pytest.fixture
def store(postgres, tmp_path):
    made = Store(tmp_path, postgres.fresh())
    yield made
    made.close()


def guest_of(store: Store, partition: int = 0) -> GuestPartition:
    return GuestPartition(
        store.database(), partition, Codec([Shown]), store.keys.learner_key, log_partitions=PARTITIONS
    )


def decision(partition: StoredPartition, stream: UUID, said: str) -> Batch:
    """One more event of a stream, decided on what is there."""
    length = len(partition.stream(stream))
    message = OutboxMessage("testing.shown", f"{TENANT}/{stream}", uuid5(stream, said), said.encode())
    append = Append(TENANT, stream, Shown(said, length + 1), NOON)
    return Batch([append], publish=[message], expected={stream: length})


def commit_surely(partition: StoredPartition, stream: UUID, said: str) -> int:
    """How often it had to be decided again."""
    again = 0
    while True:
        try:
            partition.commit(decision(partition, stream, said))
            return again
        except VersionConflict:
            again += 1


def test_a_guest_and_the_owner_who_decide_at_once_lose_nothing_and_leave_no_gap(store: Store):
    owner, guests = store.open(), [guest_of(store), guest_of(store)]
    everybody = [(owner, "owner"), *((guest, f"guest-{n}") for n, guest in enumerate(guests))]
    start = threading.Barrier(len(everybody))

    def work(who: StoredPartition, name: str) -> None:
        start.wait(10)
        for number in range(ROUNDS):
            commit_surely(who, ADA if number % 2 else BEN, f"{name}/{number}")

    with ThreadPoolExecutor(len(everybody)) as threads:
        for done in [threads.submit(work, *each) for each in everybody]:
            done.result()

    said = [event.event.code for event in owner.events(0, 1000)]
    assert sorted(said) == sorted(f"{name}/{n}" for _, name in everybody for n in range(ROUNDS))
    levels = [event.event.level for stream in (ADA, BEN) for event in owner.stream(stream)]
    assert levels == [n for stream in (ADA, BEN) for n in range(1, len(owner.stream(stream)) + 1)]
    published = store.sql("SELECT part, seq FROM outbox ORDER BY part, seq")
    for part in {row[0] for row in published}:
        seqs = [seq for at, seq in published if at == part]
        assert seqs == list(range(1, len(seqs) + 1))


def test_a_guest_fences_nobody_and_needs_no_owner(store: Store):
    guest = guest_of(store)
    guest.commit(decision(guest, ADA, "nobody works this partition yet"))
    owner = store.open()
    guest.commit(decision(guest, ADA, "somebody does"))
    owner.commit(Batch(positions={"testing": Position(7, 3)}))
    assert owner.position("testing") == Position(7, 3)
    assert [event.version for event in owner.stream(ADA)] == [1, 2]


def test_what_either_decided_on_a_stream_that_moved_is_refused_and_nothing_of_it_is_written(store: Store):
    owner, guest = store.open(), guest_of(store)
    late, later = decision(owner, ADA, "owner"), decision(guest, ADA, "guest, twice")
    guest.commit(decision(guest, ADA, "guest"))
    for who, batch in ((owner, late), (guest, later)):
        with pytest.raises(VersionConflict):
            who.commit(batch)
    assert [event.event.code for event in owner.events(0, 10)] == ["guest"]
    assert store.sql("SELECT count(*) FROM outbox") == [(1,)]


def test_a_guest_moves_no_position_and_decides_on_nothing_it_has_not_looked_at(store: Store):
    guest = guest_of(store)
    for batch in (
        Batch(positions={"testing": Position(1, 1)}),
        Batch(known_to=NOON),
        Batch([Append(TENANT, ADA, Shown("unseen", 1), NOON)]),
    ):
        with pytest.raises(TypeError):
            guest.commit(batch)


def test_a_claim_whose_lease_is_gone_raises_no_fence(store: Store):
    owner, late = store.open(), store.open(claimed=False)
    with pytest.raises(Fenced):
        late.claim("late", lambda cursor: False)
    owner.commit(decision(owner, ADA, "still the owner's"))
    with pytest.raises(Fenced):
        late.commit(decision(late, ADA, "never claimed"))


def test_what_was_released_writes_no_more(store: Store):
    owner = store.open()
    owner.release()
    with pytest.raises(Fenced):
        owner.commit(decision(owner, ADA, "released"))
