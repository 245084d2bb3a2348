"""Statements, and a source that sends them, as the tests of the xAPI door hold them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.ingest.house import House

VERSION = "X-Experience-API-Version"
RECEIPT = "Wayproof-Receipt"
FIRST = {VERSION: "1.0.3"}
SECOND = {VERSION: "2.0.0"}
SCORED = "http://adlnet.gov/expapi/verbs/scored"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
HOME = "https://lms.example"
Json = dict[str, Any]

MAPPING: Json = {
    "name": "lms",
    "version": 1,
    "format": "xapi",
    "when": [{"test": {"equals": {"path": "doc.verb.id"}, "to": SCORED}, "otherwise": "not-scored"}],
    "learner": {"scheme": "student-number", "value": {"path": "doc.actor.account.name"}},
    "competency": {"const": "TEAM"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.result.score.raw"}},
    "occurred_at": {"date": {"path": "doc.timestamp"}},
    "assessor": {"id": {"const": "lms"}, "role": {"const": "instructor"}},
}


def statement(id_: str | None = None, raw: object = 70, student: str = "100", verb: str = SCORED, **said: Any) -> Json:
    """Somebody was scored."""
    head = {} if id_ is None else {"id": id_}
    actor = {"account": {"homePage": HOME, "name": student}}
    scored = {"result": {"score": {"raw": raw, "min": 0, "max": 100}}} if verb == SCORED else {}
    about = {"id": f"{HOME}/activities/1"}
    return {**head, "actor": actor, "verb": {"id": verb}, "object": about, **scored, **said}


def voiding(target: str, id_: str | None = None) -> Json:
    """The statement that takes another back."""
    about = {"objectType": "StatementRef", "id": target}
    return {**statement(id_, verb=VOIDED), "object": about}


@dataclass
class Sender:
    """A source with its key, sending as an LMS does."""

    house: House
    source: str
    headers: Mapping[str, str]

    def post(self, said: Any, **headers: str) -> httpx.Response:
        """POST one or a batch; bytes go as they are."""
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        sent = {**self.headers, "Content-Type": "application/json", **headers}
        return self.house.http.post("/xapi/statements", content=raw, headers=sent)

    def put(self, id_: str, said: Any, **headers: str) -> httpx.Response:
        """PUT one."""
        sent = {**self.headers, **headers}
        return self.house.http.put("/xapi/statements", params={"statementId": id_}, json=said, headers=sent)

    def get(self, **asked: Any) -> httpx.Response:
        """GET by parameters."""
        return self.house.http.get("/xapi/statements", params=asked, headers=self.headers)

    def found(self, **asked: Any) -> list[Json]:
        """Statements that match."""
        answer = self.get(**asked)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["statements"])

    def tally(self) -> dict[str, int]:
        """How all it sent ended."""
        return self.house.tally(self.source)


def sender(
    house: House, name: str = "lms", mapping: Json | None = None, *, lenient: bool | None = None, **headers: str
) -> Sender:
    """A registered source."""
    source = house.source(name, mapping or MAPPING, "classroom")
    if lenient is not None:
        body = {"name": name, "organisation": "lincoln", "pathway": "classroom", "lenient": lenient}
        answer = house.http.post("/v1/sources", json=body, headers=house.token("district"))
        assert answer.json()["lenient"] is lenient
    return Sender(house, source, {**house.token("source", source=source), **(headers or FIRST)})


def mapping_of(name: str) -> Json:
    """A mapping of tests/support/mappings."""
    path = Path(__file__).parents[1] / "support" / "mappings" / f"{name}.yaml"
    return dict(yaml.safe_load(path.read_text()))
