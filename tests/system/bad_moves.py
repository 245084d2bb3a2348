"""Bad requests about who is who, about what waits in quarantine, and mappings that are none or would never end."""

import json
from dataclasses import replace
from typing import Any

from tests.system.bad_doors import MAPPING, MARK, OTHER, Call, Particular, Premises, json_call
from tests.system.bad_doors_more import GOOD

UNKNOWN = "6f1c2a52-7a3b-4a6f-9f3e-3d0c5a0b1f77"


def _about(name: str, what: str, said: dict[str, Any], of: str = "S-one", at_field: bool = False) -> Particular:
    """Of a learner, or of one there is not; a value `@S-x` stands for that learner's id, `@other` another tenant's."""

    def make(p: Premises, serial: str) -> Call:
        known = {**{f"@{student}": id_ for student, id_ in p.learners.items()}, "@other": p.other_learner}
        body = {key: known.get(value, value) for key, value in said.items()}
        place = known.get(f"@{of}", of)
        return json_call("ingest", "POST", f"/v1/learners/{place}/{what}", p.office.registrar, body)

    return Particular(f"{what}: {name}", make, at_field)


def _redrive(name: str, at_field: bool = True, **said: Any) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        return json_call("ingest", "POST", "/v1/quarantine/redrive", p.office.district, {"dry_run": True, **said})

    return Particular(f"redrive: {name}", make, at_field)


def _mapping(name: str, at_field: bool = True, **said: Any) -> Particular:
    """Tried: nothing of it is kept anyway."""

    def make(p: Premises, serial: str) -> Call:
        call = GOOD["try"](p, serial)
        body = json.loads(call.content)
        return replace(call, content=json.dumps({**body, "mapping": {**body["mapping"], **said}}).encode())

    return Particular(f"mapping: {name}", make, at_field)


def _document(name: str, content: bytes) -> Particular:
    """Put, as JSON or YAML."""

    def make(p: Premises, serial: str) -> Call:
        return replace(GOOD["mapping"](p, serial), content=content)

    return Particular(f"mapping: {name}", make)


def _deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"path": "doc.skill"}
    for _ in range(levels):
        found = {"strip": found}
    return found


LAUGHS = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (at, at, b", ".join([b"*%c" % (at - 1)] * 10)) for at in range(ord("b"), ord("j"))
)
REASON = {"reason": MARK}
MOVES = [
    _about("into oneself", "merge", {"into": "@S-one", **REASON}),
    _about("into nobody", "merge", {"into": UNKNOWN, **REASON}),
    _about("into another tenant's", "merge", {"into": "@other", **REASON}),
    _about("another tenant's", "merge", {"into": "@S-one", **REASON}, of="other"),
    _about("from another tenant's", "merge", {"from": "@other", **REASON}),
    _about("of nobody", "merge", {"into": "@S-one", **REASON}, of=UNKNOWN),
    _about("of no id", "merge", {"into": "@S-one", **REASON}, of=MARK),
    _about("both ways", "merge", {"into": "@S-two", "from": "@S-two", **REASON}),
    _about("neither way", "merge", REASON),
    _about("for no reason", "merge", {"into": "@S-two"}, at_field=True),
    _about("for a reason of 2,001 characters", "merge", {"into": "@S-two", "reason": "x" * 2001}, at_field=True),
    _about("into text", "merge", {"into": MARK, **REASON}, at_field=True),
    _about("never merged", "unmerge", REASON, of="S-good"),
    _about("nobody", "unmerge", REASON, of=UNKNOWN),
    _about("another tenant's", "unmerge", REASON, of="other"),
    _about("corrects nobody", "links", {"scheme": "student", "value": "S-wrong", "corrects": UNKNOWN, **REASON}),
    _about("corrects another tenant's", "links",
           {"scheme": "student", "value": "S-wrong", "corrects": "@other", **REASON}),
    _about("corrects whose it is not", "links", {"scheme": "student", "value": MARK, "corrects": "@S-wrong", **REASON}),
    _about("corrects without a reason", "links", {"scheme": "student", "value": "S-wrong", "corrects": "@S-wrong"}),
    _about("a reason without a correction", "links", {"scheme": "x", "value": MARK, **REASON}),
    _about("somebody else's", "links", {"scheme": "student", "value": "S-wrong"}),
    _redrive("a mapping of no source", at_field=False, mapping=1),
    _redrive("a mapping there is not", at_field=False, source="maple.forms", mapping=99),
    _redrive("another tenant's source", at_field=False, source=f"{OTHER}.forms"),
    _redrive("a source there is not", at_field=False, source=MARK),
    _redrive("limit 0", limit=0),
    _redrive("limit 10^18", limit=10**18),
    _redrive("limit text", limit=MARK),
    _redrive("after text", after=MARK),
    _redrive("after beyond", after=f"{10**18}.1"),
    _redrive("no ids", ids=[]),
    _redrive("ids that are none", ids=[MARK]),
    _redrive("1,001 ids", ids=[UNKNOWN] * 1001),
    _redrive("a dry run of text", dry_run=MARK),
    _mapping("nested 40 deep", at_field=False, competency=_deep(40)),
    _mapping("a path that never ends", competency={"path": "doc." + "[" * 200}),
    _mapping("a path of 499 steps", competency={"path": "doc" + "[]" * 248 + "["}),
    _mapping("a path that is no path", competency={"path": "doc.skill ||| x"}),
    _mapping("a path that calls what there is not", competency={"path": "system(doc"}),
    _mapping("two operators", competency={"path": "doc.skill", "const": "TEAM"}),
    _mapping("an operator there is not", competency={"eval": "1"}),
    _mapping("a format there is not", format=MARK),
    _mapping("a table there is not", competency={"lookup": {"path": "doc.skill"}, "table": "none"}),
    _mapping("a range of text", rating={"scale": {"const": "percent"}, "score": {
        "rescale": {"path": "doc.score"}, "from": {"low": MARK, "high": "1"}, "to": {"low": "0", "high": "1"},
        "decimals": 2}}),
    _mapping("1,000 decimals", rating={"scale": {"const": "percent"}, "score": {
        "rescale": {"path": "doc.score"}, "from": {"low": "0", "high": "1"}, "to": {"low": "0", "high": "1"},
        "decimals": 1000}}),
    _mapping("a date format that is none", occurred_at={"date": {"path": "doc.day"}, "formats": ["%Q" * 50]}),
    _mapping("20,001 entries", tables={"t": {str(n): "x" for n in range(20_001)}}),
    _mapping("a version of a fraction", version=1.5),
    _document("aliases of aliases of aliases", LAUGHS),
    _document("an alias of itself", b"a: &a [*a]\n"),
    _document("a tag that makes something", b"!!python/object/apply:os.system ['true']\n"),
    _document("YAML nested 10,000 deep", b"- " * 10_000 + b"x"),
    _document("YAML of a million keys", b"\n".join(b"k%d: 1" % n for n in range(200_000))),
    _document("two documents", b"a: 1\n---\nb: 2\n"),
    _document("a key twice", json.dumps(MAPPING)[:-1].encode() + b', "version": 3}'),
]  # fmt: skip
