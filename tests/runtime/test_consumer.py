"""The consumer over a log with every fault: each record handled once and in order, whatever the broker does."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from services.runtime.consumer import Consumer, LogIncident
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.log.port import LogRecord, Outgoing
from services.runtime.store.port import Fenced, Position, VersionConflict
from tests.conformance.logs import EVERY_FAULT, PRODUCER, TOPIC, append_surely, outgoing

PARTITIONS = 3


class DiskFull(Exception):
    """What a store may say on a bad day."""


@dataclass
class Store:
    """Keeps the position with what was decided, as a service's transaction does; `fail` may spoil any commit."""

    positions: dict[int, Position] = field(default_factory=dict)
    handled: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    batches: list[int] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def position(self, partition: int) -> Position:
        return self.positions.get(partition, Position())

    def handle(self, partition: int, records: list[LogRecord], position: Position) -> None:
        self.before()
        self.handled[partition] += [record.seq for record in records]
        self.positions[partition] = position
        self.batches.append(len(records))
        self.after()

    def handled_count(self) -> int:
        return sum(map(len, self.handled.values()))


class Elapsed:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def make_log(faults: Faults | None = None, seed: int = 1) -> MemoryLog:
    return MemoryLog(PARTITIONS, seed=seed, faults=faults, wait=lambda _: None)


def make_consumer(log: MemoryLog, store: Store, **options) -> Consumer:
    return Consumer(log, TOPIC, PRODUCER, store.position, store.handle, range(PARTITIONS), **options)


def append(log: MemoryLog, *batches: list[Outgoing], producer: str = PRODUCER) -> None:
    writer = log.writer(TOPIC, producer)
    for batch in batches:
        append_surely(writer, batch)


def step_until(consumer: Consumer, done: Callable[[], bool], steps: int = 2_000) -> None:
    for _ in range(steps):
        if done():
            return
        consumer.step()
    raise AssertionError(f"not done after {steps} steps: {consumer.ready()}")


def in_order(store: Store, count: int) -> bool:
    return all(store.handled[partition] == list(range(1, count + 1)) for partition in range(PARTITIONS))


@pytest.mark.parametrize("seed", range(20))
def test_every_record_is_handled_once_and_in_order_over_a_log_with_every_fault(seed):
    log, store = make_log(EVERY_FAULT, seed), Store()
    chaos = log.random

    def fail_sometimes() -> None:
        if chaos.random() < 0.1:
            raise DiskFull

    store.before = store.after = fail_sometimes
    consumer = make_consumer(log, store, batch_size_max=7)
    for first in range(1, 101, 10):
        append(log, *[outgoing(partition, first, 10) for partition in range(PARTITIONS)])
        consumer.step()
        if chaos.random() < 0.3:  # killed and started again
            consumer = make_consumer(log, store, batch_size_max=7)
    step_until(consumer, lambda: store.handled_count() >= 300)
    for _ in range(50):
        consumer.step()
    assert in_order(store, 100)
    assert consumer.incident is None


def test_the_position_is_the_offset_after_the_last_record_and_its_seq():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), outgoing(0, 4, 2))
    make_consumer(log, store).step()
    assert store.positions == {0: Position(next_offset=log.topic(TOPIC)[0].records[-1].offset + 1, last_seq=5)}


def test_records_missing_and_sent_again_within_one_poll_are_no_reason_to_look_back():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), outgoing(0, 5, 3), outgoing(0, 4, 4))
    consumer = make_consumer(log, store)
    consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5, 6, 7]
    assert consumer.lag() == 0


def test_a_restart_goes_on_after_the_stored_position():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    make_consumer(log, store).step()
    append(log, outgoing(0, 6, 5))
    make_consumer(log, store).step()
    assert store.handled[0] == list(range(1, 11))


def test_a_missing_seq_is_an_incident_that_names_the_place_and_nothing_after_it_is_handled():
    log, store = make_log(), Store()
    append(log, outgoing(1, 1, 3), outgoing(1, 7, 3), outgoing(2, 1, 2))
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: consumer.incident is not None)
    incident = consumer.incident
    assert isinstance(incident, LogIncident)
    assert (incident.topic, incident.partition, incident.expected_seq, incident.got_seq) == (TOPIC, 1, 4, 9)
    assert store.handled == {1: [1, 2, 3], 2: [1, 2]}
    assert consumer.ready() == {f"consumer {TOPIC}": f"{TOPIC}[1]: expected seq 4, got 9; republish from 4"}


def test_an_incident_is_seen_again_after_a_restart():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), outgoing(0, 5, 3))
    for _ in range(2):
        consumer = make_consumer(log, store)
        for _ in range(5):
            consumer.step()
        assert consumer.incident is not None
    assert store.handled[0] == [1, 2, 3]


@pytest.mark.parametrize("restarted", [False, True])
def test_republishing_from_the_missing_seq_ends_the_incident(restarted):
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), outgoing(0, 5, 30))
    consumer = make_consumer(log, store, batch_size_max=4)
    step_until(consumer, lambda: consumer.incident is not None)
    append(log, outgoing(0, 4, 31))
    if restarted:
        consumer = make_consumer(log, store, batch_size_max=4)
    step_until(consumer, lambda: len(store.handled[0]) == 34)
    consumer.step()
    assert store.handled[0] == list(range(1, 35))
    assert consumer.incident is None
    assert consumer.ready() == {}


def test_records_moved_to_other_offsets_are_found_from_the_beginning_without_an_incident():
    log, store = make_log(), Store()
    append(log, *[outgoing(0, seq, 1) for seq in range(1, 6)])  # with gaps: seq 5 stands at offset 8
    consumer = make_consumer(log, store)
    consumer.step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 1, 20))  # without gaps: the stored offset now names a later seq
    step_until(consumer, lambda: len(store.handled[0]) == 20)
    assert store.handled[0] == list(range(1, 21))
    assert consumer.incident is None


def test_a_failure_while_looking_from_the_beginning_is_no_incident():
    log, store = make_log(), Store()
    append(log, *[outgoing(0, seq, 1) for seq in range(1, 6)])
    make_consumer(log, store).step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 1, 20))
    failures = [DiskFull(), DiskFull(), DiskFull()]

    def fail_at_first() -> None:
        if failures:
            raise failures.pop()

    store.before = fail_at_first
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: len(store.handled[0]) == 20)
    assert consumer.incident is None


def test_a_position_past_the_end_of_a_topic_made_anew_is_healed_from_its_beginning():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 50))
    consumer = make_consumer(log, store)
    consumer.step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 48, 5))
    step_until(consumer, lambda: len(store.handled[0]) == 52)
    assert store.handled[0] == list(range(1, 53))
    assert consumer.incident is None


def test_a_position_that_retention_has_passed_is_healed_when_nothing_was_missed():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    make_consumer(log, store).step()
    log.delete_before(TOPIC, {0: log.ends(TOPIC)[0]})
    append(log, outgoing(0, 6, 2))
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: len(store.handled[0]) == 7)
    assert consumer.incident is None


def test_records_that_retention_deleted_before_they_were_read_are_an_incident():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    log.delete_before(TOPIC, {0: log.ends(TOPIC)[0]})
    append(log, outgoing(0, 6, 2))
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: consumer.incident is not None)
    assert (consumer.incident.expected_seq, store.handled[0]) == (1, [])


def test_a_topic_that_starts_again_from_seq_1_counts_as_repeats():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    consumer = make_consumer(log, store)
    consumer.step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 1, 3, size=40))
    for _ in range(5):
        consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5]


def test_a_failed_commit_is_tried_again_and_says_so_meanwhile():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))

    def fail() -> None:
        raise DiskFull

    store.before = fail
    consumer = make_consumer(log, store)
    consumer.step()
    assert "DiskFull" in consumer.ready()[f"consumer {TOPIC}"]
    store.before = lambda: None
    consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5]
    assert consumer.ready() == {}


class PatientStop(threading.Event):
    """Keeps how long the worker wanted to wait instead of waiting."""

    def __init__(self, waits_max: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.waits_max = waits_max

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if len(self.waits) == self.waits_max:
            self.set()
        return self.is_set()


def test_a_worker_in_trouble_waits_longer_each_time_up_to_a_limit():
    log, store, stop = make_log(), Store(), PatientStop(10)
    append(log, outgoing(0, 1, 5))

    def fail() -> None:
        raise DiskFull

    store.before = fail
    make_consumer(log, store).run(stop)
    assert stop.waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_after_a_success_the_next_failure_waits_a_short_while_again():
    log, store, stop = make_log(), Store(), PatientStop(3)
    append(log, outgoing(0, 1, 5))
    tries = []

    def fail_but_once() -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            append(log, outgoing(0, 6, 5))
        else:
            raise DiskFull

    store.before = fail_but_once
    make_consumer(log, store).run(stop)
    assert stop.waits == [0.05, 0.1, 0.05]


def test_trouble_is_still_told_while_the_next_try_is_under_way():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    told = []

    def fail() -> None:
        told.append(consumer.trouble)
        raise DiskFull

    store.before = fail
    consumer = make_consumer(log, store)
    consumer.step()
    consumer.step()
    assert told[0] is None
    assert "DiskFull" in told[1]


def test_a_store_that_cannot_even_tell_its_position_is_asked_again():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    failures = [DiskFull(), DiskFull()]

    def position(partition: int) -> Position:
        if failures:
            raise failures.pop()
        return store.position(partition)

    consumer = Consumer(log, TOPIC, PRODUCER, position, store.handle, range(PARTITIONS))
    for _ in range(4):
        consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5]


def test_a_failing_idle_is_tried_again():
    log, store, elapsed = make_log(), Store(), Elapsed()
    calls = []

    def idle(partition: int) -> None:
        calls.append(partition)
        if len(calls) == 1:
            raise DiskFull

    consumer = make_consumer(log, store, idle=idle, known_to_interval_s=5, elapsed_s=elapsed)
    elapsed.now_s = 5.0
    consumer.step()
    assert consumer.trouble is not None
    consumer.step()
    assert calls == [0, 1, 2, 0]
    assert consumer.trouble is None


def test_a_commit_whose_reply_was_lost_is_not_done_twice():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    failures = [DiskFull()]

    def fail_once() -> None:
        if failures:
            raise failures.pop()

    store.after = fail_once
    consumer = make_consumer(log, store)
    for _ in range(3):
        consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5]


def test_a_partition_in_trouble_does_not_stop_the_others():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5), outgoing(1, 1, 5))

    def handle(partition: int, records: list[LogRecord], position: Position) -> None:
        if partition == 0:
            raise DiskFull
        store.handle(partition, records, position)

    consumer = Consumer(log, TOPIC, PRODUCER, store.position, handle, range(PARTITIONS))
    for _ in range(3):
        consumer.step()
    assert store.handled == {1: [1, 2, 3, 4, 5]}
    assert consumer.trouble is not None


@pytest.mark.parametrize("fatal", [Fenced, VersionConflict])
def test_a_partition_taken_over_by_another_process_ends_this_one(fatal):
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))

    def fence() -> None:
        raise fatal

    store.before = fence
    with pytest.raises(fatal):
        make_consumer(log, store).run(threading.Event())


def test_batches_hold_at_most_what_the_setting_says():
    log, store = make_log(), Store()
    append(log, *[outgoing(partition, 1, 100) for partition in range(PARTITIONS)])
    consumer = make_consumer(log, store, batch_size_max=30)
    step_until(consumer, lambda: store.handled_count() == 300)
    assert max(store.batches) == 30
    assert in_order(store, 100)


def test_idle_is_called_for_a_partition_where_nothing_came_for_the_interval():
    log, store, elapsed = make_log(), Store(), Elapsed()
    consumer = make_consumer(log, store, idle=store.idle.append, known_to_interval_s=5, elapsed_s=elapsed)
    elapsed.now_s = 4.9
    append(log, outgoing(1, 1, 1))
    consumer.step()
    assert store.idle == []
    elapsed.now_s = 5.0
    consumer.step()
    assert store.idle == [0, 2]
    elapsed.now_s = 9.9
    consumer.step()
    assert store.idle == [0, 2, 1]
    elapsed.now_s = 10.0
    consumer.step()
    assert store.idle == [0, 2, 1, 0, 2]


def test_records_of_another_producer_are_never_taken():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), producer="stranger")
    append(log, outgoing(0, 1, 2))
    consumer = make_consumer(log, store)
    consumer.step()
    assert store.handled[0] == [1, 2]
    assert store.positions[0].last_seq == 2


def test_lag_counts_what_was_not_read_yet():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 10), outgoing(1, 1, 5))
    consumer = make_consumer(log, store)
    assert consumer.lag() == 10 + 1 + 5 + 1
    consumer.step()
    assert consumer.lag() == 0


def test_a_stopped_worker_has_finished_the_batch_at_hand():
    log, store, stop = make_log(), Store(), threading.Event()
    append(log, outgoing(0, 1, 5))
    store.before = stop.set
    make_consumer(log, store).run(stop)
    assert store.handled[0] == [1, 2, 3, 4, 5]
