"""An ingest service as a test holds it: real stores and workers, a log in memory, a clock of the test's own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1, ScaleLevel, ScalePublishedV1, ScoreRange
from contracts.envelope import Envelope, PublicEvent, log_key
from contracts.events import INGEST_LEARNER, MASTERY_CATALOGUE
from services.ingest.formats.standard_webhooks import signed_headers
from services.ingest.main import build
from services.ingest.settings import IngestSettings
from services.runtime.access import FileRegister
from services.runtime.log.memory import MemoryLog
from services.runtime.log.partition import partition_of
from services.runtime.log.port import Outgoing
from services.runtime.sealing import Sealer
from services.runtime.stored_keys import SqliteKeyStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TENANT = "maple"
TEAM, SAFE = str(uuid4()), str(uuid4())

FORM_MAPPING: dict[str, Any] = {
    "name": "internship",
    "version": 1,
    "format": "json",
    "items": "doc.ratings",
    "record_key": {"join": [{"path": "doc.response"}, {"path": "item.skill"}], "with": "#"},
    "withdrawn": {"equals": {"path": "doc.type"}, "to": "withdrawn"},
    "learner": {"scheme": "student-number", "value": {"path": "doc.student"}},
    "competency": {"path": "item.skill"},
    "rating": {
        "scale": {"const": "four"},
        "level": {"path": "item.rating"},
        "not_observed": {"one_of": {"path": "item.rating"}, "values": ["N/A", "", None]},
    },
    "occurred_at": {"date": {"path": "doc.on"}},
    "kind": {"path": "doc.kind"},
    "assessor": {"id": {"path": "doc.mentor"}, "role": {"const": "mentor"}},
    "comment": {"path": "doc.comment"},
}
LINE_MAPPING: dict[str, Any] = {
    "name": "projects",
    "version": 1,
    "format": "ndjson",
    "record_key": {"path": "doc.id"},
    "withdrawn": {"equals": {"path": "doc.gone"}, "to": "true"},
    "learner": {"scheme": "student-number", "value": {"path": "doc.student"}},
    "competency": {"path": "doc.skill"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.score"}},
    "occurred_at": {"date": {"path": "doc.on"}},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "instructor"}},
}


class HeldClock:
    """Stands where the test puts it."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def pass_time(self, **said: float) -> None:
        self.at += timedelta(**said)


@dataclass
class House:
    """A running service, and what a test asks of it."""

    folder: Path
    clock: HeldClock = field(default_factory=HeldClock)
    log: MemoryLog = field(default_factory=lambda: MemoryLog(4))
    start: bool = True
    seq: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = SqliteKeyStore(self.folder / "keys")
        self.sealer = Sealer(self.keys, "/ingest")
        self.access = FileRegister(self.folder / "access.json", self.clock, elapsed_s=lambda: time.monotonic() * 1e6)
        self.open()

    def open(self) -> None:
        """Start the service on the folder."""
        settings = IngestSettings(data_dir=self.folder, poll_timeout_s=0.02, **self.settings)
        self.service = build(settings, clock=self.clock, log=self.log, keys=self.keys, access=self.access)
        self.parts = self.service.app.state.parts
        self.http = TestClient(self.service.app, raise_server_exceptions=False)
        self.stop = threading.Event()
        workers = self.service.workers if self.start else []
        self.threads = [threading.Thread(target=worker.run, args=[self.stop], daemon=True) for worker in workers]
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        """Stop in order."""
        self.stop.set()
        for thread in self.threads:
            thread.join(10)
        self.service.close()

    def reopen(self) -> None:
        """As after a restart."""
        self.close()
        self.open()

    # ---- people and keys

    def token(self, role: str, tenant: str = TENANT, **said: Any) -> dict[str, str]:
        """Headers with a key of this role."""
        name = f"{role}|{tenant}|{sorted(said.items())}"
        if name not in self.tokens:
            said = {**({"organisation": "lincoln", "person": "t-1"} if role == "teacher" else {}), **said}
            said = {**({"organisation": "lincoln"} if role == "district" else {}), **said}
            self.tokens[name] = self.access.add(tenant=tenant, role=role, **said)[1]  # type: ignore[arg-type]
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def source(self, name: str, mapping: dict[str, Any], pathway: str = "work_based", tenant: str = TENANT) -> str:
        """A registered source with a mapping; its id."""
        boss = self.token("district", tenant)
        body = {"name": name, "organisation": "lincoln", "pathway": pathway}
        said = self.http.post("/v1/sources", json=body, headers=boss)
        assert said.status_code == 201, said.text
        source = said.json()["source"]
        said = self.http.post(f"/v1/sources/{source}/mappings", json=mapping, headers=boss)
        assert said.status_code == 201, said.text
        return str(source)

    def secret(self, source: str, **said: Any) -> str:
        """A new webhook secret of the source."""
        boss = self.token("district", source.partition(".")[0])
        answer = self.http.post(f"/v1/sources/{source}/keys", json=said, headers=boss)
        assert answer.status_code == 201, answer.text
        return str(answer.json().get("secret", ""))

    def roster(self, people: list[dict[str, Any]], tenant: str = TENANT) -> dict[str, Any]:
        """Import people; the answer."""
        answer = self.http.post("/v1/roster", json=people, headers=self.token("registrar", tenant))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def learner(self, number: str, **said: Any) -> UUID:
        """One registered learner by student number."""
        person = {"identifiers": {"student-number": number}, "enrolments": [{"organisation": "lincoln"}], **said}
        return UUID(self.roster([person])["learners"][0])

    # ---- sending

    def webhook(self, source: str, secret: str, message: str, body: Any, **headers: str) -> Any:
        """A signed webhook."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signed_headers([secret], message, self.clock.at, raw)
        return self.http.post(f"/v1/webhooks/{source}", content=raw, headers={**signed, **headers})

    def stream(self, source: str) -> str:
        """A new stream of the source."""
        answer = self.http.post("/v1/streams", headers=self.token("source", source.partition(".")[0], source=source))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["stream"])

    def lines(self, source: str, stream: str, first: int, lines: list[Any]) -> Any:
        """Send lines; the response."""
        raw = b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines)
        headers = self.token("source", source.partition(".")[0], source=source)
        return self.http.post(f"/v1/streams/{stream}/lines?first={first}", content=raw, headers=headers)

    def receipt(self, receipt: str, tenant: str = TENANT) -> dict[str, Any]:
        """A receipt as the auditor sees it."""
        answer = self.http.get(f"/v1/receipts/{receipt}", headers=self.token("auditor", tenant))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def tally(self, source: str) -> dict[str, int]:
        """How all a source sent ended."""
        answer = self.http.get(f"/v1/sources/{source}", headers=self.token("district", source.partition(".")[0]))
        return {name: count for name, count in answer.json()["outcomes"].items() if count}

    # ---- what the others see

    def published(self, *kinds: type[PublicEvent]) -> list[tuple[Envelope, Any]]:
        """What the outbox holds, opened, in order within each partition; only of these kinds when any are named."""
        with self.parts.database.read() as cursor:
            rows = cursor.execute("SELECT value FROM outbox WHERE topic = ? ORDER BY part, seq", (INGEST_LEARNER,))
            envelopes = [self.sealer.parse(row[0]) for row in rows.fetchall()]
        opened = [(envelope, self.sealer.open(envelope)) for envelope in envelopes]
        return [(envelope, event) for envelope, event in opened if not kinds or isinstance(event, kinds)]

    def publish_catalogue(self, tenant: str = TENANT) -> None:
        """Mastery publishes a framework and two scales; returns when ingest has them."""
        items = [
            FrameworkItem(identifier=id_, code=code, statement=code) for id_, code in ((TEAM, "TEAM"), (SAFE, "SAFE"))
        ]
        levels = tuple(ScaleLevel(code=str(n), name=str(n), points=str(n)) for n in range(1, 5))
        span = ScoreRange(minimum="0", maximum="100")
        events: list[PublicEvent] = [
            FrameworkPublishedV1(framework="portrait", version=1, digest="d", title="Portrait", items=tuple(items)),
            ScalePublishedV1(scale="four", version=1, digest="d", title="Four", levels=levels, proficient="3"),
            ScalePublishedV1(scale="percent", version=2, digest="d", title="Percent", range=span, proficient="60"),
        ]
        self.publish(*events, tenant=tenant)
        self.wait(lambda: self.count("scale", tenant=tenant) == 2)

    def publish(self, *events: PublicEvent, tenant: str = TENANT) -> None:
        """Mastery publishes documents."""
        writer = self.log.writer(MASTERY_CATALOGUE, "mastery")
        mastery, part = Sealer(self.keys, "/mastery"), partition_of(log_key(tenant, "catalogue"), 4)
        for event in events:
            self.seq += 1
            raw = mastery.clear(event, id=uuid4(), tenant=tenant, subject="catalogue", time=self.clock.at)
            writer.append([Outgoing(part, self.seq, log_key(tenant, "catalogue"), raw)])

    def count(self, table: str, **where: Any) -> int:
        """Rows of a table."""
        condition = " AND ".join(f"{name} = ?" for name in where) or "1 = 1"
        with self.parts.database.read() as cursor:
            (found,) = cursor.execute(
                f"SELECT count(*) FROM {table} WHERE {condition}", tuple(where.values())
            ).fetchone()
        return int(found)

    def wait(self, until: Any, timeout_s: float = 15.0) -> None:
        """Until it holds."""
        deadline = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.01)


def form(
    response: str = "r-1", student: str = "100", *, kind: str = "summative", **ratings: str | None
) -> dict[str, Any]:
    """An employer's evaluation."""
    rated = [{"skill": skill, "rating": rating} for skill, rating in ratings.items()]
    head = {"type": "submitted", "response": response, "student": student, "on": "2026-11-19", "mentor": "m-31"}
    return {**head, "kind": kind, "ratings": rated}


def project(id_: str, score: object, student: str = "100", skill: str = "TEAM") -> dict[str, Any]:
    """A line of the virtual school."""
    return {"id": id_, "student": student, "skill": skill, "score": score, "on": "2026-11-18T10:00:00Z"}


@contextmanager
def furnished(folder: Path) -> Iterator[House]:
    """A running service whose catalogue is published."""
    made = House(folder)
    made.publish_catalogue()
    yield made
    made.close()
