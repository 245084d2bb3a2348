"""A broker that is killed under load, one that is gone for a while, and one of three that dies."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from services.runtime.app import Service, create_app
from services.runtime.log.port import LogUnavailable
from tests.conformance.logs import PARTITIONS, PRODUCER, TOPIC, outgoing
from tests.kafka.own import Sender, consumer, in_order, opened
from tests.runtime.consuming import Store
from tests.servers import Broker
from tests.servers.cluster import Cluster
from tests.support.exposition import Exposed, read
from tests.support.processes import wait_for

pytestmark = pytest.mark.servers
KILLS = 3
RECOVERS_S = 60.0


@contextmanager
def flowing(log) -> Iterator[tuple[Sender, Store]]:
    """A sender and a consumer at work, each in a thread; the sender ends with the block, the consumer caught up."""
    sender, store = Sender(log), Store()
    stop, stop_reading = threading.Event(), threading.Event()
    reading = consumer(log, store)
    threads = [
        threading.Thread(target=lambda: [sender.step() for _ in iter(stop.is_set, True)]),
        threading.Thread(target=reading.run, args=[stop_reading]),
    ]
    for thread in threads:
        thread.start()
    try:
        yield sender, store
    finally:
        stop.set()
        threads[0].join(RECOVERS_S)
        try:
            wait_for(lambda: store.handled_count() >= PARTITIONS * sender.acknowledged, RECOVERS_S, "all was read")
        finally:
            stop_reading.set()
            threads[1].join(RECOVERS_S)
    assert reading.incident is None


def test_a_broker_killed_under_load_loses_nothing_and_nothing_is_handled_twice_or_out_of_order():
    with Broker() as broker, opened(broker.start().bootstrap) as log, flowing(log) as (sender, store):
        for _ in range(KILLS):
            before = sender.acknowledged
            wait_for(lambda at=before: sender.acknowledged > at + 500, RECOVERS_S, "records flow")
            broker.kill()
            assert sender.acknowledged > before
            broker.start()
        before = sender.acknowledged
        wait_for(lambda: sender.acknowledged > before + 500, RECOVERS_S, "records flow after the last kill")
    assert in_order(store, sender.acknowledged)


def test_while_the_broker_is_gone_the_log_says_so_and_afterwards_everything_goes_on():
    with Broker() as broker, opened(broker.start().bootstrap) as log:
        store = Store()
        reading, writer = consumer(log, store, known_to_interval_s=0.1), log.writer(TOPIC, PRODUCER)
        writer.append(outgoing(0, 1, 5))
        wait_for(lambda: reading.step(0.1) or store.handled[0], RECOVERS_S, "the first were read")
        threads = threading.active_count()
        broker.kill()
        for _ in range(3):
            with pytest.raises(LogUnavailable):
                writer.append(outgoing(0, 6, 5))
        reading.step(0.1)
        assert "LogUnavailable" in reading.ready()[f"consumer {TOPIC}"]
        with pytest.raises(LogUnavailable):
            log.ends(TOPIC)
        assert threading.active_count() <= threads + 1, "clients that never got an answer leave no thread behind"
        broker.start()
        writer.append(outgoing(0, 6, 5))
        wait_for(lambda: reading.step(0.1) or len(store.handled[0]) == 10, RECOVERS_S, "all was read")
        assert store.handled[0] == list(range(1, 11))
        wait_for(lambda: reading.step(0.1) or not reading.ready(), RECOVERS_S, "all is well again")
        reading.close()


def test_while_the_broker_stands_still_the_log_is_said_to_be_down_and_no_lag_is_made_up():
    with Broker() as broker, opened(broker.start().bootstrap) as log:
        reading = consumer(log, Store())
        service = Service("house", create_app("house", [], ready=reading.ready, access=None), [reading])
        service.app.state.metrics.watch([reading], log.measures)
        http = TestClient(service.app)

        def exposed() -> Exposed:
            return read(http.get("/metrics").text)

        log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 5))
        wait_for(lambda: http.get("/health/progress").json() == {reading.name: 5}, RECOVERS_S, "it is known")
        wait_for(lambda: exposed().value("wayproof_log_up") == 1, RECOVERS_S, "the log is said to be up")
        broker.stand_still()
        for _ in range(3):
            answer = http.get("/health/progress")
            assert (answer.status_code, answer.json()) == (200, {reading.name: None})
            said = exposed()
            assert said.by("wayproof_pending", "worker") == {}
            assert said.value("wayproof_log_up") == 0
        broker.signal(signal.SIGCONT)
        wait_for(lambda: http.get("/health/progress").json() == {reading.name: 5}, RECOVERS_S, "it is known again")
        wait_for(lambda: exposed().by("wayproof_pending", "worker") == {reading.name: 5}, RECOVERS_S, "measured again")
        wait_for(lambda: exposed().value("wayproof_log_up") == 1, RECOVERS_S, "the log is said to be up again")
        reading.close()


def test_an_append_that_may_or_may_not_have_happened_is_repeated_and_handled_once():
    with Broker() as broker, opened(broker.start().bootstrap) as log:
        store, writer = Store(), log.writer(TOPIC, PRODUCER)
        reading = consumer(log, store)
        writer.append(outgoing(0, 1, 5))
        writer.append(outgoing(0, 1, 5))
        writer.append(outgoing(0, 4, 5))
        wait_for(lambda: reading.step(0.1) or len(store.handled[0]) >= 8, RECOVERS_S, "all was read")
        reading.step(0.5)
        assert store.handled[0] == list(range(1, 9))
        reading.close()


def test_one_of_three_brokers_dies_and_the_flow_goes_on():
    with (
        Cluster() as cluster,
        opened(cluster.start().bootstrap, replicas=3) as log,
        flowing(log) as (sender, store),
    ):
        wait_for(lambda: sender.acknowledged > 200, RECOVERS_S, "records flow with all three")
        cluster.brokers[1].kill()  # it leads some of the partitions, and the controllers perhaps
        during, began = sender.acknowledged, time.monotonic()
        wait_for(lambda: sender.acknowledged > during + 200, RECOVERS_S, "records flow with two of three")
        print(f"200 more in each partition {time.monotonic() - began:.1f} s after the kill")
    assert in_order(store, sender.acknowledged)
