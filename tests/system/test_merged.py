"""Two learners are one person, end to end: evidence, standings and credentials follow, and nothing counts twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.credentials import main as credentials
from services.credentials.settings import CredentialsSettings
from services.mastery import main as mastery
from services.mastery.settings import MasterySettings
from tests.ingest.house import LINE_MAPPING, House, project
from tests.simulation.school import PACKAGE, PERCENT

POLICY: dict[str, Any] = {
    "policy": {"id": "work", "version": 1},
    "frameworks": [{"id": "skills", "version": 1}],
    "scales": [{"id": "percent", "version": 1}],
    "competencies": {
        code: {"estimate": {"method": "latest"}, "decide": {"at_least": "60"}} for code in ("TEAM", "SAFE")
    },
    "requirements": {"work-ready": {"all_of": [{"leaf": "TEAM"}, {"leaf": "SAFE"}]}},
}
BADGE = {
    "name": "Work ready",
    "description": "Works well.",
    "criteria": "Both skills.",
    "kind": "MicroCredential",
    "requirement": {"policy": "work", "node": "work-ready"},
}
Json = dict[str, Any]


class District:
    """The three services in one process, on one log; ingest runs, the others are stepped."""

    def __init__(self, folder: Path) -> None:
        self.house = house = House(folder)
        given = {"clock": house.clock, "log": house.log, "keys": house.keys, "access": house.access}
        self.mastery = mastery.build(MasterySettings(data_dir=folder), **given)  # type: ignore[arg-type]
        self.credentials = credentials.build(CredentialsSettings(data_dir=folder), **given)  # type: ignore[arg-type]
        self.about, self.wallet = TestClient(self.mastery.app), TestClient(self.credentials.app)
        self._documents()
        self.source = house.source("virtual", LINE_MAPPING, "virtual")
        self.stream, self.line = house.stream(self.source), 1

    def _documents(self) -> None:
        boss = self.house.token("district")
        self._ok(self.about.post("/v1/frameworks?framework=skills&version=1", json=PACKAGE, headers=boss))
        self._ok(self.about.post("/v1/scales", content=PERCENT, headers=boss))
        self._ok(self.about.post("/v1/policies", content=json.dumps(POLICY).encode(), headers=boss))
        self._ok(self.about.post("/v1/policies/work/activations", json={"version": 1}, headers=boss))
        self._ok(self.wallet.put("/v1/achievements/badge", json=BADGE, headers=boss))
        self.settle()
        self.house.wait(lambda: self.house.count("scale") == 1)

    def _ok(self, answer: Any) -> Json:
        assert answer.status_code in {200, 201}, answer.text
        return dict(answer.json())

    def settle(self) -> None:
        """Until everybody has dealt with everything."""
        ingest = self.house.service.workers[1]
        self.house.wait(lambda: not ingest.pending())  # type: ignore[attr-defined]
        assessing, outbox = self.mastery.workers
        follow, sweep, relay = self.credentials.workers
        while any((assessing.step(0.0), outbox.step(), follow.step(), relay.step())):  # type: ignore[attr-defined]
            self.house.clock.pass_time(microseconds=1)
        sweep.step()  # type: ignore[attr-defined]
        assert not self.mastery.ready()
        assert not self.credentials.ready()

    def send(self, *lines: Json) -> None:
        self.house.lines(self.source, self.stream, self.line, list(lines))
        self.line += len(lines)
        self.settle()

    def ask(self, path: str, **body: Any) -> None:
        answer = self.house.http.post(f"/v1/learners/{path}", json=body, headers=self.house.token("registrar"))
        self._ok(answer)
        self.settle()

    def merge(self, learner: UUID, into: UUID) -> None:
        self.ask(f"{learner}/merge", into=str(into), reason="entered twice")

    # ---- what can be seen

    def told(self, learner: UUID, what: str) -> Json:
        return self._ok(self.about.get(f"/v1/learners/{learner}/{what}", headers=self.house.token("auditor")))

    def met(self, learner: UUID) -> dict[str, str]:
        """The requirement and the competencies by the only policy."""
        policies = self.told(learner, "standings")["policies"]
        return {one["code"]: one["result"] for policy in policies for one in policy["competencies"]}

    def crossings(self, learner: UUID) -> list[tuple[str, str]]:
        """(what, cause) of every threshold, in order."""
        events = self.told(learner, "history")["events"]
        return [(e["what"].split(".")[1], e["said"]["cause"]) for e in events if "cause" in e["said"]]

    def history(self, learner: UUID) -> list[str]:
        return [event["what"].split(".")[1] for event in self.told(learner, "history")["events"]]

    def held(self, learner: UUID) -> list[Json]:
        """The credentials a learner has now."""
        boss = self.house.token("district")
        found = self._ok(self.wallet.get(f"/v1/learners/{learner}/credentials", headers=boss))["credentials"]
        return [one for one in found if one["holder"] == str(learner)]

    def content(self, credential: Json) -> bytes:
        return bytes(self.wallet.get(credential["href"], headers=self.house.token("district")).content)

    def close(self) -> None:
        self.house.close()
        self.mastery.close()
        self.credentials.close()


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    made = District(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=range(3))
def two(district: District, request: pytest.FixtureRequest) -> tuple[UUID, UUID]:
    """Ana with a credential, and Anna who has half of what it takes; on whatever partitions their ids lead to."""
    ana, anna = district.house.learner("100"), district.house.learner("200")
    district.send(
        project("a-1", 70),
        project("a-2", 80, skill="SAFE"),
        project("b-1", 65, "200"),
        project("b-2", 20, "200", "SAFE"),
    )
    assert (len(district.held(ana)), len(district.held(anna))) == (1, 0)
    return ana, anna


def test_the_survivor_has_the_credential_byte_for_byte_and_no_second_one(
    district: District, two: tuple[UUID, UUID]
) -> None:
    ana, anna = two
    (before,) = district.held(ana)
    said = district.content(before)

    district.merge(ana, anna)
    district.house.clock.pass_time(hours=1)
    district.settle()

    (after,) = district.held(anna)
    assert (after["credential"], after["standing"], after["revoked"]) == (before["credential"], "issued", False)
    assert district.content(after) == said
    assert district.held(ana) == []
    waiting = district.wallet.get("/v1/awards", headers=district.house.token("registrar")).json()["awards"]
    assert waiting == [], "nothing is left for a person to decide"


def test_losing_there_and_reaching_here_both_have_cause_merge(district: District, two: tuple[UUID, UUID]) -> None:
    ana, anna = two
    district.merge(ana, anna)
    lost = [crossing for crossing in district.crossings(ana) if crossing[0] in {"level-lost", "requirement-lapsed"}]
    assert sorted(lost) == [("level-lost", "merge"), ("level-lost", "merge"), ("requirement-lapsed", "merge")]
    assert ("requirement-met", "merge") in district.crossings(anna)
    assert "learners-merged" in district.history(ana)
    assert "learners-merged" in district.history(anna)
    standings = district.told(ana, "standings")
    assert standings["merged_into"] == str(anna)
    assert district.told(anna, "standings")["merged_into"] is None


def test_a_late_withdrawal_by_the_sender_reaches_the_survivor(district: District, two: tuple[UUID, UUID]) -> None:
    ana, anna = two
    district.merge(ana, anna)
    district.send(project("a-1", 70), {"id": "a-2", "gone": "true"})
    assert district.met(anna)["SAFE"] == "not_met"
    assert district.history(anna)[-3:] == ["evidence-withdrawn", "level-lost", "requirement-lapsed"]
    (credential,) = district.held(anna)
    assert (credential["standing"], credential["revoked"]) == ("revoked", True), "a retraction revokes by rule"


def test_merging_twice_and_resending_everything_counts_once(district: District, two: tuple[UUID, UUID]) -> None:
    ana, anna = two
    district.merge(ana, anna)
    events = len(district.history(anna))
    district.merge(ana, anna)
    again = district.house.stream(district.source)
    lines = [project("a-1", 70), project("a-2", 80, skill="SAFE"), project("b-1", 65, "200")]
    district.house.lines(district.source, again, 1, lines)
    district.settle()
    assert len(district.history(anna)) == events
    assert len(district.held(anna)) == 1


def test_an_unmerge_brings_everything_home(district: District, two: tuple[UUID, UUID]) -> None:
    ana, anna = two
    (before,) = district.held(ana)
    district.merge(ana, anna)
    district.ask(f"{ana}/unmerge", reason="two cousins")
    assert district.met(ana) == {"TEAM": "met", "SAFE": "met"}
    assert district.met(anna) == {"TEAM": "met", "SAFE": "not_met"}
    (back,) = district.held(ana)
    assert (back["credential"], back["standing"]) == (before["credential"], "issued")
    assert district.held(anna) == []
    assert district.told(ana, "standings")["merged_into"] is None
    assert "learners-unmerged" in district.history(ana)


def test_a_corrected_link_proposes_a_revocation_and_gives_the_right_learner_a_credential_of_their_own(
    district: District, two: tuple[UUID, UUID]
) -> None:
    ana, anna = two
    link = {"scheme": "student-number", "value": "100", "corrects": str(ana), "reason": "typed wrongly"}
    district.ask(f"{anna}/links", **link)
    (wrong,), (right,) = district.held(ana), district.held(anna)
    assert (wrong["standing"], wrong["revoked"]) == ("revocation_proposed", False)
    assert right["credential"] != wrong["credential"]


def test_the_survivor_who_meets_it_only_later_is_given_the_award_that_waited(district: District) -> None:
    """Merged into a learner whose newest result is too low: proposed, until the survivor shows it again."""
    ana, anna = district.house.learner("100"), district.house.learner("200")
    late = {**project("b-2", 20, "200", "SAFE"), "on": "2026-11-19T10:00:00Z"}
    district.send(project("a-1", 70), project("a-2", 80, skill="SAFE"), late)
    (before,) = district.held(ana)
    district.merge(ana, anna)
    (waits,) = district.held(ana)
    assert waits["standing"] == "revocation_proposed"
    again = {**project("b-3", 90, "200", "SAFE"), "on": "2026-11-20T10:00:00Z"}
    district.send(again)
    (credential,) = district.held(anna)
    assert (credential["credential"], credential["standing"]) == (before["credential"], "issued")
