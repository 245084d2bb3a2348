"""`wayproof topics` makes what is missing as it must be, changes nothing that is there, and names what differs."""

import json
from collections import Counter
from contextlib import closing
from uuid import uuid4

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError

from contracts.events import TOPICS
from services.cli.dispatch import main
from services.runtime.log.kafka import Connection, KafkaLog
from services.runtime.log.kafka.topics import TopicMissing, Topics
from services.runtime.log.port import TopicRefused
from tests.conformance.logs import PRODUCER, TOPIC, outgoing


@pytest.fixture
def prefix(kafka):
    name = f"c{uuid4().hex[:8]}."
    yield name
    with closing(Topics(Connection((kafka.bootstrap,)), name)) as known:
        for topic in TOPICS:
            try:
                known.delete(topic)
            except Exception:  # a test that made none
                continue


@pytest.fixture
def wayproof(kafka, prefix):
    told = {"WAYPROOF_LOG_URL": f"kafka://{kafka.bootstrap}", "WAYPROOF_LOG_TOPIC_PREFIX": prefix}
    return lambda *words, **more: CliRunner().invoke(main, words, env=told | more)


def test_what_is_missing_is_made_and_found_as_it_must_be_the_next_time(wayproof, prefix):
    made = wayproof("topics", "--replicas", "1")
    assert (made.exit_code, made.output.splitlines()) == (0, [f"{prefix}{topic}: made" for topic in TOPICS])
    again = wayproof("topics", "--replicas", "1", "--json")
    assert again.exit_code == 0
    assert json.loads(again.output) == {f"{prefix}{topic}": {"state": "is there", "differs": []} for topic in TOPICS}


def test_looking_makes_nothing_and_says_what_is_missing(wayproof, kafka, prefix):
    looked = wayproof("topics", "--check", "--replicas", "1")
    assert looked.exit_code == 1
    assert f"{prefix}ingest.learner: is missing" in looked.output
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        assert not [name for name in admin.list_topics() if name.startswith(prefix)]


def test_what_differs_is_named_and_left_as_it_is(wayproof, kafka, prefix):
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        configs = {"cleanup.policy": "compact", "compression.type": "gzip"}
        wanted = {"num_partitions": 3, "replication_factor": 1, "configs": configs}
        admin.create_topics({f"{prefix}ingest.learner": wanted}, wait_for_metadata=True)
    said = wayproof("topics", "--replicas", "1", "--json")
    assert said.exit_code == 1
    differs = json.loads(said.output)[f"{prefix}ingest.learner"]["differs"]
    assert "partitions: 3, wanted 4 (they cannot change: take another prefix)" in differs
    assert "cleanup.policy: compact, wanted delete" in differs
    assert "compression.type: gzip, wanted uncompressed" in differs
    with closing(Topics(Connection((kafka.bootstrap,)), prefix)) as known:
        assert known.partitions("ingest.learner") == 3


def test_more_copies_or_another_retention_than_there_is_are_differences(wayproof):
    assert wayproof("topics", "--replicas", "1").exit_code == 0
    said = wayproof("topics", "--replicas", "3", "--retention-days", "30")
    assert said.exit_code == 1
    assert "differs in replicas: 1, wanted 3" in said.output
    assert "differs in retention.ms: 604800000, wanted 2592000000" in said.output


class NeverHeardOfIt:
    """The one broker of several that has not heard of a topic just made, as its client tells it."""

    def open(self, client):
        return self

    def describe_topics(self, topics):
        return [{"error_code": UnknownTopicOrPartitionError.errno, "name": topics[0], "partitions": []}]


@pytest.mark.parametrize("question", ["partitions", "replicas"])
def test_a_broker_that_has_not_heard_of_a_new_topic_yet_calls_it_missing(question):
    with pytest.raises(TopicMissing, match=r"ingest\.learner does not exist"):
        getattr(Topics(NeverHeardOfIt()), question)("ingest.learner")


def test_with_the_embedded_log_there_is_nothing_to_make(wayproof):
    said = wayproof("topics", WAYPROOF_LOG_URL="embedded")
    assert (said.exit_code, said.output) == (0, "the log is embedded: it makes its topics itself\n")


def test_brokers_that_do_not_answer_are_a_refusal_in_one_line(wayproof):
    said = wayproof("topics", WAYPROOF_LOG_URL="kafka://127.0.0.1:1")
    assert said.exit_code == 1
    assert said.output.startswith("Error: the brokers cannot be asked")
    assert len(said.output.splitlines()) == 1


def test_a_topic_with_another_number_of_partitions_is_refused_for_writing_and_reading(kafka, log):
    other = KafkaLog(Connection((kafka.bootstrap,)), log.partitions + 1, prefix=log.topics.name(""))
    with closing(other):
        with pytest.raises(TopicRefused, match="has 4 partitions, the settings say 5"):
            other.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 1))
        with pytest.raises(TopicRefused):
            other.reader(TOPIC, {0: 0})
    assert log.ends(TOPIC)[0] == 0


def test_a_topic_that_is_not_there_is_missing_and_is_not_made_by_asking(kafka, log):
    for ask in (
        lambda: log.writer("ingest.nothing", PRODUCER).append(outgoing(0, 1, 1)),
        lambda: log.reader("ingest.nothing", {0: 0}),
        lambda: log.topics.partitions("ingest.nothing"),
        lambda: log.begins("ingest.nothing"),
        lambda: log.ends("ingest.nothing"),
    ):
        with pytest.raises(TopicMissing, match="wayproof topics"):
            ask()
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        assert log.topics.name("ingest.nothing") not in admin.list_topics()


def test_a_topic_just_made_that_not_every_broker_knows_yet_is_waited_for(wayproof, monkeypatch):
    """As with three brokers, where the next to be asked may be another than the one that made it."""
    partitions, asked = Topics.partitions, Counter()

    def late(known, topic):
        asked[topic] += 1
        if 1 < asked[topic] < 4:
            raise TopicMissing(topic)
        return partitions(known, topic)

    monkeypatch.setattr(Topics, "partitions", late)
    said = wayproof("topics", "--replicas", "1")
    assert said.exit_code == 0, said.output
    assert set(asked) == set(TOPICS)
    assert all(count >= 4 for count in asked.values())
