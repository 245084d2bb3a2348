"""A credential service on a folder of its own, with a hand on its clock and on what mastery says."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from fastapi.testclient import TestClient

from contracts.catalogue_v1 import ScaleLevel
from contracts.envelope import PublicEvent, log_key
from contracts.events import CREDENTIALS_LEARNER, MASTERY_LEARNER
from contracts.mastery_v1 import (
    AchievedLevel,
    DocumentRef,
    JournalPosition,
    RequirementLapsedV1,
    RequirementMetV1,
)
from services.credentials.main import build
from services.credentials.settings import CredentialsSettings
from services.runtime.access import Caller
from services.runtime.log.memory import Faults, MemoryLog
from services.runtime.log.partition import partition_of
from services.runtime.log.port import Outgoing
from services.runtime.sealing import Sealer
from services.runtime.stored_keys import SqliteKeyStore

TENANT, OTHER_TENANT = "delta", "gamma"
ANA, BEN = UUID(int=0xA), UUID(int=0xB)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
POLICY, NODE = "trades", "entry-welder"
LEVELS = tuple(
    ScaleLevel(code=code, name=name, points=points, uri=f"https://case.example.org/levels/{code}")
    for code, name, points in (("DEV", "Developing", "2"), ("PRO", "Proficient", "3"), ("EXT", "Extending", "4"))
)
Json = dict[str, Any]

WELDER: Json = {
    "name": "Entry welder",
    "description": "Welds steel safely, shown at work and in class.",
    "criteria": "Proficient in welding, from at least two pathways.",
    "kind": "MicroCredential",
    "requirement": {"policy": POLICY, "node": NODE},
}
DIPLOMA = WELDER | {"name": "Diploma", "kind": "SecondarySchoolDiploma"}


class HandClock:
    """Stands where it was put."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **much: float) -> None:
        self.at += timedelta(**much)


class Keyring:
    """A key for each role: the token is the role's name, with the tenant when it is not the usual one."""

    def caller(self, token: str) -> Caller | None:
        role, _, tenant = token.partition("@")
        learner = ANA if role == "learner" else None
        return Caller(token, tenant or TENANT, role, organisation="north", learner=learner) if role else None


def achieved(**changes: Any) -> AchievedLevel:
    """Proficient in welding."""
    said: Json = {
        "framework": "trades",
        "framework_title": "Trades",
        "framework_uri": "https://case.example.org/frameworks/trades",
        "competency": "c-weld",
        "code": "TR.W.1",
        "statement": "Joins steel by arc welding",
        "uri": "https://case.example.org/items/c-weld",
        "scale": "four",
        "scale_version": 1,
        "scale_levels": LEVELS,
        "level": LEVELS[1],
        "value": "3",
        "required": "3",
        "evidence": (UUID(int=11), UUID(int=12)),
        "evidence_count": 2,
    }
    return AchievedLevel(**(said | changes))


@dataclass
class School:
    """The service, its log and its keys."""

    folder: Path
    faults: Faults | None = None
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.keys = SqliteKeyStore(self.folder / "keys", seed="school")
        for tenant in (TENANT, OTHER_TENANT):
            self.keys.create_learner_keys(tenant, [ANA, BEN])
        self.log = MemoryLog(faults=self.faults, wait=lambda _: None)
        self.mastery = Sealer(self.keys, "/mastery")
        self._seqs: dict[int, int] = defaultdict(int)
        self._known: set[UUID] = {ANA, BEN}
        self.start()

    def start(self) -> None:
        settings = CredentialsSettings(
            data_dir=self.folder, port=0, log_partitions=self.log.partitions, **self.settings
        )
        self.service = build(settings, clock=self.clock, log=self.log, keys=self.keys, access=Keyring())
        self.consumer, self.sweep, self.relay = self.service.workers
        self.http = TestClient(self.service.app, raise_server_exceptions=False)

    def restart(self) -> None:
        """Nothing survives but the folder, the log and the keys."""
        self.service.close()
        self.start()

    # ---- what mastery says

    def says(self, event: PublicEvent, learner: UUID = ANA, *, tenant: str = TENANT, times: int = 1) -> UUID:
        """Put it on the log as mastery's relay would, perhaps more than once."""
        if learner not in self._known:
            self.keys.create_learner_keys(tenant, [learner])
            self._known.add(learner)
        event_id = uuid5(learner, f"{event.TYPE}|{event.node}|{event.cycle}|{event.cause}")  # type: ignore[attr-defined]
        value = self.mastery.seal(event, id=event_id, tenant=tenant, subject=str(learner), time=self.clock.now())
        self.append(value, log_key(tenant, str(learner)), times=times)
        return event_id

    def append(self, value: bytes, key: str, *, times: int = 1) -> None:
        partition = partition_of(key, self.log.partitions)
        self._seqs[partition] += 1
        record = Outgoing(partition, self._seqs[partition], key, value)
        self.log.writer(MASTERY_LEARNER, "mastery").append([record] * times)

    def met(
        self, *, cycle: int = 1, cause: str = "evidence", node: str = NODE, levels: Any = None, until: Any = None
    ) -> RequirementMetV1:
        said = self._threshold(cycle, cause, node)
        return RequirementMetV1(**said, achieved=levels or (achieved(),), valid_until=until)

    def lapsed(self, *, cycle: int = 1, cause: str = "retraction", node: str = NODE) -> RequirementLapsedV1:
        return RequirementLapsedV1(**self._threshold(cycle, cause, node))

    def _threshold(self, cycle: int, cause: str, node: str) -> Json:
        return {
            "policy": DocumentRef(kind="policy", id=POLICY, version=1, digest="sha256:p"),
            "node": node,
            "cycle": cycle,
            "cause": cause,
            "caused_by": UUID(int=77),
            "evidence": (UUID(int=11), UUID(int=12)),
            "evidence_count": 2,
            "documents": (),
            "position": JournalPosition(partition=0, seq=1),
            "effective_at": self.clock.now(),
            "recorded_at": self.clock.now(),
        }

    def settle(self) -> None:
        """Until nothing is left to do."""
        while self.consumer.step() or self.relay.step():  # type: ignore[attr-defined]
            pass
        assert self.consumer.trouble is None, self.consumer.trouble  # type: ignore[attr-defined]
        self.sweep.step()  # type: ignore[attr-defined]
        while self.relay.step():  # type: ignore[attr-defined]
            pass

    # ---- what people do

    def put(
        self, achievement: str = "welder", body: Json = WELDER, *, status: int = 201, key: str = "district"
    ) -> Json:
        return self.call("PUT", f"/v1/achievements/{achievement}", key, json=body, status=status)

    def get(self, path: str, key: str = "district", *, status: int = 200, **kwargs: Any) -> Json:
        return self.call("GET", path, key, status=status, **kwargs)

    def call(self, method: str, path: str, key: str | None = None, *, status: int = 200, **kwargs: Any) -> Json:
        headers = kwargs.pop("headers", {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        reply = self.http.request(method, path, headers=headers, **kwargs)
        assert reply.status_code == status, (reply.status_code, reply.text)
        body: Json = reply.json() if reply.content else {}
        return body

    def decide(self, award: str, decision: str, *, status: int = 201, key: str = "registrar") -> Json:
        body = {"decision": decision, "author": "p-17", "role": "principal", "reason": "Seen by the panel."}
        return self.call("POST", f"/v1/awards/{award}/decisions", key, json=body, status=status)

    def credentials(self, learner: UUID = ANA) -> list[Json]:
        found: list[Json] = self.get(f"/v1/learners/{learner}/credentials")["credentials"]
        return found

    def awards(self, *standing: str) -> list[Json]:
        found: list[Json] = self.get("/v1/awards", params={"standing": list(standing)} if standing else {})["awards"]
        return found

    def content(self, credential: Json) -> bytes:
        reply = self.http.get(credential["href"], headers={"Authorization": "Bearer district"})
        assert reply.status_code == 200, reply.text
        return reply.content

    def bundle(self, credential: Json) -> Json:
        return self.get(credential["href"], headers={"Accept": "application/vnd.wayproof.bundle+json"})

    def published(self) -> list[PublicEvent]:
        """What the service told the others, opened."""
        ours = Sealer(self.keys, "/credentials")
        records = [one for part in self.log.topic(CREDENTIALS_LEARNER) for one in part.records]
        return [ours.open(ours.parse(record.value)) for record in records]


def body_of(raw: bytes) -> Json:
    """A credential's members."""
    members: Json = json.loads(raw)
    return members
