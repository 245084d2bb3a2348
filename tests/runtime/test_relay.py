"""The relay: the outbox reaches the log in order and at least once, from one owner at a time."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from uuid import UUID, uuid4

import pytest

from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.log.port import LogRecord, LogUnavailable
from services.runtime.relay import Relay
from services.runtime.store.outbox import OUTBOX_SCHEMA, OutboxMessage, put
from services.runtime.store.port import Fenced
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.logs import EVERY_FAULT, PRODUCER, TOPIC, read_until

PARTITIONS = 3
ALL = dict.fromkeys(range(PARTITIONS), 0)


@pytest.fixture
def database(tmp_path):
    database = SqliteDatabase(tmp_path / "service.db", [OUTBOX_SCHEMA])
    yield database
    database.close()


def make_log(faults: Faults | None = None, seed: int = 1) -> MemoryLog:
    return MemoryLog(PARTITIONS, seed=seed, faults=faults, wait=lambda _: None)


def message(number: int, topic: str = TOPIC) -> OutboxMessage:
    return OutboxMessage(topic, f"north/{number % 10}", UUID(int=number), f"{number}".encode())


def put_messages(database: SqliteDatabase, first: int, count: int, topic: str = TOPIC) -> None:
    with database.write() as cursor:
        put(cursor, PARTITIONS, [message(number, topic) for number in range(first, first + count)])


def on_log(log: MemoryLog, topic: str = TOPIC) -> list[LogRecord]:
    return [record for part in log.topic(topic) for record in part.records]


def published(database: SqliteDatabase) -> int:
    with database.read() as cursor:
        return cursor.execute("SELECT sum(published_seq) FROM outbox_head").fetchone()[0]


def make_relay(database: SqliteDatabase, log: MemoryLog, owner: str = "one", **options) -> Relay:
    return Relay(database, log, PRODUCER, owner, **options)


def drain(relay: Relay, steps: int = 200) -> None:
    for _ in range(steps):
        try:
            if relay.step() == 0:
                return
        except LogUnavailable:
            continue
    raise AssertionError("the relay never came to rest")


def test_what_was_put_is_appended_once_with_its_seq_and_key(database):
    log = make_log()
    put_messages(database, 0, 100)
    drain(make_relay(database, log))
    records = on_log(log)
    assert {int(record.value) for record in records} == set(range(100))
    assert len(records) == 100
    assert all(record.key == f"north/{int(record.value) % 10}" for record in records)
    for part in log.topic(TOPIC):
        assert [record.seq for record in part.records] == list(range(1, len(part.records) + 1))


def test_what_was_rolled_back_is_never_appended(database):
    log = make_log()
    with suppress(ZeroDivisionError), database.write() as cursor:
        put(cursor, PARTITIONS, [message(1)])
        raise ZeroDivisionError
    drain(make_relay(database, log))
    assert on_log(log) == []


def test_topics_of_one_outbox_are_numbered_and_sent_apart(database):
    log = make_log()
    put_messages(database, 0, 20)
    put_messages(database, 0, 20, topic="ingest.catalogue")
    drain(make_relay(database, log))
    assert len(on_log(log)) == len(on_log(log, "ingest.catalogue")) == 20


@pytest.mark.parametrize("seed", range(10))
def test_over_a_log_with_every_fault_all_arrives_and_only_repeats_are_added(database, seed):
    log = make_log(EVERY_FAULT, seed)
    relay = make_relay(database, log, batch_size_max=7)
    for first in range(0, 200, 20):
        put_messages(database, first, 20)
        drain(relay)
        if log.random.random() < 0.3:
            relay = make_relay(database, log, batch_size_max=7)
    for part in log.topic(TOPIC):
        first_seen = list(dict.fromkeys(record.seq for record in part.records))
        assert first_seen == list(range(1, len(first_seen) + 1))
    assert {int(record.value) for record in on_log(log)} == set(range(200))


def test_a_crash_between_append_and_storing_the_place_only_repeats(database):
    log = make_log()
    put_messages(database, 0, 10)
    make_relay(database, log, store_interval_s=3600).step()  # appended, then killed
    assert published(database) == 0
    drain(make_relay(database, log, owner="two"))
    assert sorted(int(record.value) for record in on_log(log)) == sorted([*range(10), *range(10)])
    reader = log.reader(TOPIC, ALL)
    assert len(read_until(reader, 20)) == 10


def test_a_relay_that_has_nothing_to_do_has_stored_how_far_it_came(database):
    log = make_log()
    put_messages(database, 0, 10)
    relay = make_relay(database, log)
    drain(relay)
    assert (published(database), relay.pending()) == (10, 0)


def test_a_stopped_relay_has_stored_how_far_it_came(database):
    log, stop = make_log(), threading.Event()
    put_messages(database, 0, 10)
    writer = log.writer(TOPIC, PRODUCER)

    class StopsMeanwhile:
        def append(self, records):
            writer.append(records)
            stop.set()

    log.writer = lambda topic, producer: StopsMeanwhile()  # type: ignore[method-assign]
    make_relay(database, log, store_interval_s=3600).run(stop)
    assert published(database) == 10


def test_the_backlog_counts_what_is_not_known_to_be_on_the_log(database):
    relay = make_relay(database, make_log())
    put_messages(database, 0, 10)
    assert relay.pending() == 10


def test_a_superseded_relay_sends_nothing_more(database):
    log = make_log()
    put_messages(database, 0, 10)
    old, new = make_relay(database, log, "old"), make_relay(database, log, "new")
    drain(old)
    new.step()
    put_messages(database, 10, 10)
    with pytest.raises(Fenced):
        old.step()
    assert len(on_log(log)) == 10
    drain(new)
    assert len(on_log(log)) == 20


def test_a_relay_superseded_during_an_append_does_not_store_its_place(database):
    log = make_log()
    put_messages(database, 0, 10)
    old = make_relay(database, log, "old", store_interval_s=0)
    new = make_relay(database, log, "new")
    writer = log.writer(TOPIC, PRODUCER)

    class TakenOver:
        def append(self, records):
            writer.append(records)
            new.step()
            with database.write() as cursor:
                cursor.execute("UPDATE outbox_head SET published_seq = 0")

    log.writer = lambda topic, producer: writer if old._writers else TakenOver()  # type: ignore[method-assign]
    with pytest.raises(Fenced):
        old.step()
    assert published(database) == 0


def test_a_batch_is_bounded_by_its_number_and_a_big_one_by_its_bytes(database, monkeypatch):
    log = make_log()
    with database.write() as cursor:
        put(cursor, PARTITIONS, [OutboxMessage(TOPIC, "north/1", uuid4(), b"x" * 1000) for _ in range(100)])
    assert make_relay(database, log, batch_size_max=30).step() == 30
    monkeypatch.setattr("services.runtime.relay.BATCH_BYTES_MAX", 5_000)
    assert make_relay(database, log).step() == 5


def test_a_failing_log_is_tried_again_and_the_relay_is_not_ready_meanwhile(database):
    log = make_log(Faults(refused_append=1.0))
    relay, stop = make_relay(database, log), threading.Event()
    put_messages(database, 0, 5)
    worker = threading.Thread(target=relay.run, args=[stop])
    worker.start()
    try:
        wait_until(lambda: relay.ready() != {})
        assert "LogUnavailable" in relay.ready()["relay ingest"]
        log.faults = Faults()
        wait_until(lambda: len(on_log(log)) == 5 and relay.ready() == {})
    finally:
        stop.set()
        worker.join(5)
    assert published(database) == 5


def test_a_running_relay_sends_soon_after_something_was_put(database):
    log = make_log()
    relay, stop = make_relay(database, log), threading.Event()
    worker = threading.Thread(target=relay.run, args=[stop])
    worker.start()
    try:
        for number in range(5):
            put_messages(database, number, 1)
            relay.wake()
            began = time.monotonic()
            wait_until(lambda number=number: len(on_log(log)) == number + 1)
            assert time.monotonic() - began < 1
    finally:
        stop.set()
        worker.join(5)
    assert not worker.is_alive()


def test_a_relay_with_nothing_to_do_looks_less_and_less_often(database):
    relay, looks = make_relay(database, make_log()), []
    stop = Waits(looks, waits_max=8)
    relay._news = stop
    relay.run(stop)
    assert looks[:5] == [0.01, 0.02, 0.04, 0.08, 0.1]
    assert set(looks[4:]) == {0.1}


def test_what_a_relay_is_woken_for_makes_it_look_often_again(database):
    relay, looks = make_relay(database, make_log()), []
    stop = Waits(looks, waits_max=6, woken_at=4)
    relay._news = stop
    relay.run(stop)
    assert looks == [0.01, 0.02, 0.04, 0.08, 0.01, 0.02]


class Waits:
    """Stands for time: notes how long a relay would wait, and stops it after so many waits."""

    def __init__(self, looks, waits_max, woken_at=0) -> None:
        self.looks, self.waits_max, self.woken_at = looks, waits_max, woken_at

    def is_set(self) -> bool:
        return len(self.looks) >= self.waits_max

    def wait(self, timeout_s: float) -> bool:
        self.looks.append(timeout_s)
        return len(self.looks) == self.woken_at

    def clear(self) -> None:
        pass


def wait_until(done, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.002)
