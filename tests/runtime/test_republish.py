"""An outbox sent again heals a consumer that misses records, while the relay runs or not, and skips nothing."""

import threading
from contextlib import closing, suppress
from uuid import UUID

import pytest

from services.runtime.log.memory import MemoryLog
from services.runtime.log.port import LogUnavailable
from services.runtime.opening import beside as open_beside
from services.runtime.relay import Relay
from services.runtime.republish import CannotRepublish, heads, republish
from services.runtime.settings import RuntimeSettings, load
from services.runtime.store.outbox import OUTBOX_SCHEMA, OutboxMessage, put
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.logs import EVERY_FAULT, PRODUCER, TOPIC
from tests.runtime.consuming import PARTITIONS, Store, make_consumer, step_until

EACH = 40  # messages in each partition
KEYS = ("north/1", "north/3", "north/0")  # one for each partition, in order


@pytest.fixture
def path(tmp_path):
    return tmp_path / "service.db"


@pytest.fixture
def database(path):
    with closing(SqliteDatabase(path, [OUTBOX_SCHEMA])) as opened:
        put_messages(opened, EACH)
        yield opened


@pytest.fixture
def beside(database, path):
    """The same database, as the command opens it while the service runs."""
    with closing(SqliteDatabase(path, None)) as opened:
        yield opened


def put_messages(database: SqliteDatabase, each: int, topic: str = TOPIC) -> None:
    with database.write() as cursor:
        put(
            cursor,
            PARTITIONS,
            [OutboxMessage(topic, key, UUID(int=number), b"%d" % number) for number in range(each) for key in KEYS],
        )


def make_log(faults=None, seed=1):
    return MemoryLog(PARTITIONS, seed=seed, faults=faults, wait=lambda _: None)


def relay_all(relay: Relay) -> None:
    for _ in range(500):
        with suppress(LogUnavailable):
            if relay.step() == 0 and relay.pending() == 0:
                return
    raise AssertionError("the relay never came to rest")


def lose(log: MemoryLog, partition: int, seqs: range) -> None:
    """What a restored broker does: records everybody was told are durable are gone."""
    part = log.topic(TOPIC)[partition]
    part.records[:] = [record for record in part.records if record.seq not in seqs]


def in_order(store: Store) -> None:
    assert {partition: sorted(seqs) for partition, seqs in store.handled.items()} == store.handled
    assert store.handled == {partition: list(range(1, EACH + 1)) for partition in range(PARTITIONS)}


@pytest.mark.parametrize("restarted", [False, True])
def test_an_incident_ends_when_the_outbox_is_sent_again_from_the_seq_it_names(database, beside, restarted):
    log, store = make_log(), Store()
    relay = Relay(database, log, PRODUCER, "one")
    relay_all(relay)
    lose(log, 1, range(11, 21))
    consumer = make_consumer(log, store, batch_size_max=7)
    step_until(consumer, lambda: consumer.incident is not None)
    assert consumer.incident.expected_seq == 11
    head, count = republish(beside, None, consumer.incident.partition, consumer.incident.expected_seq)
    assert (head.published_seq, count) == (10, 30)
    relay_all(Relay(database, log, PRODUCER, "two") if restarted else relay)
    step_until(consumer, lambda: store.handled_count() == EACH * PARTITIONS)
    consumer.step()
    in_order(store)
    assert consumer.incident is None
    assert consumer.ready() == {}


def test_only_the_partition_asked_for_is_sent_again(database, beside):
    log = make_log()
    relay = Relay(database, log, PRODUCER, "one")
    relay_all(relay)
    republish(beside, TOPIC, 2, 39)
    relay_all(relay)
    assert [len(part.records) for part in log.topic(TOPIC)] == [EACH, EACH, EACH + 2]


def test_a_topic_made_anew_is_filled_again_from_the_first(database, beside):
    log, store = make_log(), Store()
    relay = Relay(database, log, PRODUCER, "one")
    relay_all(relay)
    log.recreate(TOPIC)
    for partition in range(PARTITIONS):
        republish(beside, TOPIC, partition, 1)
    relay_all(relay)
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: store.handled_count() == EACH * PARTITIONS)
    in_order(store)


@pytest.mark.parametrize("seed", range(8))
def test_asked_for_again_and_again_while_the_relay_works_over_a_faulty_log_nothing_is_skipped(database, beside, seed):
    log, store = make_log(EVERY_FAULT, seed), Store()
    relay = Relay(database, log, PRODUCER, "one", batch_size_max=7, store_interval_s=0)
    for _ in range(60):
        with suppress(LogUnavailable):
            relay.step()
        head = log.random.choice(heads(beside))
        if head.published_seq:
            republish(beside, TOPIC, head.part, log.random.randint(1, head.published_seq))
    relay_all(relay)
    consumer = make_consumer(log, store, batch_size_max=5)
    step_until(consumer, lambda: store.handled_count() == EACH * PARTITIONS)
    in_order(store)
    assert all(head.published_seq == head.last_seq for head in heads(beside))


def test_a_place_set_back_during_an_append_is_not_overwritten_by_the_relay_that_appends(database, beside):
    log = make_log()
    relay = Relay(database, log, PRODUCER, "one", store_interval_s=0)
    relay.step()  # claims, appends and stores
    put_messages(database, 1)
    writer = log.writer(TOPIC, PRODUCER)

    class SetBackMeanwhile:
        def append(self, records):
            writer.append(records)
            republish(beside, TOPIC, 0, 5)

    relay._writers[TOPIC] = SetBackMeanwhile()
    relay.step()
    assert {head.part: head.published_seq for head in heads(beside)} == {0: 4, 1: EACH + 1, 2: EACH + 1}
    relay._writers[TOPIC] = writer
    relay_all(relay)
    assert [record.seq for record in log.topic(TOPIC)[0].records][-37:] == list(range(5, EACH + 2))


def test_a_running_relay_notices_by_itself(database, beside):
    log, stop = make_log(), threading.Event()
    relay = Relay(database, log, PRODUCER, "one")
    worker = threading.Thread(target=relay.run, args=[stop])
    worker.start()
    try:
        _wait(lambda: relay.pending() == 0)
        republish(beside, TOPIC, 0, 1)
        _wait(lambda: len(log.topic(TOPIC)[0].records) == 2 * EACH and relay.pending() == 0)
    finally:
        stop.set()
        worker.join(5)


def test_what_has_not_been_sent_yet_is_not_skipped_by_asking_for_a_later_seq(database, beside):
    head, count = republish(beside, TOPIC, 0, 30)
    assert (head.published_seq, count) == (0, EACH)


@pytest.mark.parametrize(
    ("topic", "part", "from_seq", "said"),
    [
        (TOPIC, 0, 41, r"has the seqs 1 to 40, not 41"),
        (TOPIC, 0, 0, r"has the seqs 1 to 40, not 0"),
        (TOPIC, 3, 1, r"partition 3 has nothing to send; those that have: 0, 1, 2"),
        ("mastery.learner", 0, 1, r"its topics are ingest.learner"),
    ],
)
def test_what_is_not_there_is_refused_and_changes_nothing(database, beside, topic, part, from_seq, said):
    before = heads(beside)
    with pytest.raises(CannotRepublish, match=said):
        republish(beside, topic, part, from_seq)
    assert heads(beside) == before


def test_with_several_topics_one_must_be_named(database, beside):
    put_messages(database, 1, topic="ingest.other")
    with pytest.raises(CannotRepublish, match=r"ingest\.learner, ingest\.other"):
        republish(beside, None, 0, 1)


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(SystemExit, match="there is no"):
        open_beside(load(RuntimeSettings, data_dir=tmp_path), "ingest")
    assert list(tmp_path.iterdir()) == []


def _wait(done, timeout_s: float = 10.0) -> None:
    consumer_free = threading.Event()
    for _ in range(int(timeout_s / 0.005)):
        if done():
            return
        consumer_free.wait(0.005)
    raise AssertionError("waited in vain")
