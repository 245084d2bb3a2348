"""What one append hands to the client: every record once, in order, in few batches, each answered for as a whole."""

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, NotEnoughReplicasError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecords

from services.runtime.log.kafka import headers
from services.runtime.log.kafka.batches import BATCH_BYTES, await_all, packed
from services.runtime.log.port import Outgoing

PLACE = TopicPartition("topic", 3)


def read(batch: ProducerBatch) -> list[Outgoing]:
    """What a consumer finds in it."""
    batch.records.close()
    found = []
    for each in MemoryRecords(bytes(batch.records.buffer())):
        assert each.validate_crc()
        for record in each:
            said = headers.read(3, record.offset, record.key, record.value, record.headers)
            assert (said.producer, said.offset) == ("ingest", len(found))
            found.append(Outgoing(said.partition, said.seq, said.key, said.value))
    return found


def outgoing(sizes: list[int]) -> list[Outgoing]:
    return [Outgoing(3, seq, f"maple/ä-{seq}", bytes([seq % 251]) * size) for seq, size in enumerate(sizes, 1)]


def test_records_are_packed_in_order_and_a_batch_takes_as_many_as_it_may_hold():
    records = outgoing([1000] * 700)
    batches = packed(PLACE, "ingest", records)
    assert [record for batch in batches for record in read(batch)] == records
    assert len(batches) == 3
    assert all(batch.records.size_in_bytes() <= BATCH_BYTES for batch in batches)


def test_a_record_larger_than_a_batch_is_a_batch_by_itself():
    records = outgoing([10, BATCH_BYTES + 1, 10])
    assert [read(batch) for batch in packed(PLACE, "ingest", records)] == [[each] for each in records]


def test_one_batch_that_failed_fails_all_of_it():
    good, bad = (packed(PLACE, "ingest", outgoing([10]))[0] for _ in range(2))
    good.complete(0, -1)
    await_all([good], 1)
    refusal = NotEnoughReplicasError()
    bad.complete_exceptionally(refusal, lambda _: refusal)
    with pytest.raises(NotEnoughReplicasError):
        await_all([good, bad], 1)


def test_a_batch_nobody_answers_for_is_not_waited_for_longer_than_said():
    with pytest.raises(KafkaTimeoutError):
        await_all(packed(PLACE, "ingest", outgoing([10])), 0.01)
