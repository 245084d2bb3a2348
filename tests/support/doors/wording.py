"""How each door's senders write what they say, and the mappings that read it."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from tests.support.ledger.chronicle import Said
from tests.support.office import identifier_of

Json = dict[str, Any]
SCALE, SCHEME = "percent", "student"
SCORED, VOIDED = "http://adlnet.gov/expapi/verbs/scored", "http://adlnet.gov/expapi/verbs/voided"
TASKS = "https://lms.example/tasks/"
HOME = "https://lms.example"
RESULT = [
    *("sourcedId", "status", "dateLastModified", "lineItemSourcedId", "studentSourcedId", "scoreStatus", "score"),
    *("scoreDate", "comment", "textScore", "classSourcedId", "inProgress", "incomplete", "late", "missing"),
]
OBJECTIVE = [
    *("sourcedId", "status", "dateLastModified", "resultSourcedId", "source", "learningObjectiveId", "score"),
    "textScore",
]


def _mapping(name: str, form: str, record: Json, where: str = "path", **said: Any) -> Json:
    return {
        "name": name,
        "version": 1,
        "format": form,
        "record_key": record,
        "on_change": "revise",
        "learner": {"scheme": SCHEME, "value": {where: said.pop("student")}},
        "competency": {where: said.pop("skill")},
        "rating": {"scale": {"const": SCALE}, "score": {where: said.pop("score")}},
        "occurred_at": {"date": {where: said.pop("day")}, "formats": ["rfc3339", "date"]},
        "assessor": {"id": {"const": "mentor-1"}, "role": {"const": "mentor"}},
        "activity": {"artifact": record},
        **said,
    }


def _gone(place: str, text: str = "yes", where: str = "path") -> Json:
    return {"equals": {where: place}, "to": text}


FORMS = _mapping(
    "forms", "json", {"join": [{"path": "doc.form"}, {"path": "item.skill"}], "with": "#"}, items="doc.scores",
    student="doc.student", skill="item.skill", score="item.score", day="doc.day", withdrawn=_gone("item.gone"),
)  # fmt: skip
LINES = _mapping(
    "lines", "ndjson", {"path": "doc.task"},
    student="doc.student", skill="doc.skill", score="doc.score", day="doc.day", withdrawn=_gone("doc.gone"),
)  # fmt: skip
STATEMENTS = _mapping(
    "statements", "xapi", {"path": "doc.object.id"},
    student="doc.actor.account.name", skill="doc.result.response", score="doc.result.score.raw", day="doc.timestamp",
)  # fmt: skip
PACKAGES = _mapping(
    "packages", "oneroster", {"path": "doc.objective.sourcedId"},
    student="doc.result.studentSourcedId", skill="doc.objective.learningObjectiveId", score="doc.objective.score",
    day="doc.result.scoreDate", withdrawn=_gone("doc.status", "tobedeleted"),
)  # fmt: skip

TABLES = _mapping(
    "tables", "csv", {"column": "Task"}, "column",
    student="Student", skill="Skill", score="Score", day="Day", withdrawn=_gone("Status", "Void", "column"),
)  # fmt: skip


def form(said: Sequence[Said]) -> bytes:
    """One form about one learner: a score, or that it is gone, for each skill."""
    name = said[0].record.partition("#")[0]
    day = next((each.piece.at for each in said if each.piece), "2026-01-01")
    scores = [{"skill": each.record.partition("#")[2], **_worth(each)} for each in said]
    return json.dumps({"form": name, "student": said[0].learner, "day": day, "scores": scores}).encode()


def line(said: Said) -> bytes:
    """One task."""
    place = {"task": said.record, "student": said.learner}
    if said.piece is None:
        return json.dumps({**place, **_worth(said)}).encode()
    return json.dumps({**place, "day": said.piece.at, "skill": said.piece.competency, **_worth(said)}).encode()


def statement(said: Said) -> Json:
    """Somebody was scored, or that statement is void."""
    head: Json = {"id": said.statement} if said.statement else {}
    head |= {"actor": {"account": {"homePage": HOME, "name": said.learner}}}
    if said.piece is None:
        return {**head, "verb": {"id": VOIDED}, "object": {"objectType": "StatementRef", "id": said.takes_back}}
    score = {"raw": int(said.piece.value or 0), "min": 0, "max": 100}
    return {
        **head,
        "verb": {"id": SCORED},
        "object": {"id": said.record},
        "result": {"score": score, "response": said.piece.competency},
        "timestamp": f"{said.piece.at}T23:59:59.999999Z",
    }


def observation(said: Said) -> bytes:
    """What a teacher saw."""
    assert said.piece is not None, "an observation is never taken back"
    seen: Json = {"learner": {"scheme": SCHEME, "value": said.learner}, "competency": {"code": said.piece.competency}}
    seen |= {"rating": {"scale": SCALE, "score": str(said.piece.value)}, "pathway": "classroom"}
    return json.dumps({**seen, "occurred_at": f"{said.piece.at}T23:59:59.999999Z", "artifact": said.record}).encode()


def package(said: Sequence[Said]) -> bytes:
    """A OneRoster package: a result for each objective level; what is withdrawn is to be deleted."""
    names = ("academicSessions", "categories", "classes", "courses", "enrollments", "lineItems", "orgs", "users")
    manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", "1.2"]]
    manifest += [[f"file.{name}", "absent"] for name in names]
    manifest += [["file.results", "delta"], ["file.resultLearningObjectiveIds", "delta"]]
    files = {
        "manifest.csv": manifest,
        "results.csv": [RESULT, *map(_result, said)],
        "resultLearningObjectiveIds.csv": [OBJECTIVE, *map(_objective, said)],
    }
    return zipped({name: table(rows) for name, rows in files.items()})


def sheet(said: Sequence[Said]) -> bytes:
    """A CSV with a task a row; what is withdrawn is void."""
    return table([["Student", "Task", "Skill", "Day", "Score", "Status"], *map(_row, said)])


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP that is the same bytes whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _worth(said: Said) -> Json:
    return {"gone": "yes"} if said.piece is None else {"score": int(said.piece.value or 0)}


def _row(said: Said) -> list[str]:
    if said.piece is None:
        return [said.learner, said.record, "", "", "", "Void"]
    return [said.learner, said.record, said.piece.competency, said.piece.at, str(said.piece.value), ""]


def _result(said: Said) -> list[str]:
    day = said.piece.at if said.piece else "2026-01-01"
    score = str(said.piece.value) if said.piece else "0"
    head = [f"r-{said.record}", "active", "2026-01-01T00:00:00.000Z", "item-1", said.learner, "fully graded"]
    return [*head, score, day, "", "", "class-1", *["false"] * 4]


def _objective(said: Said) -> list[str]:
    status = "active" if said.piece else "tobedeleted"
    skill = said.piece.competency if said.piece else "TEAM"
    score = str(said.piece.value) if said.piece else "0"
    named = f"urn:uuid:{identifier_of(skill)}"
    return [said.record, status, "2026-01-01T00:00:00.000Z", f"r-{said.record}", "case", named, score, ""]
