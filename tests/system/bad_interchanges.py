"""More doors that bad input is tried at, and what is bad there alone: Caliper, CloudEvents, Ed-Fi's XML as a file."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.system.bad_doors import (
    DAY,
    KIB,
    MARK,
    SCORE,
    SKILL,
    STUDENT,
    Call,
    Door,
    Particular,
    Premises,
    json_call,
    message,
    tagged,
)

VERSION = "http://purl.imsglobal.org/ctx/caliper/v1p2"
AT = "2026-11-18T10:15:00.000Z"
NAMESPACE = 'xmlns="http://ed-fi.org/5.2.0"'
Json = dict[str, Any]


def event(serial: str) -> Json:
    """A grade as an LMS says it, with what the other doors say in its extensions."""
    head = {"id": f"urn:x:{serial}", "type": "GradeEvent", "actor": {"id": "https://lms.example/t-1", "type": "Person"}}
    about = {"id": f"https://lms.example/attempts/{serial}", "type": "Attempt"}
    return {**head, "action": "Graded", "object": about, "eventTime": AT, "extensions": message(serial)}


def envelope(*data: object, **said: object) -> Json:
    """What events travel in."""
    return {"sensor": "https://lms.example/sensor", "sendTime": AT, "dataVersion": VERSION, "data": [*data], **said}


def _caliper(p: Premises, serial: str) -> Call:
    return json_call("ingest", "POST", "/v1/caliper", p.events.token, envelope(event(serial)))


def _cloud_event(p: Premises, serial: str) -> Call:
    head = {"specversion": "1.0", "id": serial, "source": "https://partner.example/forms", "type": "org.example.said"}
    call = json_call("ingest", "POST", "/v1/events", p.cloud.token, {**head, "data": message(serial)})
    return call.without("content-type").having("content-type", "application/cloudevents+json")


def interchange(serial: str) -> str:
    """One assessment with one objective."""
    code = f"<IdentificationCode>{SKILL}</IdentificationCode>"
    objective = f"<ObjectiveAssessmentIdentity>{code}</ObjectiveAssessmentIdentity>"
    said = f"<ScoreResult><Result>{SCORE}</Result></ScoreResult>"
    who = f"<StudentIdentity><StudentUniqueId>{STUDENT}</StudentUniqueId></StudentIdentity>"
    return (
        f"<InterchangeStudentAssessment {NAMESPACE}><StudentAssessment>"
        f"<StudentAssessmentIdentifier>{MARK}-{serial}</StudentAssessmentIdentifier>"
        f"<AdministrationDate>{DAY}</AdministrationDate><StudentReference>{who}</StudentReference>"
        f"<StudentObjectiveAssessment>{said}<ObjectiveAssessmentReference>{objective}</ObjectiveAssessmentReference>"
        "</StudentObjectiveAssessment></StudentAssessment></InterchangeStudentAssessment>"
    )


def _assessments(p: Premises, serial: str) -> Call:
    headers = (("authorization", f"Bearer {p.assessments.token}"),)
    return Call("ingest", "POST", f"/v1/files/{p.assessments.id}", interchange(serial).encode(), headers)


def _said(name: str, change: Callable[[str], Any], at_field: bool = False, **headers: str) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = _caliper(p, serial)
        for header, value in headers.items():
            call = call.without(header.replace("_", "-")).having(header.replace("_", "-"), value)
        return replace(call, content=json.dumps(change(serial)).encode())

    return Particular(f"caliper: {name}", make, at_field)


def _event(name: str, at_field: bool = True, **said: object) -> Particular:
    return _said(f"an event with {name}", lambda serial: envelope({**event(serial), **said}), at_field)


def _xml(name: str, change: Callable[[str], str | bytes], at_field: bool = False) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        good = interchange(serial)
        bad = change(good)
        assert bad != good, "the input spoils something"
        return replace(_assessments(p, serial), content=bad if isinstance(bad, bytes) else bad.encode())

    return Particular(f"ed-fi: {name}", make, at_field)


def _instead(name: str, old: str, new: str, at_field: bool = True) -> Particular:
    return _xml(name, lambda good: good.replace(f">{old}<", f">{new}<"), at_field)


def _entities(good: str) -> str:
    doubled = "".join(f'<!ENTITY e{n + 1} "&e{n};&e{n};&e{n};&e{n};">' for n in range(20))
    return f'<!DOCTYPE x [<!ENTITY e0 "{MARK}">{doubled}]>' + good.replace(f">{SCORE}<", ">&e20;<")


INTERCHANGES = [
    _said("of another version", lambda s: envelope(event(s), dataVersion=MARK), at_field=True),
    _said("without a version", lambda s: envelope(event(s), dataVersion=None)),
    _said("data no list", lambda s: envelope(event(s)) | {"data": MARK}),
    _said("data in lists", lambda s: envelope([event(s)])),
    _said("an event alone", event),
    _said("an event that is text", lambda s: envelope(MARK)),
    _said("10,001 events", lambda s: envelope(*[{}] * 10_001)),
    _said("typed as text", lambda s: envelope(event(s)), content_type="text/plain"),
    *(_event(f"no {name}", **{name: None}) for name in ("id", "type", "actor", "action", "object", "eventTime")),
    _event("extensions that are text", extensions=MARK),
    _event("extensions of a list", extensions=[message("x")]),
    _instead("a score out of range", SCORE, "101", at_field=False),
    _instead("a score that is text", SCORE, MARK, at_field=False),
    _instead("a score that is no number", SCORE, "NaN", at_field=False),
    _instead("no score", SCORE, "", at_field=False),
    _instead("a skill nobody knows", SKILL, MARK),
    _instead("30 February", DAY, "2026-02-30"),
    _instead("year 10000", DAY, "10000-01-01"),
    _instead("nobody", STUDENT, ""),
    _instead("a learner that is too long", STUDENT, MARK * 100),
    _xml("entities that double", _entities),
    _xml("a document type from elsewhere", lambda good: f'<!DOCTYPE x SYSTEM "file:///etc/{MARK}">{good}'),
    _xml("cut off", lambda good: good[:-9]),
    _xml("another root", lambda good: good.replace("InterchangeStudentAssessment", "InterchangeStaff")),
    _xml("another name space", lambda good: good.replace("ed-fi.org", f"{MARK}.example")),
    _xml("a declaration that lies", lambda good: b'<?xml version="1.0" encoding="utf-16"?>' + good.encode()),
    _xml("an encoding nobody knows", lambda good: f'<?xml version="1.0" encoding="{MARK}"?>{good}'),
    _xml("a nul", lambda good: good.replace(SCORE, f"{SCORE}\0")),
    _xml("half an attribute", lambda good: good.replace(NAMESPACE, f'{NAMESPACE} {MARK}="')),
    _xml("100,000 deep", lambda good: good.replace(f">{SCORE}<", f">{'<a>' * 100_000}{'</a>' * 100_000}<")),
]
DOORS = [
    Door("caliper", _caliper, tagged("json", "message", "bearer", "sized"), 5 * KIB * KIB),
    Door("cloud event", _cloud_event, tagged("json", "message", "bearer", "sized"), 64 * KIB),
    Door("assessments", _assessments, tagged("xml", "bearer", "sized"), 50 * KIB * KIB),
]
