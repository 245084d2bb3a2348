"""The consumer over a log with every fault: each record handled once and in order, whatever the broker does."""

from __future__ import annotations

import threading

import pytest

from services.runtime.consumer import Consumer
from services.runtime.gathering import GATHER_S
from services.runtime.holding import Holding
from services.runtime.leases import Lease
from services.runtime.log.port import LogRecord
from services.runtime.store.port import Fenced, Position, VersionConflict
from tests.conformance.logs import EVERY_FAULT, PRODUCER, TOPIC, outgoing
from tests.runtime.consuming import (
    PARTITIONS,
    DiskFull,
    Elapsed,
    Store,
    append,
    in_order,
    make_consumer,
    make_log,
    step_until,
)


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


def test_a_restart_goes_on_after_the_stored_position():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    make_consumer(log, store).step()
    append(log, outgoing(0, 6, 5))
    make_consumer(log, store).step()
    assert store.handled[0] == list(range(1, 11))


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
    log, store, stop = make_log(), Store(), PatientStop(4)
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
    assert stop.waits == [0.05, 0.1, GATHER_S, 0.05]


def test_after_a_batch_that_was_not_full_it_lets_more_records_come():
    stop = PatientStop(1)
    make_consumer(make_log(), Store(), batch_size_max=10).gather(9, stop)
    assert stop.waits == [GATHER_S]


@pytest.mark.parametrize("handled", [0, 10, 25])
def test_it_waits_for_no_more_at_rest_nor_while_there_is_much_to_do(handled):
    stop = PatientStop(1)
    make_consumer(make_log(), Store(), batch_size_max=10).gather(handled, stop)
    assert stop.waits == []


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


def test_lag_counts_what_was_not_read_yet():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 10), outgoing(1, 1, 5))
    consumer = make_consumer(log, store)
    assert consumer.pending() == 10 + 1 + 5 + 1
    consumer.step()
    assert consumer.pending() == 0


class NothingIsHeld(Holding):
    """Another process, which may have died, has the leases of every partition."""

    def __init__(self) -> None:
        pass

    def follow(self) -> dict[int, Lease]:
        return {}


def test_lag_counts_the_partitions_that_other_processes_work_or_nobody():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 10), outgoing(1, 1, 5))
    store.positions = {0: Position(4, 4), 1: Position(90, 90)}  # and one that is from another log
    consumer = Consumer(log, TOPIC, PRODUCER, store.position, store.handle, NothingIsHeld())
    consumer.step()
    ends = log.ends(TOPIC)
    assert consumer.pending() == ends[0] - 4 + ends[1] + ends[2] > 0


def test_lag_is_never_more_than_what_has_come_since_it_was_asked_for(monkeypatch):
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 10))
    consumer = make_consumer(log, store)
    consumer.step()
    glance = log.glance

    def meanwhile(topic):
        append(log, outgoing(0, 11, 15))
        consumer.step()
        return glance(topic)

    monkeypatch.setattr(log, "glance", meanwhile)
    before = log.ends(TOPIC)[0]
    assert consumer.pending() == log.ends(TOPIC)[0] - before


def test_a_stopped_worker_has_finished_the_batch_at_hand():
    log, store, stop = make_log(), Store(), threading.Event()
    append(log, outgoing(0, 1, 5))
    store.before = stop.set
    make_consumer(log, store).run(stop)
    assert store.handled[0] == [1, 2, 3, 4, 5]
