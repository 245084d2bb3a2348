"""Who merely looks how far a log is does not wait for one that is away, and is never told a figure it did not give."""

import threading
from collections import Counter

import pytest
from fastapi.testclient import TestClient

from services.runtime.app import Service, create_app
from services.runtime.log.glance import Glance
from services.runtime.log.port import LogUnavailable
from tests.support.exposition import read
from tests.support.processes import wait_for

LIMIT_S = 30.0  # of a wait that ends by itself


class Brokers:
    """Asked how far a topic is: they answer, refuse, or stand still until they are let go on."""

    def __init__(self) -> None:
        self.goes_on, self.refuses, self.asked = threading.Event(), False, Counter()
        self.goes_on.set()

    def ends(self, topic: str) -> dict[int, int]:
        self.asked[topic] += 1
        assert self.goes_on.wait(LIMIT_S)
        if self.refuses:
            raise LogUnavailable("nobody listens")
        return {0: 7}


class Reader:
    """A worker that counts by the log, and one that does not need it."""

    def __init__(self, name: str, glance: Glance | None = None) -> None:
        self.name, self._glance = name, glance

    def run(self, stop: threading.Event) -> None: ...

    def pending(self) -> int:
        return self._glance.ends(self.name)[0] if self._glance else 3


@pytest.fixture
def brokers():
    brokers = Brokers()
    yield brokers
    brokers.goes_on.set()


def look(brokers: Brokers, wait_s: float = 0.05) -> Glance:
    return Glance(brokers.ends, wait_s)


def test_an_answer_is_given_and_asked_for_anew_each_time(brokers):
    glance = look(brokers, LIMIT_S)
    assert [glance.ends("a"), glance.ends("a")] == [{0: 7}] * 2
    assert (brokers.asked["a"], glance.answered) == (2, True)


def test_nobody_waits_for_brokers_that_stand_still_and_they_are_asked_once(brokers):
    brokers.goes_on.clear()
    glance = look(brokers)
    for topic in ("a", "a", "b", "a"):
        with pytest.raises(LogUnavailable):
            glance.ends(topic)
    assert not glance.answered
    assert brokers.asked == {"a": 1}, "b is not even asked about: it would stand still as well"
    brokers.goes_on.set()
    wait_for(lambda: glance.answered, LIMIT_S, "the question is answered")
    assert look(brokers, LIMIT_S).ends("b") == {0: 7}


def test_a_refusal_is_passed_on_and_the_next_look_asks_again(brokers):
    brokers.refuses = True
    glance = look(brokers, LIMIT_S)
    with pytest.raises(LogUnavailable, match="nobody listens"):
        glance.ends("a")
    assert not glance.answered
    brokers.refuses = False
    assert glance.ends("a") == {0: 7}
    assert glance.answered


def test_progress_is_null_and_the_lag_left_out_while_the_log_is_away_and_the_rest_is_said(brokers):
    brokers.goes_on.clear()
    workers = [Reader("consumer a", look(brokers)), Reader("relay a")]
    http = TestClient(Service("house", create_app("house", [], ready=dict, access=None), workers).app)
    answer = http.get("/health/progress")
    assert (answer.status_code, answer.json()) == (200, {"consumer a": None, "relay a": 3})
    exposed = read(http.get("/metrics").text)
    assert exposed.by("wayproof_pending", "worker") == {"relay a": 3}
    assert exposed.value("wayproof_unmeasured") == 0, "it is known why"
