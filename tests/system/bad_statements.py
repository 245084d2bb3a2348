"""Statements and questions that break xAPI's rules: refused as the protocol has it, nothing of a batch kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tests.system.bad_doors import MARK, Call, Particular, Premises
from tests.system.bad_doors_more import GOOD, statement, statement_id

Json = dict[str, Any]
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
KEY = f"https://lms.example/{MARK}"


def _statement(name: str, change: Callable[[Json], Json], *, put: bool = False) -> Particular:
    """One that is good but for one thing, by POST or PUT."""

    def make(p: Premises, serial: str) -> Call:
        call = GOOD["statement" if put else "statements"](p, serial)
        return replace(call, content=json.dumps(change(statement(serial))).encode())

    return Particular(f"xapi: {name}", make, at_field=True)


def _batch(name: str, make_batch: Callable[[str], list[Any]], at_field: bool = True) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        return replace(GOOD["statements"](p, serial), content=json.dumps(make_batch(serial)).encode())

    return Particular(f"xapi: {name}", make, at_field)


def _asked(name: str, query: str, method: str = "GET") -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["statements"](p, serial)
        content = b"" if method in {"GET", "HEAD", "DELETE"} else call.content
        return replace(call, method=method, path=f"/xapi/statements{query}", content=content)

    return Particular(f"xapi: {name}", make)


def _headed(name: str, *headers: tuple[str, str], without: str = "", content: bytes | None = None) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["statements"](p, serial)
        for each in (without, *(header for header, _ in headers)):
            call = call.without(each)
        call = replace(call, headers=(*call.headers, *headers))
        return call if content is None else replace(call, content=content)

    return Particular(f"xapi: {name}", make)


def _with(**said: Any) -> Callable[[Json], Json]:
    return lambda good: {**good, **said}


def _left_out(name: str) -> Callable[[Json], Json]:
    return lambda good: {key: value for key, value in good.items() if key != name}


def _result(**said: Any) -> Callable[[Json], Json]:
    return lambda good: {**good, "result": {**good["result"], **said}}


def _conflicting(p: Premises, serial: str) -> Call:
    """The id of a statement that was taken, about nothing that counts, and another content."""
    call, id_ = GOOD["statements"](p, "conflicting"), statement_id("conflicting")
    first = {**statement("conflicting"), "result": {"response": "nothing"}}
    with p.office.system.client("ingest") as client:
        content = json.dumps(first).encode()
        assert client.post(call.path, content=content, headers=dict(call.headers)).is_success
    return replace(call, content=json.dumps([{**statement(serial), "id": id_}]).encode())


def _other_id(p: Premises, serial: str) -> Call:
    call = GOOD["statement"](p, serial)
    return replace(call, path=f"/xapi/statements?statementId={statement_id('other')}")


MULTIPART = (
    b"--zq7\r\nContent-Type: application/json\r\n\r\n{}\r\n--zq7\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: 00\r\n\r\nx\r\n--zq7--\r\n"
)
ACTORS: dict[str, Any] = {
    "of no kind": {"name": MARK},
    "of two kinds": {"mbox": "mailto:a@example.org", "openid": "https://example.org/a"},
    "with an address that is none": {"mbox": MARK},
    "with a digest that is none": {"mbox_sha1sum": MARK},
    "with an account of no home": {"account": {"name": MARK}},
    "with an account of a number": {"account": {"homePage": "https://lms.example", "name": 7}},
    "that is a list": [MARK],
    "that is text": MARK,
    "a group of itself": {"objectType": "Group", "member": [{"objectType": "Group", "member": []}]},
}
OBJECTS: dict[str, Any] = {
    "without an id": {"definition": {}},
    "whose id is no IRI": {"id": MARK},
    "of an unknown kind": {"objectType": MARK, "id": KEY},
    "that is a statement without a verb": {"objectType": "SubStatement", "actor": ACTORS["of two kinds"]},
    "that refers to no statement": {"objectType": "StatementRef", "id": MARK},
}
STATEMENTS = [
    *(_statement(f"no {name}", _left_out(name)) for name in ("actor", "verb", "object")),
    *(_statement(f"no {name} by PUT", _left_out(name), put=True) for name in ("actor", "verb", "object")),
    *(_statement(f"{name} null", _with(**{name: None})) for name in ("actor", "verb", "object", "result", "timestamp")),
    *(_statement(f"an actor {name}", _with(actor=actor)) for name, actor in ACTORS.items()),
    *(_statement(f"an object {name}", _with(object=about)) for name, about in OBJECTS.items()),
    *(_statement(f"id {id_[:12]!r}", _with(id=id_))
      for id_ in ("", "1", MARK, "6f1c2a52-7a3b-4a6f-9f3e", "{6f1c2a52-7a3b-4a6f-9f3e-3d0c5a0b1f77}")),
    *(_statement(f"timestamp {at!r}", _with(timestamp=at))
      for at in ("", MARK, "2026-09-10", "2026-02-30T00:00:00Z", "2026-09-10T25:00:00Z", "2026-09-10T12:00:00-00:00")),
    _statement("a verb that is no IRI", _with(verb={"id": MARK})),
    _statement("a verb with a display in no language", _with(verb={"id": KEY, "display": {"not a tag": MARK}})),
    _statement("a version that is none", _with(version=MARK)),
    _statement("a member of no statement", _with(grade=MARK)),
    _statement("voids what is no statement", _with(verb={"id": VOIDED})),
    _statement("scaled beyond 1", _result(score={"scaled": 1.5})),
    _statement("scaled is text", _result(score={"scaled": "0.5"})),
    _statement("raw beyond its bounds", _result(score={"raw": 11, "min": 0, "max": 10})),
    _statement("bounds the wrong way round", _result(score={"raw": 5, "min": 10, "max": 0})),
    _statement("success is text", _result(success="yes")),
    _statement("a duration that is none", _result(duration=MARK)),
    _statement("an extension without an IRI", _result(extensions={"no iri": MARK})),
    _statement("attachments that are none", _with(attachments=[{"usageType": MARK}])),
    _statement("a context of a list", _with(context=[MARK])),
    _statement("a registration that is none", _with(context={"registration": MARK})),
    _statement("an instructor that is text", _with(context={"instructor": MARK})),
    _statement("a language that is none", _with(context={"language": MARK * 20})),
    _batch("a good one and one without a verb", lambda s: [statement(s), _left_out("verb")(statement(f"{s}-2"))]),
    _batch("an id twice", lambda s: [statement(s), statement(s)]),
    _batch("one that is null", lambda s: [statement(s), None]),
    _batch("one that is a list", lambda s: [statement(s), [statement(s)]]),
    _batch("10,001 of nothing", lambda s: [{}] * 10_001, at_field=False),
    _batch("one of 64 KiB and more", lambda s: [_result(response=MARK * 7000)(statement(s))], at_field=False),
    Particular("xapi: an id that is taken", _conflicting),
    Particular("xapi: PUT under another id", _other_id),
    *(_headed(f"version {version[:8]!r}", ("x-experience-api-version", version))
      for version in ("", "0.95", "1.1", "2.1.0", "1.0.3.4", MARK, "٢.٠")),
    _headed("no version", without="x-experience-api-version"),
    _headed("multipart", ("content-type", "multipart/mixed; boundary=zq7"), content=MULTIPART),
    _headed("multipart without a boundary", ("content-type", "multipart/mixed"), content=MULTIPART),
    _headed("multipart cut off", ("content-type", "multipart/mixed; boundary=zq7"), content=MULTIPART[:60]),
    _headed("a form, as browsers had to send", ("content-type", "application/x-www-form-urlencoded"),
            content=b"content=%7B%7D&Authorization=Basic+eA%3D%3D"),
    _headed("no content type", without="content-type"),
    _asked("POST with a method", "?method=PUT", "POST"),
    _asked("PUT without an id", "", "PUT"),
    _asked("PUT with an id that is none", f"?statementId={MARK}", "PUT"),
    _asked("PUT with two ids", f"?statementId={statement_id('a')}&statementId={statement_id('a')}", "PUT"),
    _asked("PUT with more", f"?statementId={statement_id('a')}&limit=1", "PUT"),
    _asked("DELETE", f"?statementId={statement_id('a')}", "DELETE"),
    *(_asked(f"asks by {name}={value[:14]!r}", f"?{name}={quote(value, safe='')}") for name, value in (
        ("statementId", MARK), ("statementId", statement_id("nobodys")), ("voidedStatementId", MARK),
        ("agent", ""), ("agent", "{"), ("agent", "[]"), ("agent", '{"mbox": 1}'), ("agent", "[" * 10_000),
        ("agent", '{"name": "' + MARK + '"}'), ("verb", MARK), ("registration", MARK),
        ("since", MARK), ("since", "0000-01-01T00:00:00Z"), ("until", "10000-01-01T00:00:00Z"), ("since", "2026"),
        ("since", "0001-01-01T00:00:00+14:00"), ("until", "9999-12-31T23:59:59-14:00"),
        ("limit", "-1"), ("limit", "1e3"), ("limit", str(10**18)), ("limit", "٣"), ("ascending", "maybe"),
        ("cursor", "-1"), ("cursor", str(10**30)), ("cursor", MARK), ("format", "canonical"), ("attachments", "true"),
        ("related_agents", "true"), ("verbs", MARK), ("more", "1"),
    )),
    _asked("asks by an id and a filter", f"?statementId={statement_id('a')}&limit=1"),
    _asked("asks by an id of both kinds", f"?statementId={statement_id('a')}&voidedStatementId={statement_id('a')}"),
]  # fmt: skip
