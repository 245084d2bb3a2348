"""Learners of whom the same is said through every door; whatever is said carries its learner's name and its door's."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from contracts.envelope import log_key
from contracts.events import INGEST_LEARNER
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.demo.sendings import OBJECTIVES, RESULTS
from services.ingest.formats.standard_webhooks import signed_headers
from services.ingest.storage.schema import MIGRATIONS
from services.runtime.opening import open_keys, open_store
from services.runtime.sealing import Sealer, Written
from services.runtime.settings import RuntimeSettings
from services.runtime.store.outbox import OutboxMessage, put
from services.runtime.tenancy import every_tenant
from tests.support.documents import PERCENT
from tests.support.office import ORGANISATION, TENANT, Office, Source, identifier_of
from tests.support.processes import Wayproof, wait_for
from tests.system.bad_doors import DAY, EXTENSION, MAPPING, POLICY, ROWS, SKILL, STATEMENTS, TABLE, csv_of

XAPI = {"X-Experience-API-Version": "1.0.3"}
UNTOLD = {"test": {"equals": {"path": "doc.kind"}, "to": "rated"}, "otherwise": "not-rated"}
FORMS: dict[str, Any] = {
    **MAPPING,
    "when": [UNTOLD],
    "withdrawn": {"equals": {"path": "doc.gone"}, "to": "yes"},
}
PART_BYTES = 1024 * 1024
DOORS = (
    *("roster", "form", "form-without-claim", "form-of-no-skill", "form-off-the-scale", "form-taken-back", "tombstone"),
    *("redriven", "line", "line-repeated", "seen", "package", "table", "table-without-claim", "large-table"),
    *("statement", "statement-without-claim", "statement-of-no-skill", "statement-repeated", "waited"),
    *("waited-statement", "second-registration", "dead-letter"),
)


@dataclass
class Person:
    """Somebody as the senders know them; `name` is in all that is said of them, and nowhere else."""

    name: str
    learner: str = ""
    merged: str = ""  # a second registration, merged into the first
    credential: str = ""

    @property
    def number(self) -> str:
        """How most senders name them."""
        return f"{self.name}-number"

    def says(self, door: str) -> str:
        """What is said of them through a door."""
        return f"{self.name} by {door}: keeps at it"


@dataclass
class School:
    """The sources, and everything that is said."""

    office: Office
    people: tuple[Person, ...]
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def system(self) -> Wayproof:
        """What it is all sent to."""
        return self.office.system

    def prepare(self) -> None:
        """Documents, sources and people."""
        office = self.office
        office.publish_framework("skills", {SKILL: identifier_of(SKILL)})
        office.publish_scale(PERCENT)
        office.activate(POLICY)
        office.define("team-badge", "team", "team")
        self.sources = {
            "forms": office.source("forms", FORMS, "work_based"),
            "lines": office.source("lines", {**MAPPING, "format": "ndjson"}, "virtual"),
            "rows": office.source("rows", ROWS, "classroom"),
            "statements": office.source("statements", {**STATEMENTS, "when": [_scored()]}, "virtual"),
            "table": office.source("table", {**TABLE, "when": [_marked()]}, "cte"),
        }
        self.teacher = office.system.key("teacher", organisation=ORGANISATION, person="teacher-7")
        for person in self.people:
            person.learner = self._register(person, person.number, "roster")

    def _register(self, person: Person, number: str, door: str) -> str:
        said = {"identifiers": {"student": number}, "given_name": person.says(door), "family_name": person.name}
        said |= {"email": f"{person.name}@{door}.example", "enrolments": [{"organisation": ORGANISATION}]}
        office = self.office
        answer = office.call("ingest", office.registrar, "POST", "/v1/roster", json=[said], params={"link_email": True})
        return str(answer["learners"][0])

    # ---- before the first back-up

    def say(self) -> None:
        """Everything but what waits for something."""
        for person in self.people:
            self._forms(person)
            self._observe(person)
            self._tables(person)
            self._statements(person)
            self._waits(person)
        self._streams()
        self._package()
        self._large_table()
        self._dead_letters()
        self.rest()

    def _forms(self, person: Person) -> None:
        form = self._form
        form(person, "form")
        form(person, "form-without-claim", kind="seen")
        form(person, "form-of-no-skill", skill=None)
        form(person, "redriven", skill=None, skills=SKILL)
        form(person, "form-off-the-scale", scale="no-such-scale")
        form(person, "form-taken-back")
        form(person, "form-taken-back", message="gone", gone="yes")
        form(person, "tombstone", gone="yes")

    def _form(self, person: Person, door: str, message: str = "", number: str = "", **other: object) -> None:
        said = {**_message(person, door, number or person.number), "kind": "rated", **other}
        body, source = json.dumps({k: v for k, v in said.items() if v is not None}).encode(), self.sources["forms"]
        headers = signed_headers([source.secret], f"{_id(person, door)}{message}", datetime.now(UTC), body)
        with self.system.client("ingest") as client:
            _good(client.post(f"/v1/webhooks/{source.id}", content=body, headers=headers))

    def _observe(self, person: Person) -> None:
        said = {
            "learner": {"scheme": "student", "value": person.number},
            "competency": {"code": SKILL},
            "rating": {"scale": "percent", "score": "88"},
            "occurred_at": f"{DAY}T12:00:00Z",
            "pathway": "classroom",
            "comment": person.says("seen"),
        }
        with self.system.client("ingest", self.teacher) as client:
            _good(client.post("/v1/observations", json=said, headers={"Idempotency-Key": _id(person, "seen")}))

    def _streams(self) -> None:
        """One stream: a line of each; then the same lines again, with one more of whoever is last."""
        source = self.sources["lines"]
        lines = [json.dumps(_message(person, "line")).encode() for person in self.people]
        again = [json.dumps(_message(person, "line-repeated")).encode() for person in self.people]
        with self.system.client("ingest", source.token) as client:
            path = f"/v1/streams/{_good(client.post('/v1/streams')).json()['stream']}/lines"
            _good(client.post(path, params={"first": 1}, content=b"\n".join([*lines, again[0]])))
            first = {"first": len(lines) + 1}
            _good(client.post(path, params=first, content=b"\n".join(again)))

    def _package(self) -> None:
        results, levels = [RESULTS.split(",")], [OBJECTIVES.split(",")]
        for person in self.people:
            id_ = _id(person, "package")
            graded = ["", "", "li-1", person.number, "fully graded", "88", DAY, person.says("package"), "", "c-1"]
            results.append([f"res-{id_}", *graded, *["false"] * 4])
            levels.append([f"lev-{id_}", "", "", f"res-{id_}", "case", f"urn:uuid:{identifier_of(SKILL)}", "88", ""])
        absent = ("academicSessions", "categories", "classes", "courses", "enrollments", "lineItems", "orgs", "users")
        manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", "1.2"]]
        manifest += [[f"file.{name}", "absent"] for name in absent]
        manifest += [["file.results", "delta"], ["file.resultLearningObjectiveIds", "delta"]]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
            for name, rows in {"manifest": manifest, "results": results, "resultLearningObjectiveIds": levels}.items():
                package.writestr(f"{name}.csv", csv_of(rows))
        self._file("rows", buffer.getvalue())

    def _tables(self, person: Person) -> None:
        self._file("table", _table([_row(person, "table")]))
        self._file("table", _table([_row(person, "table-without-claim", "Draft")]))

    def _large_table(self) -> None:
        """More than a part holds; the first part names its learner, and so does the last."""
        padding = [["", "", "", "", "", "x" * 60_000, "Draft"] for _ in range(20)]
        for person in self.people:
            row = _row(person, "large-table")
            self._file("table", _table([row, *padding, [f"{row[0]}-2", *row[1:]]]))

    def _file(self, source: str, content: bytes) -> None:
        one = self.sources[source]
        taken = self.office.call("ingest", one.token, "POST", f"/v1/files/{one.id}", content=content)
        path = f"/v1/imports/{taken['import']}"
        wait_for(lambda: self.office.call("ingest", one.token, "GET", path)["state"] == "done", 60, "the file is read")

    def _statements(self, person: Person) -> None:
        self._post([_statement(person, "statement")])
        self._post([_statement(person, "statement-without-claim", verb="viewed")])
        self._post([_statement(person, "statement-of-no-skill", skill=None)])
        repeated = _statement(person, "statement-repeated")
        self._post([repeated])
        other = self.people[self.people.index(person) - 1]
        self._post([repeated, _statement(other, "statement-of-no-skill", id_=str(uuid4()), skill=None)])

    def _post(self, said: list[dict[str, Any]]) -> None:
        with self.system.client("ingest", self.sources["statements"].token) as client:
            _good(client.post("/xapi/statements", json=said, headers=XAPI))

    def _waits(self, person: Person) -> None:
        """Under an identifier nobody knows yet; it is said to be theirs later on."""
        self._form(person, "waited", number=f"{person.name}-waited")
        self._post([_statement(person, "waited-statement", number=f"{person.name}-waited")])

    def _dead_letters(self) -> None:
        """On the log, sealed, and no evidence: whoever reads it cannot judge it."""
        settings = RuntimeSettings(data_dir=self.system.data, **self._where())
        keys, database = open_keys(settings), open_store(settings, "ingest", MIGRATIONS)
        messages = []
        for person in self.people:
            event, said = uuid4(), json.dumps({"no": person.says("dead-letter")}).encode()
            written = Written(EvidenceAcceptedV1.TYPE, said)
            with every_tenant("test"):
                value = Sealer(keys, "/ingest").seal(
                    written, id=event, tenant=TENANT, subject=person.learner, time=datetime.now(UTC)
                )
            messages.append(OutboxMessage(INGEST_LEARNER, log_key(TENANT, person.learner), event, value))
        with every_tenant("test"), database.write() as cursor:
            put(cursor, settings.log_partitions, messages)
        database.close()
        keys.close()

    def _where(self) -> dict[str, Any]:
        """What the services were told of their stores."""
        told = self.system.told if isinstance(self.system, Told) else {}
        names = {"WAYPROOF_STORE_URL": "store_url"}
        return {names[name]: value for name, value in told.items() if name in names}

    # ---- after it

    def settle_what_waited(self) -> None:
        """A second registration is merged, an identifier linked, the mapping mended, and what it kept out redriven."""
        office = self.office
        for person in self.people:
            number = f"{person.name}-twice"
            person.merged = self._register(person, number, "second-registration")
            self._form(person, "second-registration", number=number)
            said = {"into": person.learner, "reason": "the same person"}
            office.call("ingest", office.registrar, "POST", f"/v1/learners/{person.merged}/merge", json=said)
            link = {"scheme": "student", "value": f"{person.name}-waited"}
            office.call("ingest", office.registrar, "POST", f"/v1/learners/{person.learner}/links", json=link)
        mended = {**FORMS, "version": 2, "competency": {"first_of": [{"path": "doc.skill"}, {"path": "doc.skills"}]}}
        source = self.sources["forms"].id
        office.call("ingest", office.district, "POST", f"/v1/sources/{source}/mappings", json=mended)
        office.call("ingest", office.registrar, "POST", "/v1/quarantine/redrive", json={"source": source})
        self.rest()
        for person in self.people:
            path = f"/v1/learners/{person.learner}/credentials"
            found, *_ = office.call("credentials", office.registrar, "GET", path)["credentials"]
            person.credential = found["href"]

    def rest(self) -> None:
        """Until nobody has anything left to do."""

        def quiet() -> bool:
            urls = [f"{self.system.urls[name]}/health/progress" for name in ("ingest", "mastery", "credentials")]
            said = [httpx.get(url, trust_env=False, timeout=30).json() for url in urls * 2]
            return all(count == 0 for each in said for count in each.values())

        wait_for(quiet, 90, "the services are at rest")


class Told(Wayproof):
    """A system that stands on servers, and knows what it was told of them."""

    def __init__(self, data: Any, told: dict[str, str], store: str) -> None:
        super().__init__(data, told)
        self.told, self._store = told, store

    @property
    def store(self) -> str:
        """Looked at as the superuser."""
        return self._store


def _id(person: Person, door: str) -> str:
    return str(uuid5(UUID(int=0), f"{person.name} {door}"))


def _message(person: Person, door: str, number: str = "") -> dict[str, str]:
    said = {"id": _id(person, door), "student": number or person.number, "skill": SKILL, "score": "88"}
    return {**said, "scale": "percent", "day": DAY, "note": person.says(door)}


def _scored() -> dict[str, Any]:
    verb = {"equals": {"path": "doc.verb.id"}, "to": f"{EXTENSION}scored"}
    return {"test": verb, "otherwise": "not-scored"}


def _marked() -> dict[str, Any]:
    return {"test": {"equals": {"column": "Status"}, "to": "Final"}, "otherwise": "not-final"}


def _statement(
    person: Person, door: str, number: str = "", id_: str = "", verb: str = "scored", skill: str | None = SKILL
) -> dict[str, Any]:
    extensions = {f"{EXTENSION}{name}": value for name, value in (("scale", "percent"), ("score", "88"))}
    extensions |= {f"{EXTENSION}skill": skill} if skill else {}
    return {
        "id": id_ or _id(person, door),
        "actor": {"account": {"homePage": "https://lms.example", "name": number or person.number}},
        "verb": {"id": f"{EXTENSION}{verb}"},
        "object": {"id": "https://lms.example/activities/1"},
        "timestamp": f"{DAY}T12:00:00Z",
        "result": {"response": person.says(door), "extensions": extensions},
    }


def _row(person: Person, door: str, status: str = "Final") -> list[str]:
    return [_id(person, door), person.number, SKILL, "88", DAY, person.says(door), status]


def _table(rows: list[list[str]]) -> bytes:
    return csv_of([["Task", "Student", "Skill", "Score", "Day", "Note", "Status"], *rows])


def _good(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, f"{answer.request.url.path}: {answer.status_code} {answer.text}"
    return answer
