"""A mastery service on a fresh folder and an in-memory log, with a clock the test steps, and what ingest sends."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from fastapi.testclient import TestClient

from contracts.envelope import PublicEvent, log_key
from contracts.events import INGEST_LEARNER, MASTERY_LEARNER
from contracts.evidence_v1 import (
    Activity,
    Assessor,
    CompetencyRef,
    EvidenceAcceptedV1,
    EvidenceContent,
    EvidenceRetractedV1,
    EvidenceRevisedV1,
    Rating,
)
from contracts.learners_v1 import Enrolment, LearnerEnrolledV1, LearnerRegisteredV1
from services.mastery.documents.framework import to_case
from services.mastery.main import build
from services.mastery.settings import MasterySettings
from services.mastery.storage.partitions import MASTERY_MIGRATIONS
from services.mastery.use_cases.work import Assessing
from services.runtime.access import Caller
from services.runtime.log.memory import MemoryLog
from services.runtime.log.partition import partition_of
from services.runtime.log.port import Outgoing
from services.runtime.opening import open_store
from services.runtime.sealing import Sealer
from services.runtime.settings import RuntimeSettings, load
from services.runtime.stored_keys import SqliteKeyStore
from tests.mastery import sample
from tests.support.given import day, uid

TENANT = "wa"
LEARNER = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
RECEIPT = uuid5(LEARNER, "receipt")
PARTITIONS = 4


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Keyring:
    """`wp_<role>.<anything>` is a key of that role; `wp_<role>@<tenant>` of another tenant."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}

    def caller(self, token: str) -> Caller | None:
        return self.callers.get(token)

    def add(self, token: str, role: str, tenant: str = TENANT, **said: Any) -> dict[str, str]:
        """A key, as the header that carries it."""
        self.callers[token] = Caller(key_id=token, tenant=tenant, role=role, **said)
        return {"Authorization": f"Bearer {token}"}


def content(code: str = "C1", level: str | None = "3", **said: Any) -> EvidenceContent:
    """What a piece of evidence says, on the sample scale of four levels unless said otherwise."""
    framework, scale = said.pop("framework", "skills"), said.pop("scale", "four")
    by, organisation = said.pop("by", "t1"), said.pop("organisation", "north-high")
    plain: dict[str, Any] = {
        "competency": CompetencyRef(framework=framework, identifier=said.pop("competency", f"id-{code}"), code=code),
        "rating": Rating(scale=scale, scale_version=1, level=level, score=said.pop("score", None)),
        "assessor": Assessor(id=by, role="teacher", organisation=organisation),
        "pathway": "classroom",
        "activity": Activity(artifact=said.pop("artifact", None)),
        "organisation": organisation,
        "source": f"{TENANT}.north",
        "receipt": RECEIPT,
    }
    return EvidenceContent(**(plain | said))


@dataclass
class Sent:
    """A public event as the relay would bring it to the log."""

    tenant: str
    learner: UUID
    id: UUID
    event: PublicEvent
    occurred_at: datetime | None = None


class World:
    """Everything around one mastery service."""

    def __init__(self, folder: Path, at: str = "2026-09-01") -> None:
        self.folder = folder
        self.clock = HandClock(day(at))
        self.log = MemoryLog(PARTITIONS)
        self.keys = SqliteKeyStore(folder / "keys", seed="tests")
        self.keys.create_learner_keys(TENANT, [LEARNER, OTHER])
        self.ingest = Sealer(self.keys, "/ingest")
        self.keyring = Keyring()
        self.office = self.keyring.add("wp_office", "district", organisation="wa-district")
        self.auditor = self.keyring.add("wp_auditor", "auditor")
        self._seqs: defaultdict[int, int] = defaultdict(int)
        self.start()

    def start(self, **said: Any) -> None:
        """Start the service on what the folder holds, as a process would."""
        said = {"known_to_interval_s": 0.001} | said
        settings = MasterySettings(data_dir=self.folder, log_partitions=PARTITIONS, **said)
        self.service = build(settings, clock=self.clock, log=self.log, keys=self.keys, access=self.keyring)
        worker = self.service.workers[0]
        assert isinstance(worker, Assessing)
        self.worker = worker
        self.client = TestClient(self.service.app)

    def restart(self, **said: Any) -> None:
        """Stop and start again: everything in memory is gone."""
        self.service.close()
        self.start(**said)

    # ---- what ingest sends

    def send(self, *sent: Sent) -> None:
        """Append to the log in order."""
        writer = self.log.writer(INGEST_LEARNER, "ingest")
        for each in sent:
            value = self.ingest.seal(
                each.event,
                id=each.id,
                tenant=each.tenant,
                subject=str(each.learner),
                time=self.clock.now(),
                occurred_at=each.occurred_at,
            )
            writer.append([self.outgoing(log_key(each.tenant, str(each.learner)), value)])

    def outgoing(self, key: str, value: bytes) -> Outgoing:
        """The next record of its partition."""
        partition = partition_of(key, PARTITIONS)
        self._seqs[partition] += 1
        return Outgoing(partition, self._seqs[partition], key, value)

    def settle(self) -> None:
        """Work until there is nothing left to do; a step may only have looked back at what it took before."""
        still = 0
        for _ in range(10_000):
            still = 0 if self.worker.step(0.0) else still + 1
            if still == 3:
                return
        raise AssertionError("never at rest")

    # ---- documents

    def put(self, policy: bytes, *, activate: bool = True, settle: bool = True) -> dict[str, Any]:
        """Put the sample documents and a policy, and activate it."""
        self.put_framework(sample_package(), "skills")
        self.put_scale(sample.FOUR.body)
        listed = self.post("/v1/policies", policy)
        if activate:
            self.activate(listed["policy"], listed["version"])
        if settle:
            self.settle()
        return listed

    def put_framework(self, package: object, framework: str) -> dict[str, Any]:
        return self.post(f"/v1/frameworks?framework={framework}&version=1", json.dumps(package).encode())

    def put_scale(self, body: bytes) -> dict[str, Any]:
        return self.post("/v1/scales", body)

    def activate(self, policy: str, version: int, **said: Any) -> dict[str, Any]:
        body = json.dumps({"version": version} | said).encode()
        return self.post(f"/v1/policies/{policy}/activations", body)

    def post(self, path: str, body: bytes, status: int = 201) -> dict[str, Any]:
        """A document in, what was answered out."""
        headers = self.office | {"Content-Type": "application/json"}
        answer = self.client.post(path, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    # ---- what can be seen

    def get(self, path: str, status: int = 200, headers: dict[str, str] | None = None, **params: Any) -> dict[str, Any]:
        """An answer about the learner."""
        answer = self.client.get(path, params=params, headers=headers or self.auditor)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def about(self, what: str, learner: UUID = LEARNER, **params: Any) -> dict[str, Any]:
        return self.get(f"/v1/learners/{learner}/{what}", **params)

    def competency(self, code: str, learner: UUID = LEARNER, **params: Any) -> dict[str, Any]:
        """One competency's standing under the only policy there is."""
        (policy,) = self.about("standings", learner, **params)["policies"]
        return next(found for found in policy["competencies"] if found["code"] == code)

    def history(self, learner: UUID = LEARNER) -> list[str]:
        """The stored names of the learner's events, in order, without service and version."""
        return [event["what"].split(".")[1] for event in self.about("history", learner)["events"]]

    def published(self, topic: str = MASTERY_LEARNER) -> list[PublicEvent]:
        """What is in the outbox, opened, in order within a partition."""
        return [
            self.ingest.open(self.ingest.parse(value))
            for value in self.rows("SELECT value FROM outbox WHERE topic = ? ORDER BY part, seq", topic)
        ]

    def rows(self, select: str, *values: object) -> list[Any]:
        """Straight from mastery's own database; one column gives plain values."""
        database = open_store(load(RuntimeSettings, data_dir=self.folder), "mastery", MASTERY_MIGRATIONS)
        try:
            with database.read() as cursor:
                found = cursor.execute(select, values).fetchall()
        finally:
            database.close()
        return [row[0] if len(row) == 1 else row for row in found]


def registered(learner: UUID = LEARNER, tenant: str = TENANT) -> Sent:
    return Sent(tenant, learner, uuid5(learner, "registered"), LearnerRegisteredV1(registered_by="roster"))


def enrolled(organisation: str, learner: UUID = LEARNER, **said: Any) -> Sent:
    enrolment = Enrolment(id=uuid5(learner, organisation), organisation=organisation, **said)
    return Sent(
        TENANT, learner, uuid5(learner, f"enrolled {organisation} {said}"), LearnerEnrolledV1(enrolment=enrolment)
    )


def accepted(name: str, code: str = "C1", level: str | None = "3", *, learner: UUID = LEARNER, **said: Any) -> Sent:
    occurred = day(said.pop("occurred", "2026-09-01"))
    moved_from = said.pop("moved_from", None)
    event = EvidenceAcceptedV1(content=content(code, level, **said), moved_from=moved_from)
    return Sent(TENANT, learner, uid(name), event, occurred)


def revised(
    name: str, revises: str, code: str = "C1", level: str = "3", *, occurred: str = "2026-09-01", **said: Any
) -> Sent:
    event = EvidenceRevisedV1(revises=uid(revises), content=content(code, level, **said))
    return Sent(TENANT, LEARNER, uid(name), event, day(occurred))


def retracted(name: str, retracts: str) -> Sent:
    return Sent(TENANT, LEARNER, uid(name), EvidenceRetractedV1(retracts=uid(retracts), reason="wrong learner"))


def sample_package() -> dict[str, Any]:
    """The sample framework as a CASE package."""
    return to_case(sample.FRAMEWORK.content)
