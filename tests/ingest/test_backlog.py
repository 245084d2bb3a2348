"""Beyond a limit of bytes that wait for the log nothing more is taken, at any door; below it everything is."""

import threading

import pytest

from services.ingest.use_cases.backlog import Backlog
from services.ingest.use_cases.group_commit import LogBehind
from tests.ingest.house import FORM_MAPPING, House, form

LIMIT = 4_000


@pytest.fixture
def house(tmp_path):
    """Without a relay: whatever is taken waits."""
    made = House(tmp_path, settings={"backlog_bytes_max": LIMIT}, start=False)
    made.stop = threading.Event()
    working = [
        worker for worker in made.service.workers if worker.name in {"group commit", "consumer mastery.catalogue"}
    ]
    made.threads = [threading.Thread(target=worker.run, args=[made.stop], daemon=True) for worker in working]
    for thread in made.threads:
        thread.start()
    made.publish_catalogue()
    yield made
    made.close()


def backlog_of(house: House) -> Backlog:
    (found,) = (worker for worker in house.service.workers if isinstance(worker, Backlog))
    return found


def relay(house: House) -> None:
    (found,) = (worker for worker in house.service.workers if worker.name == "relay ingest")
    while found.step():  # type: ignore[attr-defined]
        continue


def test_what_waits_is_refused_beyond_the_limit_and_taken_again_once_it_is_on_the_log(house):
    source = house.source("employer", FORM_MAPPING)
    secret = house.secret(source)
    house.learner("100")
    backlog, number = backlog_of(house), 0
    while True:
        backlog.look()
        if backlog.bytes > LIMIT:
            break
        number += 1
        assert house.webhook(source, secret, f"msg-{number}", form(f"r-{number}", TEAM="3")).status_code == 202
    waiting = house.log.ends("ingest.learner")
    assert number >= 2
    assert "backlog" in house.service.ready()

    refused = house.webhook(source, secret, "msg-late", form("r-late", TEAM="3"))
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("/log-behind")
    assert int(refused.headers["Retry-After"]) >= 1
    again = house.webhook(source, secret, "msg-1", form("r-1", TEAM="3"))
    assert again.status_code == 503, "also what was taken before: it is asked for again later"
    assert house.count("receipt") >= number

    relay(house)
    backlog.look()
    assert sum(house.log.ends("ingest.learner").values()) > sum(waiting.values())
    assert backlog.bytes == 0
    assert "backlog" not in house.service.ready()
    assert house.webhook(source, secret, "msg-late", form("r-late", TEAM="3")).status_code == 202


def test_the_bytes_are_those_of_the_outbox_that_no_relay_has_sent(house):
    house.learner("100")
    backlog = backlog_of(house)
    backlog.look()
    with house.parts.database.read() as cursor:
        assert backlog.bytes == cursor.execute("SELECT sum(length(value)) FROM outbox").fetchone()[0] > 0


def test_whoever_asks_before_reading_a_body_is_told_by_the_last_look(house):
    backlog_of(house).bytes = LIMIT + 1
    with pytest.raises(LogBehind):
        house.parts.commits.check()
    backlog_of(house).look()
    house.parts.commits.check()
