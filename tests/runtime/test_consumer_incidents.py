"""What the consumer heals by itself when offsets mislead it, and what it calls an incident."""

from __future__ import annotations

import pytest

from services.runtime.consumer import LogIncident
from tests.conformance.logs import TOPIC, outgoing
from tests.runtime.consuming import (
    DiskFull,
    Elapsed,
    Store,
    append,
    make_consumer,
    make_log,
    step_until,
)


def test_records_missing_and_sent_again_within_one_poll_are_no_reason_to_look_back():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), outgoing(0, 5, 3), outgoing(0, 4, 4))
    consumer = make_consumer(log, store)
    consumer.step()
    assert store.handled[0] == [1, 2, 3, 4, 5, 6, 7]
    assert consumer.pending() == 0


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


def test_a_topic_made_anew_that_ends_where_we_stood_is_noticed_while_nothing_comes():
    log, store, elapsed = make_log(), Store(), Elapsed()
    append(log, outgoing(0, 1, 5))
    consumer = make_consumer(log, store, elapsed_s=elapsed)
    consumer.step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 6, 5))  # the same offsets, and nothing beyond them
    for _ in range(5):
        elapsed.now_s += 10
        consumer.step()
    assert store.handled[0] == list(range(1, 11))
    assert consumer.incident is None


def test_a_topic_made_anew_while_we_were_away_is_noticed_at_the_start():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 5))
    make_consumer(log, store).step()
    log.recreate(TOPIC)
    append(log, outgoing(0, 6, 5))
    consumer = make_consumer(log, store)
    step_until(consumer, lambda: len(store.handled[0]) == 10)
    assert store.handled[0] == list(range(1, 11))


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


def test_records_of_another_producer_are_never_taken():
    log, store = make_log(), Store()
    append(log, outgoing(0, 1, 3), producer="stranger")
    append(log, outgoing(0, 1, 2))
    consumer = make_consumer(log, store)
    consumer.step()
    assert store.handled[0] == [1, 2]
    assert store.positions[0].last_seq == 2
