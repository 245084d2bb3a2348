"""The doors bad input is tried at: for each a request that is taken as it is, and what its sender does last."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from services.demo.sendings import OBJECTIVES, RESULTS
from services.ingest.formats.standard_webhooks import signed_headers
from tests.support.documents import PERCENT
from tests.support.office import Office, Source, identifier_of
from tests.system.bad_mappings import ASSESSMENTS, CLOUD, EVENTS

MARK = "zq7-planted"
SCALE, SKILL, SCORE, STUDENT, DAY = "percent", "TEAM", "88", "S-ada", "2026-09-10"
ORGANISATION, OTHER = "lincoln", "oak"
PEOPLE = ("S-one", "S-same", "S-two", "S-twin", "S-wrong")  # to be merged, taken apart and corrected
KIB = 1024
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Call:
    """A request as it will be sent; `files` are zipped into the content when its sender is done with them."""

    service: str
    method: str
    path: str
    content: bytes = b""
    headers: Headers = ()
    chunked: bool = False
    declared: int | str | None = None  # a length that lies
    files: tuple[tuple[str, bytes], ...] = ()

    def having(self, name: str, value: str) -> "Call":
        """With one more header."""
        return replace(self, headers=(*self.headers, (name, value)))

    def without(self, name: str) -> "Call":
        """Without a header."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != name))

    def with_text(self, old: bytes, new: bytes) -> "Call":
        """Another text in the content, or in the files it is going to be made of."""
        assert old in self.content or any(old in text for _, text in self.files), "the input spoils something"
        files = tuple((name, text.replace(old, new)) for name, text in self.files)
        return replace(self, content=self.content.replace(old, new), files=files)


@dataclass(frozen=True)
class Particular:
    """One request that is refused at the one door it is for; `at_field`: the answer says where."""

    name: str
    make: Callable[["Premises", str], Call]
    at_field: bool = False


MAPPING: dict[str, Any] = {
    "name": "forms",
    "version": 1,
    "format": "json",
    "record_key": {"path": "doc.id"},
    "learner": {"scheme": "student", "value": {"path": "doc.student"}},
    "competency": {"path": "doc.skill"},
    "rating": {"scale": {"path": "doc.scale"}, "score": {"path": "doc.score"}},
    "occurred_at": {"date": {"path": "doc.day"}, "formats": ["date"]},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "mentor"}},
    "comment": {"path": "doc.note"},
}
ROWS: dict[str, Any] = {
    "name": "rows",
    "version": 1,
    "format": "oneroster",
    "record_key": {"path": "doc.objective.sourcedId"},
    "learner": {"scheme": "student", "value": {"path": "doc.result.studentSourcedId"}},
    "competency": {"path": "doc.objective.learningObjectiveId"},
    "rating": {"scale": {"const": SCALE}, "score": {"path": "doc.objective.score"}},
    "occurred_at": {"date": {"path": "doc.result.scoreDate"}, "formats": ["date"]},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "teacher"}},
    "comment": {"path": "doc.result.comment"},
}
EXTENSION = "https://lms.example/said/"
STATEMENTS: dict[str, Any] = {
    "name": "statements",
    "version": 1,
    "format": "xapi",
    "learner": {"scheme": "student", "value": {"path": "doc.actor.account.name"}},
    "competency": {"path": f'doc.result.extensions."{EXTENSION}skill"'},
    "rating": {
        "scale": {"path": f'doc.result.extensions."{EXTENSION}scale"'},
        "score": {"path": f'doc.result.extensions."{EXTENSION}score"'},
    },
    "occurred_at": {"date": {"path": "doc.timestamp"}, "formats": ["rfc3339"]},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "instructor"}},
    "comment": {"path": "doc.result.response"},
}
TABLE: dict[str, Any] = {
    "name": "table",
    "version": 1,
    "format": "csv",
    "record_key": {"column": "Task"},
    "withdrawn": {"equals": {"column": "Status"}, "to": "Void"},
    "learner": {"scheme": "student", "value": {"column": "Student"}},
    "competency": {"column": "Skill"},
    "rating": {"scale": {"const": SCALE}, "score": {"column": "Score"}},
    "occurred_at": {"date": {"column": "Day"}, "formats": ["date"]},
    "assessor": {"id": {"const": "grader-1"}, "role": {"const": "cte-teacher"}},
    "comment": {"column": "Note"},
}
POLICY: dict[str, Any] = {
    "policy": {"id": "team", "version": 1, "title": "Team", "organisation": ORGANISATION},
    "frameworks": [{"id": "skills", "version": 1}],
    "scales": [{"id": SCALE, "version": 1}],
    "competencies": {SKILL: {"estimate": {"method": "mean"}}},
    "requirements": {"team": {"all_of": [{"leaf": SKILL}]}},
}


@dataclass
class Premises:
    """A district with sources, a learner, keys good and bad, and another tenant beside it."""

    office: Office
    withdrawn: dict[str, Any] | None = None  # what makes a form a withdrawal
    forms: Source = field(init=False)
    lines: Source = field(init=False)
    rows: Source = field(init=False)
    bare: Source = field(init=False)
    mapped: Source = field(init=False)
    statements: Source = field(init=False)
    table: Source = field(init=False)
    events: Source = field(init=False)
    cloud: Source = field(init=False)
    assessments: Source = field(init=False)
    learners: dict[str, str] = field(init=False)

    def prepare(self) -> "Premises":
        """All through the doors, in the order an office would."""
        office = self.office
        office.publish_framework("skills", {SKILL: identifier_of(SKILL)})
        office.publish_scale(PERCENT)
        office.activate(POLICY)
        self.learners = office.enrol("student", [STUDENT, "S-good", *PEOPLE])
        self.forms = office.source("forms", self._forms(), "work_based")
        self.lines = office.source("lines", {**MAPPING, "format": "ndjson"}, "virtual")
        self.rows = office.source("rows", ROWS, "classroom")
        self.statements = office.source("statements", STATEMENTS, "virtual")
        self.table = office.source("table", TABLE, "cte")
        self.events = office.source("events", EVENTS, "virtual")
        self.cloud = office.source("cloud", CLOUD, "work_based")
        self.assessments = office.source("assessments", ASSESSMENTS, "classroom")
        self._keys()
        self._others()
        return self

    def _forms(self) -> dict[str, Any]:
        return MAPPING if self.withdrawn is None else {**MAPPING, "withdrawn": self.withdrawn}

    def _keys(self) -> None:
        key = self.office.system.key
        self.teacher = key("teacher", organisation=ORGANISATION, person="teacher-7")
        self.revoked = key("registrar")
        self.guardian = key("guardian", learner=self.learners[STUDENT], person="guardian-1")
        past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        self.expired = key("registrar", **{"valid-until": past})
        revoked = self.office.system.command("key", "revoke", self.revoked.partition(".")[0])
        assert revoked.returncode == 0, revoked.stderr
        made = self._at_source(self.forms, "keys", {"not_before": "2020-01-01T00:00:00Z", "not_after": past})
        self.expired_secret = made["secret"]
        made = self._at_source(self.forms, "keys", {"not_before": "2099-01-01T00:00:00Z"})
        self.early_secret = made["secret"]
        self.bare, self.mapped = self._without_mapping("bare"), self._without_mapping("mapped")

    def _others(self) -> None:
        """Another tenant with a source of the same kind and a learner of the same identifier."""
        system = self.office.system
        self.other = Office(system)
        self.other_district = system.key("district", OTHER, organisation="elm")
        self.other_registrar = system.key("registrar", OTHER)
        call = partial(self.office.call, "ingest", self.other_district, "POST")
        call("/v1/sources", json={"name": "forms", "organisation": "elm", "pathway": "virtual"})
        call(f"/v1/sources/{OTHER}.forms/mappings", json=MAPPING)
        self.other_secret = call(f"/v1/sources/{OTHER}.forms/keys", json={})["secret"]
        self.other_source = system.key("source", OTHER, source=f"{OTHER}.forms")
        roster = [{"identifiers": {"student": STUDENT}, "enrolments": [{"organisation": "elm"}]}]
        said = self.office.call("ingest", self.other_registrar, "POST", "/v1/roster", json=roster)
        self.other_learner = said["learners"][0]

    def _without_mapping(self, name: str) -> Source:
        """Registered, and nothing it sends can be read yet."""
        said = {"name": name, "organisation": ORGANISATION, "pathway": "virtual"}
        source = self.office.call("ingest", self.office.district, "POST", "/v1/sources", json=said)["source"]
        secret = self.office.call("ingest", self.office.district, "POST", f"/v1/sources/{source}/keys", json={})
        return Source(source, self.office.system.key("source", source=source), secret["secret"])

    def _at_source(self, source: Source, what: str, body: dict[str, Any]) -> Any:
        return self.office.call("ingest", self.office.district, "POST", f"/v1/sources/{source.id}/{what}", json=body)

    def stream(self) -> str:
        """A new stream of the lines' source."""
        opened = self.office.call("ingest", self.lines.token, "POST", "/v1/streams")
        return str(opened["stream"])


# ---- the doors


@dataclass(frozen=True)
class Door:
    """Where it is tried; `tags` say which inputs make sense there."""

    name: str
    good: Callable[[Premises, str], Call]
    tags: frozenset[str]
    bytes_max: int = 10 * KIB * KIB
    finish: Callable[[Premises, Call, str], Call] = lambda premises, call, serial: call


def message(serial: str, student: str = STUDENT) -> dict[str, str]:
    """A piece of evidence as a sender says it."""
    said = {"id": f"r-{serial}", "student": student, "skill": SKILL, "score": SCORE, "scale": SCALE}
    return {**said, "day": DAY, "note": MARK}


def json_call(service: str, method: str, path: str, key: str, said: object) -> Call:
    headers = (("authorization", f"Bearer {key}"), ("content-type", "application/json"))
    return Call(service, method, path, json.dumps(said).encode(), headers)


def _webhook(p: Premises, serial: str) -> Call:
    return Call("ingest", "POST", f"/v1/webhooks/{p.forms.id}", json.dumps(message(serial)).encode())


def sign(p: Premises, call: Call, serial: str) -> Call:
    """As the source signs: the bytes it is going to send."""
    headers = signed_headers([p.forms.secret], f"m-{serial}", datetime.now(UTC), call.content)
    return replace(call, headers=(*call.headers, *headers.items()))


def _stream(p: Premises, serial: str) -> Call:
    path = f"/v1/streams/{p.stream()}/lines?first=1"
    return replace(json_call("ingest", "POST", path, p.lines.token, message(serial)).without("content-type"))


def _observation(p: Premises, serial: str) -> Call:
    said = {
        "learner": {"scheme": "student", "value": STUDENT},
        "competency": {"code": SKILL},
        "rating": {"scale": SCALE, "score": SCORE},
        "occurred_at": f"{DAY}T12:00:00Z",
        "pathway": "classroom",
        "comment": MARK,
    }
    return json_call("ingest", "POST", "/v1/observations", p.teacher, said).having("idempotency-key", f"k-{serial}")


def package_files(serial: str) -> dict[str, bytes]:
    """A OneRoster package's files: one result and its objective level."""
    names = ("academicSessions", "categories", "classes", "courses", "enrollments", "lineItems", "orgs", "users")
    manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", "1.2"]]
    manifest += [[f"file.{name}", "absent"] for name in names]
    manifest += [["file.results", "delta"], ["file.resultLearningObjectiveIds", "delta"]]
    result = [f"res-{serial}", "", "", "li-1", STUDENT, "fully graded", SCORE, DAY, MARK, "", "c-1", *["false"] * 4]
    level = [f"lev-{serial}", "", "", f"res-{serial}", "case", f"urn:uuid:{identifier_of(SKILL)}", SCORE, ""]
    return {
        "manifest.csv": csv_of(manifest),
        "results.csv": csv_of([RESULTS.split(","), result]),
        "resultLearningObjectiveIds.csv": csv_of([OBJECTIVES.split(","), level]),
    }


def csv_of(rows: list[list[str]]) -> bytes:
    """The table as a file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _file(p: Premises, serial: str) -> Call:
    headers = (("authorization", f"Bearer {p.rows.token}"),)
    files = tuple(package_files(serial).items())
    return Call("ingest", "POST", f"/v1/files/{p.rows.id}", headers=headers, files=files)


def zipped(p: Premises, call: Call, serial: str) -> Call:
    """The package of the call's files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in call.files:
            package.writestr(name, text)
    return replace(call, content=buffer.getvalue())


def _roster(p: Premises, serial: str) -> Call:
    person = {"identifiers": {"student": f"S-{serial}"}, "given_name": MARK}
    return json_call("ingest", "POST", "/v1/roster", p.office.registrar, [person])


def _lookup(p: Premises, serial: str) -> Call:
    said = {"identifiers": [{"scheme": "student", "value": MARK}]}
    return json_call("ingest", "POST", "/v1/learners/lookup", p.office.registrar, said)


def _link(p: Premises, serial: str) -> Call:
    path = f"/v1/learners/{p.learners['S-good']}/links"
    return json_call("ingest", "POST", path, p.office.registrar, {"scheme": f"s-{serial}", "value": MARK})


def _source(p: Premises, serial: str) -> Call:
    said = {"name": f"s-{serial}", "organisation": ORGANISATION, "pathway": "virtual", "title": MARK}
    return json_call("ingest", "POST", "/v1/sources", p.office.district, said)


def _mapping(p: Premises, serial: str) -> Call:
    said = {**MAPPING, "version": int(serial.rpartition("-")[2]) + 2, "comment": {"const": MARK}}
    return json_call("ingest", "POST", f"/v1/sources/{p.mapped.id}/mappings", p.office.district, said)


def _framework(p: Premises, serial: str) -> Call:
    path = f"/v1/frameworks?framework=f-{serial}&version=1"
    items = [{"identifier": "i-1", "humanCodingScheme": "A", "fullStatement": "Shows A."}]
    said = {"CFDocument": {"identifier": "d-1", "title": MARK, "uri": "https://example.org/d-1"}, "CFItems": items}
    return json_call("mastery", "POST", path, p.office.district, said)


def _scale(p: Premises, serial: str) -> Call:
    return json_call(
        "mastery", "POST", "/v1/scales", p.office.district, {**PERCENT, "id": f"s-{serial}", "title": MARK}
    )


def _policy(p: Premises, serial: str) -> Call:
    said = {**POLICY, "policy": {**POLICY["policy"], "id": f"p-{serial}", "title": MARK}}
    return json_call("mastery", "POST", "/v1/policies", p.office.district, said)


def _achievement(p: Premises, serial: str) -> Call:
    said = {"name": "Team", "description": MARK, "criteria": "Shown.", "kind": "MicroCredential"}
    said["requirement"] = {"policy": "nobodys", "node": "team"}  # type: ignore[assignment]
    return json_call("credentials", "PUT", f"/v1/achievements/a-{serial}", p.office.district, said)


def tagged(*tags: str) -> frozenset[str]:
    """Everything at least has a body."""
    return frozenset({"body", *tags})


STRICT = tagged("json", "strict", "bearer")
DOCUMENT = tagged("json", "bearer")
DOORS = [
    Door("webhook", _webhook, tagged("json", "message", "said", "sized"), 64 * KIB, sign),
    Door("stream", _stream, tagged("json", "message", "bearer", "sized"), 5 * KIB * KIB),
    Door("observation", _observation, STRICT | {"message", "sized"}),
    Door("file", _file, tagged("file", "bearer", "sized"), 50 * KIB * KIB, zipped),
    Door("roster", _roster, tagged("json", "bearer", "sized"), 50 * KIB * KIB),
    Door("lookup", _lookup, STRICT),
    Door("link", _link, STRICT),
    Door("source", _source, STRICT),
    Door("mapping", _mapping, DOCUMENT, 2 * KIB * KIB),
    Door("framework", _framework, DOCUMENT),
    Door("scale", _scale, DOCUMENT),
    Door("policy", _policy, DOCUMENT),
    Door("achievement", _achievement, STRICT),
]
