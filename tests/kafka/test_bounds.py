"""What somebody else may put on a topic: bombs, other compressions, records without our headers, transactions."""

import subprocess
import sys
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from services.runtime.log.kafka import Connection, KafkaLog, headers
from services.runtime.log.kafka.bounds import BATCH_BYTES_MAX, BoundedBatch
from tests.conformance.logs import PRODUCER, TOPIC, outgoing, read_all, sent
from tests.support.paths import ROOT
from tests.support.processes import wait_for

BOMB_BYTES = 8 * BATCH_BYTES_MAX
BOUND_KIB = 160 * 1024  # what a reader of a bomb may need on top of one that reads nothing

READ = """
import resource, sys
from contextlib import closing
from services.runtime.log.kafka import Connection, KafkaLog
from tests.conformance.logs import TOPIC, read_until
with closing(KafkaLog(Connection((sys.argv[1],)), 1, prefix=sys.argv[2])) as log:
    reader = log.reader(TOPIC, {0: 0})
    reader.poll(0, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = read_until(reader, 2)
    reader.close()
    left_out = [sample.value for metric in log.measures() for sample in metric.samples if "left_out" in sample.name]
    print([record.seq for record in found], int(left_out[0]))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture
def careless(kafka):
    """A topic nobody made by `wayproof topics`: it keeps whatever compression a batch comes in."""
    prefix = f"t{uuid4().hex[:12]}."
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        configs = {"compression.type": "producer", "max.message.bytes": str(2**24)}
        wanted = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
        admin.create_topics({prefix + TOPIC: wanted}, wait_for_metadata=True)
        yield prefix
        admin.delete_topics([prefix + TOPIC])


def throw_bomb(bootstrap: str, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type="gzip", max_request_size=2 * BOMB_BYTES)
    try:
        producer.send(topic, value=bytes(BOMB_BYTES), partition=0).get(60)
    finally:
        producer.close(timeout=5)


def test_a_bomb_is_left_out_before_it_fills_the_memory_and_what_lies_around_it_is_read(kafka, careless):
    log = KafkaLog(Connection((kafka.bootstrap,)), 1, prefix=careless)
    writer = log.writer(TOPIC, PRODUCER)
    writer.append(outgoing(0, 1, 1))
    throw_bomb(kafka.bootstrap, careless + TOPIC)
    writer.append(outgoing(0, 2, 1))
    log.close()
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, kafka.bootstrap, careless],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    read, grown_kib = said.stdout.splitlines()
    assert read == "[1, 2] 1"
    assert int(grown_kib) < BOUND_KIB < BOMB_BYTES // 1024


def test_a_bomb_is_refused_by_a_topic_that_was_made_for_us(kafka, log):
    with pytest.raises(KafkaError):
        throw_bomb(kafka.bootstrap, log.topics.name(TOPIC))
    assert log.ends(TOPIC)[0] == 0


def test_a_modest_batch_by_gzip_is_read_like_any_other(kafka, careless):
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, compression_type="gzip") as producer:
        for number in range(100):
            producer.send(careless + TOPIC, value=b"%d" % number, partition=0)
    log = KafkaLog(Connection((kafka.bootstrap,)), 1, prefix=careless)
    left_out = BoundedBatch.left_out
    reader = log.reader(TOPIC, {0: 0})
    found = []
    while len(found) < 100:
        found += reader.poll(1.0, 1000)
    assert [record.value for record in found] == [b"%d" % number for number in range(100)]
    assert {(record.producer, record.seq) for record in found} == {("", 0)}
    assert BoundedBatch.left_out == left_out
    reader.close()
    log.close()


@pytest.mark.parametrize(
    "said",
    [
        [],
        [("wayproof-producer", b"ingest")],
        [("wayproof-producer", b"ingest"), ("wayproof-seq", b"-1")],
        [("wayproof-producer", b"ingest"), ("wayproof-seq", b"9" * 400)],
        [("wayproof-producer", b"\xff\xfe"), ("wayproof-seq", b"1")],
        [("", b""), ("wayproof-seq", b"1")],
    ],
)
def test_a_record_of_somebody_else_is_given_as_nobodys_and_stops_nothing(kafka, log, said):
    with KafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        producer.send(log.topics.name(TOPIC), value=None, key=b"\xff", headers=said, partition=0).get(10)
    log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 1))
    stranger, ours = read_all_raw(log, 2)
    assert stranger.producer != PRODUCER
    assert stranger.value == b""
    assert sent([ours]) == sent(outgoing(0, 1, 1))


def test_a_header_may_have_no_value():
    found = headers.read(3, 7, None, None, [("wayproof-producer", None), ("wayproof-seq", None)])
    assert (found.partition, found.offset, found.producer, found.seq, found.key, found.value) == (3, 7, "", 0, "", b"")


def test_what_a_transaction_took_back_is_never_read_and_its_markers_are_passed(kafka, log):
    name, writer = log.topics.name(TOPIC), log.writer(TOPIC, PRODUCER)
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"t{uuid4()}") as producer:
        producer.init_transactions()
        for first, outcome in ((1, producer.commit_transaction), (2, producer.abort_transaction)):
            producer.begin_transaction()
            producer.send(name, value=b"theirs %d" % first, partition=0).get(10)
            outcome()
            writer.append(outgoing(0, first, 1))
    found = read_all_raw(log, 3)
    assert [record.value[:8] for record in found] == [b"theirs 1", b"0/1.....", b"0/2....."]
    wait_for(lambda: log.ends(TOPIC)[0] == 6, 10, "three records, one taken back, two markers")
    assert sent(read_all(log, {0: 3}, 1)) == sent(outgoing(0, 2, 1))


def test_a_reader_stands_at_the_end_although_a_marker_is_the_last(kafka, log):
    with KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"t{uuid4()}") as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(log.topics.name(TOPIC), value=b"theirs", partition=0).get(10)
        producer.commit_transaction()
    reader = log.reader(TOPIC, {0: 0})
    for _ in range(20):
        reader.poll(0.1, 10)
    assert reader.position(0) == log.ends(TOPIC)[0] == 2
    reader.close()


def read_all_raw(log, count):
    reader, found = log.reader(TOPIC, {0: 0}), []
    for _ in range(100):
        if len(found) >= count:
            break
        found += reader.poll(0.1, 10)
    reader.close()
    return found
