"""What ingest says to Prometheus equals what was done over HTTP, before and after a restart."""

from collections import Counter

from tests.ingest.house import form, project
from tests.support.exposition import Exposed, read

FINAL = {"accepted", "duplicate", "conflict", "no_claim", "superseded"}


def exposed(house) -> Exposed:
    return read(house.http.get("/metrics").text)


def ends(house, source) -> dict[str, float]:
    """Every outcome of a source, wherever it is said."""
    said = exposed(house)
    final = said.by("wayproof_outcomes_total", "outcome", source=source)
    waiting = said.by("wayproof_waiting", "outcome", source=source)
    assert set(final) == FINAL and set(waiting) == {"parked", "held", "quarantined"}
    assert sum((final | waiting).values()) == said.value("wayproof_received_total", source=source)
    return {outcome: count for outcome, count in (final | waiting).items() if count}


def send_day(house, source) -> Counter[str]:
    """A stream with one of most things; the outcomes as the door answered them."""
    house.learner("100")
    stream = house.stream(source)
    lines = [project(f"p-{n}", 70) for n in range(5)]
    lines += [project("p-9", 50, student="999"), b"{", project("p-8", 400), project("p-0", 70), project("p-0", 80)]
    answers = house.lines(source, stream, 1, lines).text.splitlines()
    outcomes = Counter(line.split('"outcome":"')[1].split('"')[0] for line in answers if "outcome" in line)
    assert outcomes["accepted"] and outcomes["parked"] and outcomes["quarantined"] and outcomes["duplicate"]
    return outcomes


def test_outcomes_are_those_the_door_answered_and_a_restart_forgets_none(house, school):
    assert ends(house, school) == {}
    answered = send_day(house, school)
    assert ends(house, school) == answered
    house.reopen()
    assert ends(house, school) == answered


def test_what_was_parked_and_released_is_counted_as_what_it_became(house, school):
    answered = send_day(house, school)
    house.learner("999")
    assert ends(house, school) == answered - Counter(parked=1) + Counter(accepted=1)


def test_webhooks_that_come_together_are_commits_of_many(house, employer):
    source, secret = employer
    before = exposed(house).value("wayproof_commit_size_count", worker="group commit")
    for number in range(5):
        assert house.webhook(source, secret, f"m-{number}", form(f"r-{number}", TEAM="3")).status_code == 202
    assert house.webhook(source, secret, "m-0", form("r-0", TEAM="4")).status_code == 409
    said = exposed(house)
    assert said.value("wayproof_commit_size_count", worker="group commit") == before + 6
    assert said.by("wayproof_problems_total", "status") == {"409": 1}
    assert ends(house, source)["parked"] == 5


def test_lag_and_events_are_those_of_the_outbox(house, school):
    send_day(house, school)
    house.wait(lambda: not any(exposed(house).by("wayproof_pending", "worker").values()))
    said = exposed(house)
    assert set(said.by("wayproof_pending", "worker")) == {
        worker.name
        for worker in house.service.workers
        if worker.name != "backlog"  # it only watches what the relay still has to do
    }
    assert said.value("wayproof_events_total", topic="ingest.learner") == len(house.published())
