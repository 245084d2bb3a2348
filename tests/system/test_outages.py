"""The broker, then PostgreSQL, gone under load: what is refused and what not, and that all goes on by itself."""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.servers import Broker, Postgres
from tests.servers.backends import prepared
from tests.support.answers import EVIDENCE, history_of
from tests.support.company import Company
from tests.support.documents import PERCENT, mapping
from tests.support.office import Office, Source, identifier_of
from tests.support.processes import wait_for
from tests.support.senders import sign
from tests.support.watch import peak_memory_mib

OVERSHOOT_BYTES = 400_000  # what may come between two looks
MEMORY_MIB = 60
COMMENT = "x" * 500


@dataclass(frozen=True)
class Spell:
    """For how long a server is gone, and how many bytes may wait for the log."""

    outage_s: float
    limit_bytes: int


SPELLS = [
    pytest.param(Spell(3, 150_000), id="3 s"),
    pytest.param(Spell(60, 4_000_000), id="60 s", marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
]


@dataclass
class Outage:
    """One process a service on servers of its own, and whatever was sent."""

    spell: Spell

    company: Company
    office: Office
    kafka: Broker
    postgres: Postgres
    source: Source
    learner: str
    taken: list[str] = field(default_factory=list)
    sent: int = 0

    def send(self, name: str) -> httpx.Response:
        """One message, once."""
        scores = [{"skill": "TEAM", "score": 70}]
        said = {"form": name, "student": "s-1", "day": "2026-03-02", "scores": scores, "more": COMMENT}
        body = json.dumps(said).encode()
        headers = sign(self.source.secret, f"msg-{name}", int(time.time()), body)
        with self.company.client("ingest") as ingest:
            answer = ingest.post(f"/v1/webhooks/{self.source.id}", content=body, headers=headers)
        if answer.status_code == 202:
            self.taken.append(name)
        return answer

    def next(self) -> httpx.Response:
        """A message that was never sent."""
        self.sent += 1
        return self.send(f"n-{self.sent}")

    def wrong(self, service: str) -> str:
        """What the service says keeps it from its work; empty when it is ready."""
        with self.company.client(service) as client:
            answer = client.get("/health/ready")
        return "" if answer.is_success else json.dumps(answer.json()["wrong"])

    def told_by_doctor(self, service: str, state: str = "wrong") -> str:
        """What `wayproof doctor` finds wrong with the service, or else remarkable."""
        found = json.loads(self.company.command("doctor", "--json").stdout)["findings"]
        return json.dumps([each for each in found if each["what"] == service and each["state"] == state])

    def progress(self, service: str) -> dict[str, int | None]:
        """What the service says it has to do."""
        with self.company.client(service) as client:
            found: dict[str, int | None] = client.get("/health/progress").raise_for_status().json()
        return found

    def check_all_is_counted_once(self) -> None:
        """Nothing that was answered 202 is lost, nothing else counts."""
        wait_for(lambda: not any(map(self.wrong, self.company.members)), 90, "everybody is ready again")
        wait_for(self.company.at_rest, 90, "everything is delivered")
        with self.company.client("mastery", self.office.auditor) as mastery:
            history = history_of(mastery, self.learner)
        held = [event["said"]["artifact"] for event in history if event["what"] == EVIDENCE]
        assert held == [f"{name}#TEAM" for name in self.taken]
        assert all(member.process.poll() is None for members in self.company.members.values() for member in members)


@pytest.fixture(scope="module", params=SPELLS)
def outage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    spell: Spell = request.param
    with Broker() as kafka, Postgres(fsync="off") as postgres:
        kafka.start()
        postgres.start()
        store = postgres.fresh()
        with prepared(kafka.bootstrap, store) as told:
            told |= {
                "WAYPROOF_INGEST_BACKLOG_BYTES_MAX": str(spell.limit_bytes),
                "WAYPROOF_LOG_DELIVERY_TIMEOUT_S": "6",
            }
            company = Company(tmp_path_factory.mktemp("outage") / "data", store, told)
            try:
                company.start()
                yield prepare(spell, company, kafka, postgres)
                assert company.stop() == 0, "all ended in order"
            finally:
                company.kill()


def prepare(spell: Spell, company: Company, kafka: Broker, postgres: Postgres) -> Outage:
    office = Office(company)
    office.publish_framework("skills", {"TEAM": identifier_of("TEAM")})
    office.publish_scale(PERCENT)
    (learner,) = office.enrol("student", ["s-1"]).values()
    source = office.source("forms", mapping("percent-forms"), "work_based")
    wait_for(company.at_rest, 60, "everybody is known")
    return Outage(spell, company, office, kafka, postgres, source, learner)


def test_while_the_broker_is_gone_everything_is_taken_up_to_the_limit_and_delivered_later(outage: Outage) -> None:
    (ingest,) = outage.company.members["ingest"]
    limit_bytes = outage.spell.limit_bytes
    assert outage.next().status_code == 202
    before_mib = peak_memory_mib(ingest.process.pid)
    outage.kafka.kill()
    began, refused_at, taken = time.monotonic(), 0.0, len(outage.taken)
    while not refused_at or time.monotonic() - began < outage.spell.outage_s:
        answer = outage.next()
        if answer.status_code != 202:
            assert answer.status_code == 503, answer.text
            assert answer.json()["type"].endswith("/log-behind"), answer.text
            assert int(answer.headers["Retry-After"]) >= 1
            backlog = ingest.measured("backlog_bytes")
            assert backlog > limit_bytes, "nothing is refused before the limit"
            refused_at = refused_at or backlog
            time.sleep(0.05)
    assert ingest.measured("backlog_bytes") < limit_bytes + OVERSHOOT_BYTES
    assert len(outage.taken) - taken > 50
    grown_mib = peak_memory_mib(ingest.process.pid) - before_mib
    assert grown_mib < MEMORY_MIB
    assert "backlog" in outage.wrong("ingest")
    assert "nothing more is taken" in outage.told_by_doctor("ingest")
    print(
        f"{outage.sent} sent, {len(outage.taken)} taken, refused at {refused_at:,.0f} bytes, {grown_mib:.1f} MiB more"
    )

    outage.kafka.start()
    began = time.monotonic()
    wait_for(lambda: outage.next().status_code == 202, 90, "more is taken again")
    print(f"{time.monotonic() - began:.1f} s after the broker's return more is taken")
    outage.check_all_is_counted_once()
    print(f"{time.monotonic() - began:.1f} s after it all {len(outage.taken)} are delivered and counted")


def test_while_the_broker_stands_still_it_is_said_that_nobody_knows_how_much_waits(outage: Outage) -> None:
    (mastery,) = outage.company.members["mastery"]
    wait_for(lambda: mastery.measured("log_up") == 1, 60, "the log is up")
    outage.kafka.stand_still()
    assert None in outage.progress("mastery").values()
    assert mastery.measured("log_up") == 0
    assert "its log is unavailable" in outage.told_by_doctor("mastery", "watch")
    outage.kafka.signal(signal.SIGCONT)
    assert outage.next().status_code == 202
    outage.check_all_is_counted_once()
    wait_for(lambda: set(outage.progress("mastery").values()) == {0}, 60, "it is known that nothing waits")


def test_while_postgresql_is_gone_nothing_is_taken_and_everybody_goes_on_once_it_is_back(outage: Outage) -> None:
    assert outage.next().status_code == 202
    outage.postgres.stop("immediate")
    began, statuses = time.monotonic(), set()
    while time.monotonic() - began < outage.spell.outage_s:
        statuses.add(outage.next().status_code)
        time.sleep(0.05)
    assert statuses == {503}
    for service in outage.company.members:
        wait_for(lambda name=service: outage.wrong(name), 60, f"{service} says so")
        assert "StoreUnavailable" in outage.told_by_doctor(service)
    outage.postgres.start()
    wait_for(lambda: outage.next().status_code == 202, 90, "more is taken again")
    outage.check_all_is_counted_once()


def test_the_data_folder_holds_nothing_that_was_taken(outage: Outage) -> None:
    """The stores are on the servers: only keys, which the processes share, lie here."""
    left = {path.name for path in Path(outage.company.data).rglob("*.db")}
    assert left <= {"ring.db"}
