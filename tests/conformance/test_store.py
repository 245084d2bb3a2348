"""What every partition store promises: one writer, one transaction a batch, one order, and nothing half done."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.runtime.keys import KeyDestroyed
from services.runtime.log.partition import partition_of
from services.runtime.log.port import LogRecord
from services.runtime.store.codec import UnknownTopic
from services.runtime.store.database import Cursor, StoreError
from services.runtime.store.dead_letter import DeadLetter
from services.runtime.store.outbox import OutboxMessage, PartitionsChanged
from services.runtime.store.partition import StoredPartition
from services.runtime.store.port import Append, Batch, Erased, Fenced, Position, Timer, Verbatim, VersionConflict
from tests.conformance.stores import ADA, BEN, LEARNERS, NOON, PARTITIONS, TENANT, Shown, Store, levels, shown

TABLES = (
    "partition_state", "position", "event", "head", "timer", "dead_letter", "outbox_topic", "outbox_head", "outbox",
    "standing",
)  # fmt: skip
LEVEL = "INSERT INTO standing (learner, level) VALUES (?, ?)"


@pytest.fixture
def store(files: Store) -> StoredPartition:
    return files.open()


def everything(store: StoredPartition) -> object:
    """All that a commit may change, as one value."""
    journal = store.events(0, 10_000)
    with store.recorder.datastore.database.read() as cursor:
        tables = {name: sorted(map(repr, cursor.execute(f"SELECT * FROM {name}").fetchall())) for name in TABLES}
    return journal, tables


def full_batch(store: StoredPartition, *rows) -> Batch:
    """A batch with something of every kind."""
    return Batch(
        appends=shown(ADA, 1, 2) + shown(BEN, 3),
        publish=[OutboxMessage("mastery.learner", f"{TENANT}/{ADA}", uuid4(), b"said")],
        positions={"ingest.learner": Position(41, 40)},
        known_to=NOON,
        rows=[lambda cursor: cursor.execute(LEVEL, (str(ADA), "met")), *rows],
        timers=[Timer(NOON, TENANT, ADA, "expiry")],
    )


def test_what_is_committed_is_read_back_in_order(store):
    store.commit(Batch(appends=shown(ADA, 1, 2) + shown(BEN, 9) + shown(ADA, 3)[:1]))
    first, second, third = store.stream(ADA)
    assert (first.event, first.recorded_at, first.topic) == (Shown(f"{ADA}/0", 1), NOON, "testing.shown.v1")
    assert [(e.version, e.seq) for e in (first, second, third)] == [(1, 1), (2, 2), (3, 4)]
    assert levels(store.stream(BEN)) == [9]
    assert (store.version(ADA), store.version(BEN), store.next_seq()) == (3, 1, 5)


def test_a_stream_nobody_wrote_is_empty(store):
    assert store.stream(ADA) == []
    assert (store.version(ADA), store.next_seq(), store.position("ingest.learner")) == (0, 1, Position())


def test_everything_of_a_batch_is_there_after_it(store, files):
    store.commit(full_batch(store))
    assert store.position("ingest.learner") == Position(41, 40)
    assert store.known_to() == NOON
    assert files.sql("SELECT level FROM standing") == [("met",)]
    assert store.timers(NOON, 10) == [Timer(NOON, TENANT, ADA, "expiry")]
    part = partition_of(f"{TENANT}/{ADA}", PARTITIONS)
    assert files.sql("SELECT topic, part, seq, value FROM outbox") == [("mastery.learner", part, 1, b"said")]


def test_a_batch_that_fails_at_its_last_row_changes_nothing(store):
    def crash(_: Cursor) -> None:
        raise RuntimeError("the fold met something unexpected")

    store.commit(Batch(appends=shown(ADA, 5)))
    before = everything(store)
    with pytest.raises(RuntimeError):
        store.commit(full_batch(store, crash))
    assert everything(store) == before
    store.commit(full_batch(store))
    assert levels(store.stream(ADA)) == [5, 1, 2]


def test_an_event_the_codec_does_not_know_is_not_stored(store):
    @dataclass(frozen=True)
    class Unregistered:
        TOPIC = "testing.unregistered.v1"

    before = everything(store)
    with pytest.raises(UnknownTopic):
        store.commit(Batch(appends=[*shown(ADA, 1), Append(TENANT, ADA, Unregistered(), NOON)]))
    assert everything(store) == before


def test_a_store_that_never_claimed_may_not_write(files):
    with pytest.raises(Fenced):
        files.open(claimed=False).commit(Batch(appends=shown(ADA, 1)))


def test_a_zombie_writes_nothing_whatever_its_batch_holds(files):
    zombie, successor = files.open(), files.open()
    before = everything(successor)
    for batch in (full_batch(zombie), Batch(), Batch(known_to=NOON), Batch(positions={"t": Position(1, 1)})):
        with pytest.raises(Fenced):
            zombie.commit(batch)
    assert everything(successor) == before
    successor.commit(full_batch(successor))
    assert levels(successor.stream(ADA)) == [1, 2]


def test_a_zombie_that_wakes_after_its_successor_wrote_counts_nothing_twice(files):
    zombie = files.open()
    zombie.commit(Batch(appends=shown(ADA, 1), positions={"t": Position(150, 150)}))
    successor = files.open()
    successor.commit(Batch(appends=shown(ADA, 2), positions={"t": Position(200, 200)}))
    with pytest.raises(Fenced):
        zombie.commit(Batch(appends=shown(ADA, 2), positions={"t": Position(200, 200)}))
    assert (levels(successor.stream(ADA)), successor.position("t")) == ([1, 2], Position(200, 200))


def test_partitions_of_one_file_do_not_fence_each_other(files):
    one, two = files.open(0), files.open(1)
    one.commit(Batch(appends=shown(ADA, 1), positions={"t": Position(1, 1)}))
    two.commit(Batch(appends=shown(BEN, 2), positions={"t": Position(7, 7)}))
    assert [e.seq for e in one.events(0, 10) + two.events(0, 10)] == [1, 1]
    assert (one.position("t"), two.position("t")) == (Position(1, 1), Position(7, 7))
    assert (one.stream(BEN), one.version(BEN)) == ([], 0)


def test_a_stream_is_written_by_one_partition_only(files):
    one, two = files.open(0), files.open(1)
    one.commit(Batch(appends=shown(ADA, 1)))
    with pytest.raises(VersionConflict):
        two.commit(Batch(appends=shown(ADA, 2)))
    assert (levels(one.stream(ADA)), two.events(0, 10)) == ([1], [])


def test_a_stream_belongs_to_one_tenant(store, files):
    files.keys.create_learner_keys("iowa", [ADA])
    store.commit(Batch(appends=shown(ADA, 1)))
    with pytest.raises(VersionConflict):
        store.commit(Batch(appends=[Append("iowa", ADA, Shown("x", 2), NOON)]))
    assert levels(store.stream(ADA)) == [1]


def test_a_decision_on_a_stream_that_has_moved_is_refused(store):
    store.commit(Batch(appends=shown(ADA, 1), expected={ADA: 0, BEN: 0}))
    with pytest.raises(VersionConflict):
        store.commit(Batch(appends=shown(ADA, 2), expected={ADA: 0}))
    store.commit(Batch(appends=shown(ADA, 3), expected={ADA: 1}))
    assert levels(store.stream(ADA)) == [1, 3]


def test_two_threads_of_one_owner_cannot_both_extend_the_same_version(files):
    """Both hold the fence: the head itself must refuse the one that comes second."""
    store = files.open()
    store.commit(Batch(appends=shown(ADA, 1)))
    with store._database.read() as cursor:
        placed_too_early = store._placed(cursor, shown(ADA, 2), {}, store.next_seq() - 1)
    store.commit(Batch(appends=shown(ADA, 3)))
    with pytest.raises(VersionConflict):
        store.recorder.insert_events(placed_too_early)
    assert levels(store.stream(ADA)) == [1, 3]


def test_threads_of_one_owner_take_turns(store):
    def write(level: int) -> None:
        for _ in range(20):
            store.commit(Batch(appends=shown(ADA, level)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert sorted(levels(store.stream(ADA))) == [level for level in range(4) for _ in range(20)]


def test_the_journal_is_read_in_pages_without_a_gap(store):
    store.commit(Batch(appends=[append for learner in LEARNERS for append in shown(learner, 1, 2, 3)]))
    pages = [store.events(after, 5) for after in (0, 5, 10, 12)]
    assert [[e.seq for e in page] for page in pages] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12], []]


def test_a_verbatim_body_is_kept_byte_for_byte_and_needs_no_key(store, files):
    body = b'{"already":"sealed"} \x00\xff'
    store.commit(Batch(appends=[Append(TENANT, uuid4(), Verbatim("org.wayproof.x.v1", body), NOON)]))
    (recorded,) = store.events(0, 1)
    assert (recorded.topic, recorded.event) == ("org.wayproof.x.v1", Verbatim("org.wayproof.x.v1", body))
    assert files.sql("SELECT body FROM event") == [(body,)]


def test_known_to_never_goes_back(store):
    store.commit(Batch(known_to=NOON))
    store.commit(Batch(known_to=NOON - timedelta(seconds=1)))
    assert store.known_to() == NOON


def test_timers_fire_in_order_are_moved_by_name_and_taken_away(store):
    def at(hour: int, name: str, due: bool = True) -> Timer:
        return Timer(NOON + timedelta(hours=hour) if due else None, TENANT, ADA, name, b"why")

    store.commit(Batch(timers=[at(3, "c"), at(1, "a"), at(2, "b")]))
    assert store.timers(NOON + timedelta(hours=2), 10) == [at(1, "a"), at(2, "b")]
    assert store.timers(NOON + timedelta(hours=9), 1) == [at(1, "a")]
    store.commit(Batch(timers=[at(4, "a"), at(0, "b", due=False)]))
    assert store.timers(NOON + timedelta(hours=9), 10) == [at(3, "c"), at(4, "a")]


def test_an_erased_learners_stream_is_gone_and_the_journal_keeps_its_places(store, files):
    store.commit(Batch(appends=shown(ADA, 1) + shown(BEN, 2)))
    (key_id,) = files.sql("SELECT key_id FROM event WHERE seq = 1")[0]
    files.keys.destroy_learner_key(TENANT, ADA)
    with pytest.raises(KeyDestroyed):
        store.stream(ADA)
    erased, kept = store.events(0, 10)
    assert (erased.event, erased.version, kept.event) == (Erased(str(key_id)), 1, Shown(f"{BEN}/0", 2))


def test_a_record_nobody_can_read_is_kept_with_the_position_that_steps_over_it(store, files):
    letter = DeadLetter("ingest.learner", LogRecord(0, 9, "ingest", 8, "k", b"\xffgarbage"), "malformed-envelope")
    for _ in range(2):
        store.commit(Batch(rows=[letter.row()], positions={"ingest.learner": Position(10, 8)}))
    assert files.sql("SELECT part, seq, log_offset, reason, body FROM dead_letter") == [
        (0, 8, 9, "malformed-envelope", b"\xffgarbage")
    ]


def test_a_topic_keeps_its_number_of_partitions(store, files):
    message = OutboxMessage("mastery.learner", "k", uuid4(), b"")
    store.commit(Batch(publish=[message]))
    other = StoredPartition(
        store.recorder.datastore.database, 0, store._mapper._codec, files.keys.learner_key, log_partitions=8
    )
    other.claim("a test")
    with pytest.raises(PartitionsChanged):
        other.commit(Batch(publish=[message]))


def test_instants_survive_to_the_microsecond(store):
    at = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    store.commit(Batch(appends=[Append(TENANT, ADA, Shown("x", 1), at)]))
    assert store.stream(ADA)[0].recorded_at == at


def test_a_read_sees_one_moment_whatever_is_written_meanwhile(store):
    database = store.recorder.datastore.database
    with database.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM event").fetchone() == (0,)
        store.commit(Batch(appends=shown(ADA, 1)))
        assert cursor.execute("SELECT count(*) FROM event").fetchone() == (0,)
    assert levels(store.stream(ADA)) == [1]


def test_a_reader_cannot_write(store):
    with pytest.raises(StoreError), store.recorder.datastore.database.read() as cursor:
        cursor.execute("DELETE FROM event")
