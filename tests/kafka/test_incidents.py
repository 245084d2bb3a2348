"""The incidents of a log, on real Kafka: what heals by itself, what is named, and that republishing heals it."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import UUID

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from services.runtime.log.kafka import KafkaLog
from services.runtime.log.kafka.topics import Shape
from services.runtime.log.port import LogUnavailable
from services.runtime.relay import Relay
from services.runtime.republish import republish
from services.runtime.store.outbox import OUTBOX_SCHEMA, OutboxMessage, put
from services.runtime.store.sqlite import SqliteDatabase
from tests.conformance.logs import PARTITIONS, PRODUCER, TOPIC
from tests.kafka.own import asked_ahead, consumer, in_order, opened
from tests.runtime.consuming import Store
from tests.servers import Broker
from tests.support.processes import wait_for

KEYS = ("north/3", "north/8", "north/0", "north/1")  # one for each partition, in order
EACH = 40
WITHIN_S = 60.0
SHAPE = Shape(PARTITIONS, replicas=1, retention_days=7)


class Town:
    """A producing service with its outbox and relay, and a consumer with its store, on one log."""

    def __init__(self, log: KafkaLog, folder: Path) -> None:
        self.log = log
        self.database = SqliteDatabase(folder / "service.db", [OUTBOX_SCHEMA])
        self.relay, self.store = Relay(self.database, log, PRODUCER, "one", store_interval_s=0), Store()
        self.consumer = consumer(log, self.store, known_to_interval_s=0.5)

    def close(self) -> None:
        self.consumer.close()
        self.database.close()

    def say(self, each: int) -> None:
        """So many more messages in every partition, sent."""
        messages = [OutboxMessage(TOPIC, key, UUID(int=n), b"%d" % n) for n in range(each) for key in KEYS]
        with self.database.write() as cursor:
            put(cursor, PARTITIONS, messages)
        self.send()

    def say_unread(self, each: int) -> None:
        """So many more, none of which the consumer gets before it works again: its client asks ahead."""
        wait_for(lambda: not asked_ahead(self.consumer), WITHIN_S, "nothing is asked for")
        self.say(each)

    def send(self) -> None:
        """All that waits."""

        def sent() -> bool:
            with suppress(LogUnavailable):
                self.relay.step()
            return self.relay.pending() == 0

        wait_for(sent, WITHIN_S, "everything was sent")

    def read(self, count: int) -> None:
        """The consumer has handled so many in every partition, once each and in order."""
        self.until(lambda: self.store.handled_count() >= PARTITIONS * count, "all was read")
        assert in_order(self.store, count)

    def until(self, done: Callable[[], object], what: str) -> None:
        """The consumer works until it is so."""
        wait_for(lambda: self.consumer.step(0.05) is not None and done(), WITHIN_S, what)

    def heal(self, count: int) -> None:
        """What an operator does who reads what is wrong, partition by partition, until so many are read in each."""
        told: list[object] = []

        def healed() -> bool:
            incident = self.consumer.incident
            if incident is not None and incident not in told:
                told.append(incident)
                republish(self.database, incident.topic, incident.partition, incident.expected_seq)
                self.send()
            return self.store.handled_count() >= PARTITIONS * count

        self.until(healed, "all is healed")
        assert in_order(self.store, count)
        self.until(lambda: self.consumer.ready() == {}, "all is well")


@pytest.fixture
def town(log: KafkaLog, tmp_path: Path) -> Iterator[Town]:
    """Forty messages a partition are on the log and have been read."""
    with closing(Town(log, tmp_path)) as town:
        town.say(EACH)
        town.read(EACH)
        yield town


def made_anew(town: Town, kafka: Broker) -> None:
    """Somebody deletes the topic and makes it again."""
    name = town.log.topics.name(TOPIC)
    town.log.topics.delete(TOPIC)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        wait_for(lambda: name not in admin.list_topics(), WITHIN_S, "the topic is gone")
    town.log.topics.create(TOPIC, SHAPE)


def truncated(town: Town, kafka: Broker) -> None:
    """Somebody deletes all records, and leaves the topic."""
    town.log.delete_before(TOPIC, town.log.ends(TOPIC))


def retention_passed(town: Town, kafka: Broker) -> None:
    """The brokers delete what is older than the topic's retention."""
    name = town.log.topics.name(TOPIC)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        for retention_ms in ("100", SHAPE.configuration()["retention.ms"]):
            said = ConfigResource(ConfigResourceType.TOPIC, name, configs={"retention.ms": retention_ms})
            admin.alter_configs([said])
            wait_for(lambda: town.log.begins(TOPIC) == town.log.ends(TOPIC), WITHIN_S, "nothing is left")
            wait_for(lambda ms=retention_ms: kept_ms(town) == ms, WITHIN_S, "the broker keeps for as long")


def kept_ms(town: Town) -> str:
    """The retention the broker goes by."""
    return town.log.topics.configuration(TOPIC)["retention.ms"]


LOSSES = [made_anew, truncated, retention_passed]


@pytest.mark.parametrize("since", [5, 2 * EACH + 5], ids=["a few", "grown past the position"])
@pytest.mark.parametrize("lose", LOSSES)
def test_what_was_lost_before_it_was_read_is_an_incident_that_republishing_heals(town, kafka, lose, since):
    town.say_unread(EACH)
    lose(town, kafka)
    town.say(since)
    town.until(lambda: town.consumer.incident is not None, "the loss is noticed")
    assert town.consumer.incident.expected_seq == EACH + 1
    assert "republish from 41" in str(town.consumer.ready())
    assert in_order(town.store, EACH), "nothing after the gap was taken"
    town.heal(2 * EACH + since)


@pytest.mark.parametrize("lose", LOSSES)
def test_what_was_lost_after_it_was_read_is_no_incident(town, kafka, lose):
    lose(town, kafka)
    town.say(5)
    town.read(EACH + 5)
    assert town.consumer.incident is None


def test_a_topic_made_anew_and_filled_again_from_the_first_is_read_on_without_repeats(town, kafka):
    town.say(EACH)
    made_anew(town, kafka)
    for partition in range(PARTITIONS):
        republish(town.database, TOPIC, partition, 1)
    town.send()
    town.read(2 * EACH)
    town.say(5)
    town.read(2 * EACH + 5)
    assert town.consumer.incident is None


@pytest.mark.servers
def test_a_broker_that_forgot_everything_is_filled_again(tmp_path):
    with Broker() as broker, opened(broker.start().bootstrap) as log, closing(Town(log, tmp_path)) as town:
        town.say(EACH)
        town.read(EACH)
        town.say_unread(EACH)
        broker.forget()
        town.until(lambda: "TopicMissing" in str(town.consumer.ready()), "it is said that the topic is missing")
        log.topics.create(TOPIC, SHAPE)
        town.say(5)
        town.until(lambda: town.consumer.incident is not None, "the loss is noticed")
        town.heal(2 * EACH + 5)
