"""What every log adapter promises: one suite, written for Kafka's semantics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest

from services.runtime.log.partition import partition_of
from services.runtime.log.port import Log, LogUnavailable, OffsetOutOfRange, Outgoing
from tests.conformance.logs import (
    ADAPTERS,
    FROM_THE_BEGINNING,
    PARTITIONS,
    PRODUCER,
    TOPIC,
    Broker,
    append_surely,
    of_partition,
    on_kafka,
    outgoing,
    read_all,
    read_until,
    sent,
)


@pytest.fixture(params=[*sorted(ADAPTERS), pytest.param("kafka", marks=pytest.mark.servers)])
def broker(request, tmp_path) -> Iterator[Broker]:
    if request.param == "kafka":
        with on_kafka(request.getfixturevalue("kafka"), TOPIC, "mastery.learner", "ingest.nothing") as broker:
            yield broker
    else:
        yield ADAPTERS[request.param](tmp_path)


@pytest.fixture
def log(broker) -> Iterator[Log]:
    log = broker.connect()
    yield log
    log.close()


def append(log: Log, *batches: list[Outgoing]) -> None:
    writer = log.writer(TOPIC, PRODUCER)
    for batch in batches:
        append_surely(writer, batch)


def seen(log: Log) -> Mapping[int, int]:
    """By a glance, which a busy machine may deny."""
    for _ in range(100):
        with suppress(LogUnavailable):
            return log.glance(TOPIC)
        time.sleep(0.05)
    raise AssertionError("the log was never seen")


def test_records_come_out_as_they_went_in_and_in_order_within_a_partition(log):
    batches = [outgoing(number % PARTITIONS, 1 + 10 * (number // PARTITIONS), 10) for number in range(20)]
    append(log, *batches)
    read = read_all(log, FROM_THE_BEGINNING, 200)
    for partition in range(PARTITIONS):
        expected = [record for batch in batches for record in batch if record.partition == partition]
        assert sent(of_partition(read, partition)) == sent(expected)
    assert {record.producer for record in read} == {PRODUCER}


def test_a_glance_sees_where_the_log_ends(log):
    assert seen(log) == log.ends(TOPIC)
    append(log, outgoing(1, 1, 10))
    assert seen(log) == log.ends(TOPIC)


def test_one_batch_may_hold_several_partitions(log):
    mixed = [record for seq in range(1, 6) for p in range(PARTITIONS) for record in outgoing(p, seq, 1)]
    append(log, mixed)
    read = read_all(log, FROM_THE_BEGINNING, len(mixed))
    assert sorted(sent(read)) == sorted(sent(mixed))


def test_offsets_grow_within_a_partition_and_an_adapter_of_ours_leaves_a_gap_after_every_batch(broker, log):
    append(log, outgoing(0, 1, 5), outgoing(0, 6, 5), outgoing(0, 11, 5))
    offsets = [record.offset for record in read_all(log, {0: 0}, 15)]
    assert offsets == sorted(set(offsets))
    assert len(offsets) == 15
    if broker.gaps:
        assert offsets[5] > offsets[4] + 1
        assert offsets[10] > offsets[9] + 1


def test_reading_from_the_offset_after_any_record_gives_exactly_the_rest(log):
    append(log, outgoing(2, 1, 7), outgoing(2, 8, 1), outgoing(2, 9, 4))
    everything = read_all(log, {2: 0}, 12)
    for number, record in enumerate(everything):
        rest = [found for found in read_all(log, {2: record.offset + 1}, 11 - number) if found.seq > record.seq]
        assert sent(rest) == sent(everything[number + 1 :])


def test_a_batch_appended_twice_is_read_twice_under_new_offsets_and_the_same_seq(log):
    append(log, outgoing(1, 1, 3), outgoing(1, 1, 3))
    reader = log.reader(TOPIC, {1: 0})
    found = {}
    while len(found) < 6:
        found |= {record.offset: record.seq for record in reader.poll(0.01, 50)}
    reader.close()
    assert [seq for _, seq in sorted(found.items())][-3:] == [1, 2, 3]
    assert set(found.values()) == {1, 2, 3}


def test_a_position_past_the_end_is_out_of_range(log):
    append(log, outgoing(0, 1, 3))
    reader = log.reader(TOPIC, {0: log.ends(TOPIC)[0] + 1})
    with pytest.raises(OffsetOutOfRange) as refused:
        reader.poll(0, 10)
    assert (refused.value.topic, refused.value.partition) == (TOPIC, 0)
    reader.close()


def test_a_position_before_the_beginning_is_out_of_range(log):
    append(log, outgoing(0, 1, 3), outgoing(0, 4, 3))
    kept_from = next(record.offset for record in read_all(log, {0: 0}, 6) if record.seq == 4)
    log.delete_before(TOPIC, {0: kept_from})
    reader = log.reader(TOPIC, {0: 0})
    with pytest.raises(OffsetOutOfRange):
        reader.poll(0, 10)
    reader.close()


def test_after_retention_the_beginning_moves_and_the_rest_is_read_from_it(log):
    append(log, outgoing(0, 1, 3), outgoing(0, 4, 3))
    kept_from = next(record.offset for record in read_all(log, {0: 0}, 6) if record.seq == 4)
    log.delete_before(TOPIC, {0: kept_from})
    assert log.begins(TOPIC)[0] == kept_from
    rest = read_all(log, {0: log.begins(TOPIC)[0]}, 3)
    assert sent(rest)[-3:] == sent(outgoing(0, 4, 3))


def test_the_end_itself_is_in_range_and_gives_what_comes_next(log):
    append(log, outgoing(3, 1, 3))
    reader = log.reader(TOPIC, {3: log.ends(TOPIC)[3]})
    append(log, outgoing(3, 4, 2))
    assert sent([record for record in read_until(reader, 2) if record.seq > 3]) == sent(outgoing(3, 4, 2))
    reader.close()


def test_seek_goes_back_and_reads_again(log):
    append(log, outgoing(0, 1, 5))
    reader = log.reader(TOPIC, {0: 0})
    first = read_until(reader, 5)
    reader.seek(0, first[2].offset)
    again = [record for record in read_until(reader, 3) if record.seq >= 3]
    assert sent(again) == sent(first[2:])
    reader.close()


def test_a_reader_that_read_everything_stands_at_the_end(log):
    append(log, outgoing(0, 1, 5), outgoing(1, 1, 5))
    reader = log.reader(TOPIC, {0: 0, 1: 0})
    read_until(reader, 10)
    for _ in range(200):
        reader.poll(0, 10)
        if all(reader.position(partition) == log.ends(TOPIC)[partition] for partition in (0, 1)):
            break
    assert {p: reader.position(p) for p in (0, 1)} == {p: log.ends(TOPIC)[p] for p in (0, 1)}
    reader.close()


def test_two_readers_do_not_disturb_each_other(log):
    append(log, outgoing(0, 1, 20))
    one, other = log.reader(TOPIC, {0: 0}), log.reader(TOPIC, {0: 0})
    assert sent(read_until(one, 20, records_max=3)) == sent(outgoing(0, 1, 20))
    assert sent(read_until(other, 20, records_max=7)) == sent(outgoing(0, 1, 20))
    one.close()
    other.close()


def test_a_reader_of_some_partitions_sees_no_other(log):
    for partition in range(PARTITIONS):
        append(log, outgoing(partition, 1, 3))
    read = read_all(log, {1: 0, 3: 0}, 6)
    assert {record.partition for record in read} == {1, 3}
    assert len(read) == 6


def test_a_poll_never_gives_more_than_asked_for(log):
    for partition in range(PARTITIONS):
        append(log, outgoing(partition, 1, 30))
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    total = 0
    while total < 120:
        batch = reader.poll(0.01, 7)
        assert len(batch) <= 7
        total += len(batch)
    reader.close()


def test_a_busy_partition_does_not_starve_the_others(log):
    append(log, outgoing(0, 1, 500), outgoing(1, 1, 5), outgoing(2, 1, 5))
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    early = read_until(reader, 240, records_max=20)
    assert len(early) >= 240
    assert {0, 1, 2} <= {record.partition for record in early}
    reader.close()


def test_a_topic_without_records_reads_as_empty(log):
    reader = log.reader("ingest.nothing", FROM_THE_BEGINNING)
    assert reader.poll(0.02, 10) == []
    assert log.ends("ingest.nothing") == FROM_THE_BEGINNING
    assert log.begins("ingest.nothing") == FROM_THE_BEGINNING
    reader.close()


def test_a_reader_opened_before_the_topic_has_records_waits_for_them(log):
    reader = log.reader(TOPIC, FROM_THE_BEGINNING)
    assert reader.poll(0, 10) == []
    append(log, outgoing(2, 1, 3))
    assert sent(read_until(reader, 3)) == sent(outgoing(2, 1, 3))
    reader.close()


def test_an_empty_append_changes_nothing(log):
    append(log, outgoing(0, 1, 1))
    before = log.ends(TOPIC)
    append(log, [])
    assert log.ends(TOPIC) == before


def test_topics_are_apart(log):
    append(log, outgoing(0, 1, 3))
    append_surely(log.writer("mastery.learner", "mastery"), outgoing(0, 1, 1))
    assert len(read_all(log, {0: 0}, 4)) == 3


@pytest.mark.parametrize("size", [0, 1, 700, 1024 * 1024])
def test_a_value_of_any_size_up_to_a_mebibyte_is_kept_byte_for_byte(log, size):
    value = bytes(number % 256 for number in range(size))
    append(log, [Outgoing(0, 1, "north/é", value), Outgoing(0, 2, "north/é", value)])
    assert [record.value for record in read_all(log, {0: 0}, 2)] == [value, value]


def test_what_was_appended_is_there_for_the_next_process_and_offsets_go_on(broker):
    first = broker.connect()
    append(first, outgoing(0, 1, 3))
    last = read_all(first, {0: 0}, 3)[-1]
    ends = first.ends(TOPIC)
    first.close()
    second = broker.connect()
    assert second.ends(TOPIC) == ends
    append(second, outgoing(0, 4, 2))
    rest = [record for record in read_all(second, {0: last.offset + 1}, 2) if record.seq > 3]
    assert sent(rest) == sent(outgoing(0, 4, 2))
    assert rest[0].offset >= ends[0]
    second.close()


@pytest.mark.parametrize(
    ("key", "of_4", "of_16"),
    [
        ("", 0, 4),
        ("north/catalogue", 1, 13),
        ("north/00000000-0000-4000-8000-000000000001", 2, 14),
        ("north/é", 1, 5),
    ],
)
def test_a_key_belongs_to_the_same_partition_for_ever(key, of_4, of_16):
    assert partition_of(key, 4) == of_4
    assert partition_of(key, 16) == of_16


def test_keys_spread_evenly_over_partitions():
    counts = [0] * 8
    for number in range(8_000):
        counts[partition_of(f"north/{number}", 8)] += 1
    assert 850 < min(counts) <= max(counts) < 1_150
