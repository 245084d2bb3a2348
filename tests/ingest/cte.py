"""A career and technical centre as a test holds it: its competencies, its sources, and their files."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1, ScaleLevel, ScalePublishedV1
from tests.ingest.house import House
from tests.support.documents import mapping

SIGNOFFS, CERTIFICATIONS = "cte-signoffs", "cte-certifications"
SPACE = UUID("7d1f6f4e-8a53-4a57-9f34-0a4f8f0a5a11")
CODES = {"culinary-arts": ("CA.1", "CA.2", "CA.3"), "industry": ("CERT.FOOD", "CERT.BLS")}
STUDENTS = ("MA-1001", "MA-1002", "MA-1003")


def centre(house: House, name: str = SIGNOFFS, **changed: Any) -> str:
    """Competencies and scales published, students registered, a source with the mapping; its id."""
    for framework, codes in CODES.items():
        items = tuple(FrameworkItem(identifier=str(uuid5(SPACE, c)), code=c, statement=c) for c in codes)
        house.publish(FrameworkPublishedV1(framework=framework, version=1, digest="d", title=framework, items=items))
    for scale, codes in {"skill-level": ("0", "1", "2", "3"), "held": ("held",)}.items():
        levels = tuple(ScaleLevel(code=code, name=code, points=str(n)) for n, code in enumerate(codes, 1))
        event = ScalePublishedV1(
            scale=scale, version=1, digest="d", title=scale, levels=levels, proficient=str(len(codes))
        )
        house.publish(event)
    house.wait(lambda: house.count("scale", id="held") == 1)
    enrolled = [{"organisation": "lincoln"}]
    house.roster([{"identifiers": {"state-student-id": one}, "enrolments": enrolled} for one in STUDENTS])
    return house.source(name, {**mapping(name), **changed}, "cte")


def signoff(student: str = STUDENTS[0], code: str = "CA.1", level: str = "3", **said: str) -> dict[str, str]:
    """A row of the programme office."""
    row = {"Student State ID": student, "CIP Code": "12.0503", "Program": "Culinary Arts", "Competency Code": code}
    row |= {"Competency": "Knife skills", "Level": level, "Signed By": "t-88", "Signed On": "05/14/2026"}
    return row | {"Status": "Active"} | {name.replace("_", " "): value for name, value in said.items()}


def certificate(number: str = "F-1", student: str = STUDENTS[0], **said: str) -> dict[str, str]:
    """A row of the certificate registry."""
    row = {"Student State ID": student, "Certification": "ServSafe Food Handler", "Issuer": "NRA"}
    row |= {"Certificate No.": number, "Issued On": "01.06.2025", "Expires On": "01.06.2028", "Status": "Valid"}
    return row | {name.replace("_", " "): value for name, value in said.items()}


def file_of(rows: Iterable[Mapping[str, str]], encoding: str = "utf-8", **dialect: Any) -> bytes:
    """A CSV as these offices write it."""
    text, listed = io.StringIO(newline=""), list(rows)
    writer = csv.DictWriter(text, list(listed[0]), **dialect)
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().encode(encoding)


def post(house: House, source: str, raw: bytes, content_type: str = "text/csv", **headers: str) -> Any:
    """Send a file; the response."""
    key = {**house.token("source", source=source), "Content-Type": content_type, **headers}
    return house.http.post(f"/v1/files/{source}", content=raw, headers=key)


def imported(house: House, source: str, raw: bytes, content_type: str = "text/csv") -> dict[str, Any]:
    """The import of a file, once every row is settled."""
    answer = post(house, source, raw, content_type)
    assert answer.status_code == 202, answer.text
    return finished(house, answer.json()["import"])


def finished(house: House, import_id: str) -> dict[str, Any]:
    """The import, once it is over."""
    url, key = f"/v1/imports/{import_id}", house.token("auditor")
    house.wait(lambda: house.http.get(url, headers=key).json()["state"] in {"done", "refused"})
    return dict(house.http.get(url, headers=key).json())
