"""Records handed to the client as whole batches of their partitions, each with one answer for all it holds.

The client's own `send` makes a future, a size and a few lines of log for every record: three quarters of what appending
costs. What it does with a batch from here on (number it, send it, try again) is the same.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from kafka import TopicPartition
from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from services.runtime.log.kafka.headers import written
from services.runtime.log.port import Outgoing

BATCH_BYTES = 256 * 1024  # a record that is larger is a batch by itself
FORMAT, UNCOMPRESSED = 2, 0


def hand_over(client: Any, topic: str, producer: str, records: Sequence[Outgoing]) -> list[ProducerBatch]:
    """Line up all of it, each partition's in order; what to wait for."""
    client.partitions_for(topic)  # waits until the client knows the topic
    by_partition = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    batches = []
    for partition, some in by_partition.items():
        batches += packed(TopicPartition(topic, partition), producer, some)
    for batch in batches:
        _line_up(client._accumulator, batch)
    client._sender.wakeup()
    return batches


def packed(place: TopicPartition, producer: str, records: Sequence[Outgoing]) -> list[ProducerBatch]:
    """As few batches as hold one partition's records."""
    batches: list[ProducerBatch] = []
    for record in records:
        said = (None, record.key.encode(), record.value, written(producer, record.seq))
        if not batches or batches[-1].records.append(*said) is None:
            batches.append(ProducerBatch(place, MemoryRecordsBuilder(FORMAT, UNCOMPRESSED, BATCH_BYTES)))
            batches[-1].records.append(*said)
    return batches


def await_all(batches: Sequence[ProducerBatch], timeout_s: float) -> None:
    """Returns when every batch is on all replicas in sync; raises a KafkaError when one failed, or in the end."""
    deadline = time.monotonic() + timeout_s
    for batch in batches:
        answer = batch.produce_future
        if not answer.wait(max(0.0, deadline - time.monotonic())):
            raise KafkaTimeoutError(f"not answered within {timeout_s} s")
        _, _, fault_of = answer.value
        if fault_of is not None:
            raise fault_of(0)


def _line_up(accumulator: Any, batch: ProducerBatch) -> None:
    with accumulator._tp_lock(batch.topic_partition):
        if accumulator._closed:
            raise IllegalStateError("the client was closed")
        accumulator._batches[batch.topic_partition].append(batch)
        accumulator._incomplete.add(batch)
