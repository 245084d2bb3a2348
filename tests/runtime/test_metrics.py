"""What a service says to Prometheus: well formed, true, and never stopped by one thing that cannot be counted."""

import threading
from contextlib import contextmanager

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from services.runtime.app import Service, create_app
from services.runtime.metrics import Metrics, Sizes, counter
from services.runtime.problems import Refusal
from tests.support.exposition import read

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class GateClosed(Refusal):
    """The gate is closed."""

    status = 409


class Porter:
    """A worker with something to do and something to say."""

    name = "porter"

    def __init__(self):
        self.sizes, self.broken = Sizes(), False

    def run(self, stop: threading.Event) -> None: ...

    def pending(self) -> int:
        if self.broken:
            raise OSError("Maria Secret")
        return 3

    def measures(self):
        return [counter("carried", 'Bags "carried".', ["gate"], [(['a"b\\c\nd'], 7)])]


@pytest.fixture
def wrong():
    return {}


@pytest.fixture
def porter():
    return Porter()


@pytest.fixture
def http(wrong, porter):
    router = APIRouter()

    @router.get("/gate/{number}")
    def get_gate(number: int) -> None:
        raise GateClosed if number else KeyError("Maria Secret")

    service = Service("house", create_app("house", [router], ready=lambda: wrong, access=None), [porter])
    return TestClient(service.app, raise_server_exceptions=False)


def asked(http):
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def test_workers_say_what_is_still_to_do_and_what_they_counted(http):
    exposed = asked(http)
    assert exposed.by("wayproof_pending", "worker") == {"porter": 3}
    assert exposed.value("wayproof_carried_total", gate='a"b\\c\nd') == 7
    assert exposed.types["wayproof_carried_total"] == "counter"


def test_readiness_and_what_stands_in_its_way_are_measured(http, wrong):
    assert asked(http).value("wayproof_ready") == 1
    wrong["relay ingest"] = "Maria Secret"
    exposed = asked(http)
    assert (exposed.value("wayproof_ready"), exposed.by("wayproof_wrong", "what")) == (0, {"relay ingest": 1})


def test_refusals_and_faults_are_counted_by_status_and_answers_are_not(http):
    for path in ("/gate/1", "/gate/2", "/gate/0", "/gate/x", "/nowhere", "/health/live"):
        http.get(path)
    http.delete("/gate/1")
    expected = {"400": 1, "404": 1, "405": 1, "409": 2, "500": 1}
    assert asked(http).by("wayproof_problems_total", "status") == expected


def test_sizes_fall_into_the_bucket_that_holds_them(http, porter):
    for size in (1, 2, 3, 500, 5000):
        porter.sizes.observe(size)
    exposed = asked(http)
    buckets = exposed.by("wayproof_commit_size_bucket", "le", worker="porter")
    assert (buckets["1.0"], buckets["2.0"], buckets["5.0"], buckets["500.0"]) == (1, 2, 3, 4)
    assert (buckets["2000.0"], buckets["+Inf"]) == (4, 5)
    assert exposed.value("wayproof_commit_size_sum", worker="porter") == 5506


def test_what_cannot_be_measured_is_counted_and_the_rest_is_said(http, porter):
    assert asked(http).value("wayproof_unmeasured") == 0
    porter.broken = True
    exposed = asked(http)
    assert exposed.value("wayproof_unmeasured") == 1
    assert exposed.by("wayproof_pending", "worker") == {}
    assert exposed.value("wayproof_ready") == 1


def test_the_process_says_how_much_memory_and_time_it_takes(http):
    exposed = asked(http)
    assert 10e6 < exposed.value("process_resident_memory_bytes") < 10e9
    assert exposed.value("process_cpu_seconds_total") > 0


def test_openmetrics_is_spoken_to_who_asks_for_it(http):
    answer = http.get("/metrics", headers={"Accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    "accept", ["text/plain; version=x", "application/openmetrics-text; version=", "*/*", "\u00e9" * 40]
)
def test_an_odd_wish_for_a_format_is_no_fault(http, accept):
    assert http.get("/metrics", headers={"Accept": accept.encode("latin-1")}).status_code == 200


def test_nobody_is_named(http, wrong, porter):
    wrong["relay"], porter.broken = "Maria Secret", True
    http.get("/gate/0")
    http.get("/Maria Secret")
    assert "Maria" not in http.get("/metrics").text


def test_problems_counted_from_many_threads_are_all_counted():
    metrics = Metrics(dict)
    threads = [threading.Thread(target=lambda: [metrics.count_problem(409) for _ in range(5000)]) for _ in range(4)]
    with started(threads):
        pass
    [sample] = [s for family in metrics.collect() if family.name == "wayproof_problems" for s in family.samples]
    assert sample.value == 20_000


@contextmanager
def started(threads):
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()
