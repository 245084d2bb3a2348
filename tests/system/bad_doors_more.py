"""More doors bad input is tried at: statements, tables, rosters, moves of learners, redrive, and mappings on trial."""

import json
from uuid import NAMESPACE_URL, uuid5

from tests.system.bad_doors import (
    DAY,
    DOORS,
    EXTENSION,
    KIB,
    MAPPING,
    MARK,
    ORGANISATION,
    SCALE,
    SCORE,
    SKILL,
    STRICT,
    STUDENT,
    Call,
    Door,
    Premises,
    json_call,
    message,
    tagged,
    zipped,
)
from tests.system.bad_interchanges import DOORS as INTERCHANGES
from tests.system.bad_rosters import roster_csv, roster_files

HEADER = "Student,Task,Skill,Day,Score,Note,Status"


def statement(serial: str) -> dict[str, object]:
    """A scored statement, with an id of its own."""
    said = {EXTENSION + "skill": SKILL, EXTENSION + "score": SCORE, EXTENSION + "scale": SCALE}
    return {
        "id": statement_id(serial),
        "actor": {"account": {"homePage": "https://lms.example", "name": STUDENT}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/scored"},
        "object": {"id": f"https://lms.example/tasks/{serial}"},
        "result": {"response": MARK, "extensions": said},
        "timestamp": f"{DAY}T12:00:00Z",
    }


def statement_id(serial: str) -> str:
    """The id of a serial's statement."""
    return str(uuid5(NAMESPACE_URL, f"https://lms.example/{serial}"))


def _post_statements(p: Premises, serial: str) -> Call:
    return _xapi(p, "POST", "", [statement(serial)])


def _put_statement(p: Premises, serial: str) -> Call:
    return _xapi(p, "PUT", f"?statementId={statement_id(serial)}", statement(serial))


def _xapi(p: Premises, method: str, query: str, said: object) -> Call:
    call = json_call("ingest", method, f"/xapi/statements{query}", p.statements.token, said)
    return call.having("x-experience-api-version", "1.0.3")


def table_row(serial: str) -> str:
    """A row that counts."""
    return f"{STUDENT},t-{serial},{SKILL},{DAY},{SCORE},{MARK},"


def _table(p: Premises, serial: str) -> Call:
    headers = (("authorization", f"Bearer {p.table.token}"),)
    return Call("ingest", "POST", f"/v1/files/{p.table.id}", f"{HEADER}\n{table_row(serial)}\n".encode(), headers)


def _roster_table(p: Premises, serial: str) -> Call:
    headers = (("authorization", f"Bearer {p.office.registrar}"),)
    return Call("ingest", "POST", "/v1/roster", roster_csv(serial), headers)


def _roster_package(p: Premises, serial: str) -> Call:
    headers = (("authorization", f"Bearer {p.office.registrar}"),)
    files = tuple(roster_files(serial).items())
    return Call("ingest", "POST", f"/v1/roster?organisation={ORGANISATION}", headers=headers, files=files)


def _merge(p: Premises, serial: str) -> Call:
    said = {"into": p.learners["S-same"], "reason": MARK}
    return json_call("ingest", "POST", f"/v1/learners/{p.learners['S-one']}/merge", p.office.registrar, said)


def _unmerge(p: Premises, serial: str) -> Call:
    path = f"/v1/learners/{p.learners['S-two']}/unmerge"
    return json_call("ingest", "POST", path, p.office.registrar, {"reason": MARK})


def _correct(p: Premises, serial: str) -> Call:
    said = {"scheme": "student", "value": "S-wrong", "corrects": p.learners["S-wrong"], "reason": MARK}
    return json_call("ingest", "POST", f"/v1/learners/{p.learners['S-good']}/links", p.office.registrar, said)


def _redrive(p: Premises, serial: str) -> Call:
    said = {"reason": MARK, "dry_run": True}
    return json_call("ingest", "POST", "/v1/quarantine/redrive", p.office.district, said)


def _try(p: Premises, serial: str) -> Call:
    said = {"mapping": {**MAPPING, "comment": {"const": MARK}}, "sample": message(serial)}
    return json_call("ingest", "POST", f"/v1/sources/{p.mapped.id}/mappings/try", p.office.district, said)


def merge_twins(p: Premises) -> None:
    """So that there are two to be taken apart."""
    path = f"/v1/learners/{p.learners['S-two']}/merge"
    p.office.call("ingest", p.office.registrar, "POST", path, json={"into": p.learners["S-twin"], "reason": "twice"})


STATEMENT = STRICT | {"message", "sized", "xapi"}
ALL_DOORS = [
    *DOORS,
    *INTERCHANGES,
    Door("statements", _post_statements, STATEMENT, 5 * KIB * KIB),
    Door("statement", _put_statement, STATEMENT, 5 * KIB * KIB),
    Door("table", _table, tagged("table", "bearer", "sized"), 50 * KIB * KIB),
    Door("roster-table", _roster_table, tagged("bearer", "roster"), 50 * KIB * KIB),
    Door("roster-package", _roster_package, tagged("bearer", "roster"), 50 * KIB * KIB, zipped),
    Door("merge", _merge, STRICT),
    Door("unmerge", _unmerge, STRICT),
    Door("correct", _correct, STRICT),
    Door("redrive", _redrive, STRICT),
    Door("try", _try, tagged("json", "bearer")),
]
GOOD = {door.name: door.good for door in ALL_DOORS}

__all__ = ["ALL_DOORS", "GOOD", "HEADER", "json", "merge_twins", "statement", "statement_id", "table_row"]
