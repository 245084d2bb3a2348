"""Rosters as tables and packages: such as are taken, and what is bad of them alone."""

from collections.abc import Callable

from services.ingest.formats.oneroster_columns import HEADERS
from tests.system.bad_doors import MARK, ORGANISATION, Call, Particular, Premises, csv_of, json_call, zipped

PLANTED = MARK.encode()
PEOPLE = "organisation,id:student,given_name,begins_on"


def roster_csv(serial: str) -> bytes:
    """Nobody's roster but one new learner's."""
    return f"{PEOPLE}\n{ORGANISATION},S-{serial},{MARK},2026-09-01\n".encode()


def roster_files(serial: str) -> dict[str, bytes]:
    """A OneRoster package with a student and an enrolment."""
    user = {"sourcedId": f"u-{serial}", "enabledUser": "true", "username": f"n-{serial}", "givenName": MARK}
    enrolment = {"sourcedId": f"e-{serial}", "classSourcedId": "c-1", "schoolSourcedId": "o-1"}
    enrolment |= {"userSourcedId": f"u-{serial}", "role": "student", "beginDate": "2026-09-01"}
    absent = ("academicSessions", "categories", "classes", "courses", "lineItems", "orgs", "results")
    manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", "1.2"]]
    manifest += [[f"file.{name}", "absent"] for name in absent]
    manifest += [["file.users", "delta"], ["file.enrollments", "delta"]]
    return {
        "manifest.csv": csv_of(manifest),
        "users.csv": csv_of(_with_header("users", user)),
        "enrollments.csv": csv_of(_with_header("enrollments", enrolment)),
    }


def _with_header(file: str, said: dict[str, str]) -> list[list[str]]:
    return [list(HEADERS[file]), [said.get(column, "") for column in HEADERS[file]]]


def _raw(name: str, content: Callable[[str], bytes]) -> Particular:
    """As it is, to where a roster is told by its first bytes."""

    def make(p: Premises, serial: str) -> Call:
        headers = (("authorization", f"Bearer {p.office.registrar}"),)
        return Call("ingest", "POST", "/v1/roster", content(serial), headers)

    return Particular(f"roster: {name}", make)


def _table(name: str, old: str, new: str) -> Particular:
    def content(serial: str) -> bytes:
        text = roster_csv(serial)
        assert old.encode() in text, "the input spoils something"
        return text.replace(old.encode(), new.encode())

    return _raw(name, content)


def _files(name: str, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        headers = (("authorization", f"Bearer {p.office.registrar}"),)
        files = tuple(change(roster_files(serial)).items())
        return zipped(
            p, Call("ingest", "POST", "/v1/roster?organisation=lincoln", headers=headers, files=files), serial
        )

    return Particular(f"roster: {name}", make)


def _in(file: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {**files, file: files[file].replace(old, new)}


def _listed(name: str, *people: object) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        return json_call("ingest", "POST", "/v1/roster", p.office.registrar, list(people))

    return Particular(f"roster: {name}", make, at_field=True)


NOBODY = {"identifiers": {"student": "S-nobody"}}
ROSTERS = [
    _raw("empty", lambda serial: b""),
    _raw("blank", lambda serial: b"\n\n \n"),
    _raw("not UTF-8", lambda serial: roster_csv(serial) + b"\xff\xfe"),
    _raw("in UTF-16", lambda serial: roster_csv(serial).decode().encode("utf-16")),
    _raw("NUL", lambda serial: roster_csv(serial).replace(PLANTED, PLANTED + b"\0")),
    _raw("a million columns", lambda serial: b"a," * 1_000_000),
    _raw("a row of a million cells", lambda serial: PEOPLE.encode() + b"\n" + b"a," * 1_000_000),
    _raw("no column of its own", lambda serial: b"name,born\n" + PLANTED + b",2010-01-01\n"),
    _table("no column with an identifier", "id:student", "student"),
    _table("an unknown column", "given_name", "given name"),
    _table("an organisation that is none", f"\n{ORGANISATION}", f"\n{MARK} & Söhne"),
    _table("a formula for an organisation", f"\n{ORGANISATION}", "\n=cmd|' /C calc'!A0"),
    _table("30 February", "2026-09-01", "2026-02-30"),
    _table("a cell too many", "2026-09-01", f"2026-09-01,{MARK}"),
    _table("a quote that never closes", MARK, f'"{MARK}'),
    _table("an identifier too long", ",S-", f",{MARK * 40}"),
    _files("no users", lambda files: {name: text for name, text in files.items() if name != "users.csv"}),
    _files("neither enabled nor not", _in("users.csv", b"true", PLANTED)),
    _files("an enrolment of nobody", _in("enrollments.csv", b"u-n", PLANTED)),
    _files("an enrolment in no role", _in("enrollments.csv", b"student", PLANTED)),
    _files("begins on 30 February", _in("enrollments.csv", b"2026-09-01", b"2026-02-30")),
    _files("a bomb for a user", _in("users.csv", PLANTED, b"a" * 60_000_000)),
    _listed("nobody in it by any identifier", {"identifiers": {}}),
    _listed("a scheme that is none", {"identifiers": {"No Slug": MARK}}),
    _listed("21 identifiers", {"identifiers": {f"s-{n}": "1" for n in range(21)}}),
    _listed("51 enrolments", {**NOBODY, "enrolments": [{"organisation": "lincoln"}] * 51}),
    _listed("30 February in a list", {**NOBODY, "enrolments": [{"organisation": "x", "begins_on": "2026-02-30"}]}),
    _listed("an identifier that is a number", {"identifiers": {"student": 17}}),
    _listed("a person that is a list", [MARK]),
]  # fmt: skip
