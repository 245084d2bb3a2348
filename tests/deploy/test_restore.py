"""A restore for real: all of PostgreSQL and Kafka lost but last night's back-up, and the lost window is named."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.demo.papers import POLICY
from services.demo.school import open_school
from services.demo.senders import Auditor, Registrar, Senders
from services.demo.sendings import internship_form
from services.demo.site import Site
from services.runtime.clock import SystemClock, parse_instant
from tests.servers import Broker, Postgres
from tests.servers.missing import postgres_folder
from tests.support.processes import Wayproof

pytestmark = [pytest.mark.system, pytest.mark.servers]
PARTITIONS = 4
ADA = open_school().named("Ada")
FORM = internship_form(ADA, "form-77", "2026-10-02", TEAM="3", SAFE="4")


@dataclass
class Place:
    """One database on the cluster, a prefix on the broker, and the system that stands on both."""

    postgres: Postgres
    kafka: Broker
    folder: Path
    url: str
    prefix: str = field(default_factory=lambda: f"r{uuid4().hex[:8]}.")

    @property
    def told(self) -> dict[str, str]:
        return {
            "WAYPROOF_STORE_URL": self.url,
            "WAYPROOF_LOG_URL": f"kafka://{self.kafka.bootstrap}",
            "WAYPROOF_LOG_TOPIC_PREFIX": self.prefix,
            "WAYPROOF_LOG_PARTITIONS": str(PARTITIONS),
            "WAYPROOF_KNOWN_TO_INTERVAL_S": "0.2",
            "WAYPROOF_LEASE_S": "60",  # the leases in the back-up are not waited for
        }

    def system(self) -> Wayproof:
        return Wayproof(self.folder / "data", self.told)

    def wayproof(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.system().command(*arguments)

    def back_up(self) -> Path:
        """What a nightly job does; the master key's folder is kept elsewhere and is not lost."""
        path = self.folder / "backup.dump"
        self._postgres("pg_dump", "--format=custom", f"--file={path}", self.url)
        return path

    def lose_and_restore(self, backup: Path) -> None:
        self.postgres.drop(self.url)
        self.url = self.postgres.fresh()
        self._postgres("pg_restore", "--exit-on-error", f"--dbname={self.url}", str(backup))

    def _postgres(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(postgres_folder() / program), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@dataclass
class Day:
    """The demo's school at its doors, with the machine's own clock."""

    site: Site
    registrar: Registrar
    senders: Senders
    auditor: Auditor

    def close(self) -> None:
        self.senders.close()
        self.site.close()


def begin(place: Place, system: Wayproof, learners: dict[str, str] | None = None, secret: str = "") -> Day:
    site, school = Site(place.folder / "data", SystemClock(), system.urls), open_school()
    registrar = Registrar(site, secret, learners or {})
    if learners is None:
        registrar.prepare(school)
    senders = Senders(site, school, registrar.secret)
    return Day(site, registrar, senders, Auditor(site, registrar.learners))


def standing(day: Day, **when: str) -> dict[str, Any]:
    """Ada's, without what moves while nothing happens."""
    answer = day.auditor.standings(ADA, policy=POLICY, **when)
    return {name: part for name, part in answer.items() if name != "known_to"}


def team(answer: dict[str, Any]) -> str:
    found: list[str] = [
        node["result"] for policy in answer["policies"] for node in policy["competencies"] if node["code"] == "TEAM"
    ]
    return found[0]


@pytest.fixture
def place(postgres: Postgres, kafka: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(postgres, kafka, tmp_path, postgres.fresh())
    for name, value in made.told.items():
        monkeypatch.setenv(name, value)  # for the school's own look at the access register
    for command in (("migrate",), ("topics", "--replicas", "1")):
        done = made.wayproof(*command)
        assert done.returncode == 0, done.stderr
    yield made
    postgres.drop(made.url)


@dataclass(frozen=True)
class Before:
    """What is remembered outside the stores: by senders, by an auditor, by the registrar."""

    backup: Path
    kept_at: dict[str, str]  # an instant the back-up knows, asked about
    kept: dict[str, Any]
    lost_at: str
    learners: dict[str, str]
    secret: str


def until_all_was_lost(place: Place) -> Before:
    """A day that is backed up, and a day that is not."""
    system = place.system()
    system.start()
    day = begin(place, system)
    day.senders.classroom("2026-09-10")
    day.senders.cte("2026-09-17")
    day.site.settle()
    known_to = day.auditor.standings(ADA)["known_to"]
    backup = place.back_up()
    day.senders.virtual("2026-09-24")
    assert day.senders.employer("msg_ada_1", FORM)[0] == 202
    day.site.settle()
    kept_at = {"known_at": known_to, "as_of": "2026-10-05"}
    kept, now = standing(day, **kept_at), standing(day)
    assert (kept["finality"], team(kept), team(now)) == ("final", "not_met", "met")
    assert len(day.auditor.credentials(ADA)) == 1
    day.close()
    system.kill()
    return Before(backup, kept_at, kept, now["known_at"], day.registrar.learners, day.registrar.secret)


def restored(place: Place, before: Before, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """By the run book; the windows that were lost."""
    place.lose_and_restore(before.backup)
    monkeypatch.setenv("WAYPROOF_STORE_URL", place.url)
    refused = place.wayproof("restored")
    assert refused.returncode == 1
    assert "the restored outbox of ingest ends at" in refused.stderr, "the old topics are not taken for ours"

    place.prefix = f"r{uuid4().hex[:8]}."
    monkeypatch.setenv("WAYPROOF_LOG_TOPIC_PREFIX", place.prefix)
    assert place.wayproof("topics", "--replicas", "1").returncode == 0
    told = place.wayproof("restored", "--json")
    assert told.returncode == 0, told.stderr
    lost: list[dict[str, Any]] = json.loads(told.stdout)["lost"]
    return lost


def test_a_restore_names_what_it_lost_and_senders_make_it_good(place: Place, monkeypatch: pytest.MonkeyPatch):
    before = until_all_was_lost(place)
    lost = restored(place, before, monkeypatch)
    assert [window["partition"] for window in lost] == list(range(PARTITIONS))
    assert all(parse_instant(window["after"]) < parse_instant(window["until"]) for window in lost)

    system = place.system()
    system.start()
    day = begin(place, system, before.learners, before.secret)
    try:
        day.site.settle()
        assert standing(day, **before.kept_at) == before.kept, "what the back-up knew is answered as it was"
        within = standing(day, known_at=before.lost_at)
        assert within["lost"] == [{"after": w["after"], "until": w["until"]} for w in lost if names(w, within)]
        assert team(within) == "not_met", "the answer rests on less than was known then, and says so"
        assert day.auditor.credentials(ADA) == []

        assert day.senders.cte("2026-09-17") == {"duplicate": 12}, "what survived is known"
        assert set(day.senders.virtual("2026-09-24")[1]) == {"accepted"}, "what was lost is new"
        assert day.senders.employer("msg_ada_1", FORM)[0] == 202
        day.site.settle()
        now = standing(day)
        assert (team(now), now["lost"], len(day.auditor.credentials(ADA))) == ("met", [], 1)
        assert standing(day, **before.kept_at) == before.kept
    finally:
        day.close()
        assert system.stop() == 0


def names(window: dict[str, Any], answer: dict[str, Any]) -> bool:
    return bool(window["partition"] == answer["position"]["partition"])
