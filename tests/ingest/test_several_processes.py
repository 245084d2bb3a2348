"""Several ingest processes on one PostgreSQL: whoever of them is asked, each message and record counts once."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRevisedV1
from services.ingest.storage.schema import MIGRATIONS, SEEN_WITH
from services.runtime.log.memory import MemoryLog
from services.runtime.store.postgres_schema import migrate
from tests.ingest.house import FORM_MAPPING, House, form

THREADS = 8
ALSO_IN_THE_SECOND = {"group commit", "consumer mastery.catalogue"}  # the rest is leased to one process


@pytest.fixture
def houses(postgres, tmp_path: Path) -> Iterator[list[House]]:
    """Two processes of the service: the same keys, access register, log and database."""
    url, log = postgres.fresh(), MemoryLog(4)
    migrate(url, "ingest", MIGRATIONS, SEEN_WITH)
    first = House(tmp_path, log=log, settings={"store_url": url})
    second = House(tmp_path, log=log, settings={"store_url": url}, start=False)
    second.tokens = first.tokens
    second.threads = [
        threading.Thread(target=worker.run, args=[second.stop], daemon=True)
        for worker in second.service.workers
        if worker.name in ALSO_IN_THE_SECOND
    ]
    assert len(second.threads) == len(ALSO_IN_THE_SECOND)
    for thread in second.threads:
        thread.start()
    first.publish_catalogue()
    yield [first, second]
    for house in (second, first):
        house.close()


def sent_by_all(houses: list[House], source: str, secret: str, messages: list[tuple[str, Any]]) -> list[Any]:
    """Every thread sends every message, in an order of its own, to either process."""

    def send(number: int) -> list[Any]:
        mine = messages.copy()
        Random(number).shuffle(mine)
        return [houses[number % 2].webhook(source, secret, name, body) for name, body in mine]

    with ThreadPoolExecutor(THREADS) as threads:
        return [answer for answers in threads.map(send, range(THREADS)) for answer in answers]


def numbered(house: House) -> dict[int, list[int]]:
    """The seqs of the outbox by partition."""
    found: dict[int, list[int]] = {}
    with house.parts.database.read() as cursor:
        for part, seq in cursor.execute("SELECT part, seq FROM outbox ORDER BY part, seq").fetchall():
            found.setdefault(part, []).append(seq)
    return found


def test_the_same_messages_to_both_at_once_are_accepted_once_and_repeated_else(houses):
    source = houses[0].source("employer", FORM_MAPPING)
    secret = houses[0].secret(source)
    for number in range(10):
        houses[0].learner(str(number))
    messages = [(f"msg-{n}", form(f"r-{n}", str(n % 10), TEAM="3")) for n in range(30)]

    answers = sent_by_all(houses, source, secret, messages)

    assert Counter(answer.status_code for answer in answers) == {202: 30, 200: 30 * (THREADS - 1)}
    assert len({answer.json()["receipt"] for answer in answers}) == 30
    assert houses[1].tally(source) == {"accepted": 30, "duplicate": 30 * (THREADS - 1)}
    assert len(houses[0].published(EvidenceAcceptedV1)) == 30
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in numbered(houses[0]).values())


def test_versions_of_a_record_sent_to_both_at_once_leave_the_last_to_arrive_in_force(houses):
    source = houses[0].source("employer", FORM_MAPPING)
    secret = houses[0].secret(source)
    houses[0].learner("100")
    messages = [(f"msg-{n}", form("r-1", "100", TEAM=str(1 + n % 4))) for n in range(24)]

    answers = sent_by_all(houses, source, secret, messages)

    assert {answer.status_code for answer in answers} <= {200, 202}
    said = [event for _, event in houses[0].published(EvidenceAcceptedV1, EvidenceRevisedV1)]
    assert isinstance(said[0], EvidenceAcceptedV1)
    assert all(isinstance(event, EvidenceRevisedV1) for event in said[1:])
    levels = [event.content.rating.level for event in said]
    assert all(earlier != later for earlier, later in itertools.pairwise(levels))
    tally = houses[1].tally(source)
    assert sum(tally.values()) == len(answers)
    assert tally["accepted"] == len(said)


def test_a_learner_linked_in_one_process_is_nobodys_wait_in_the_other(houses):
    """Parked here while it is linked there: never both, so that nothing waits for ever."""
    source = houses[0].source("employer", FORM_MAPPING)
    secret = houses[0].secret(source)

    def link(number: int) -> None:
        houses[0].learner(str(number))

    def send(number: int) -> None:
        answer = houses[1].webhook(source, secret, f"msg-{number}", form(f"r-{number}", str(number), TEAM="3"))
        assert answer.status_code == 202

    with ThreadPoolExecutor(THREADS) as threads:
        done = [threads.submit(what, number) for number in range(40) for what in (link, send)]
        for each in done:
            each.result()
    assert houses[0].count("parked") == 0
    assert len(houses[0].published(EvidenceAcceptedV1)) == 40


def test_a_mapping_and_a_key_changed_in_one_process_are_used_in_the_other_within_seconds(houses):
    source = houses[0].source("employer", FORM_MAPPING)
    secret = houses[0].secret(source)
    houses[0].learner("100")
    assert houses[1].webhook(source, secret, "msg-1", form(TEAM="3")).status_code == 202
    newer = houses[0].secret(source)
    houses[1].wait(lambda: houses[1].webhook(source, newer, "msg-2", form("r-2", TEAM="3")).status_code == 202, 5.0)
