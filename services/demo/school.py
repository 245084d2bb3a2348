"""The seeded school: one tenant, twelve learners, four organisations, and what each of them sends on which day."""

import csv
import io
import random
import zipfile
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

TENANT, DISTRICT = "maple", "maple-high"
FRAMEWORK = "maple-portrait"
SCALE = "maple-4"
COMPETENCIES = {
    "TEAM": "Works with others towards a shared goal and carries a fair part of the work.",
    "SAFE": "Recognises hazards at work and follows the safe procedure without being told.",
}
LEVELS = (("1", "Beginning"), ("2", "Developing"), ("3", "Proficient"), ("4", "Extending"))
GIVEN = ("Ada", "Ben", "Chloe", "Diego", "Elif", "Femi", "Grace", "Hugo", "Iris", "Jonas", "Kira", "Luis")
FAMILY = ("Moreno", "Okafor", "Lindqvist", "Tran", "Baker", "Novak")


def competency_id(code: str) -> str:
    """The CASE identifier of one of the school's competencies."""
    return str(uuid5(NAMESPACE_URL, f"https://maple.example.org/case/{code}"))


@dataclass(frozen=True)
class Student:
    """One learner as the school's own systems name them."""

    sourced_id: str
    given: str
    family: str
    email: str
    number: str

    @property
    def name(self) -> str:
        """What the story calls them."""
        return f"{self.given} {self.family}"


@dataclass(frozen=True)
class School:
    """Everybody, and the seed that made them."""

    students: tuple[Student, ...]
    chance: random.Random

    def named(self, given: str) -> Student:
        """The student of that given name."""
        return next(student for student in self.students if student.given == given)


def open_school(seed: int = 7) -> School:
    """The same school for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    students = []
    for number, given in enumerate(GIVEN, 1):
        family = FAMILY[chance.randrange(len(FAMILY))]
        email = f"{given}.{family}@maple.example.org".lower()
        students.append(Student(f"stu-{number:03}", given, family, email, f"{chance.randrange(10**8):08}"))
    return School(tuple(students), chance)


def framework_package() -> dict[str, object]:
    """The portrait of a graduate as a CASE package."""
    document = uuid5(NAMESPACE_URL, "https://maple.example.org/case/portrait")
    items = [
        {
            "identifier": competency_id(code),
            "humanCodingScheme": code,
            "fullStatement": statement,
            "uri": f"https://maple.example.org/case/CFItems/{competency_id(code)}",
        }
        for code, statement in COMPETENCIES.items()
    ]
    head = {
        "identifier": str(document),
        "title": "Maple Portrait of a Graduate",
        "uri": "https://maple.example.org/case/portrait",
    }
    return {"CFDocument": head, "CFItems": items}


def roster(school: School) -> list[dict[str, object]]:
    """The registrar's list: who they are, and every identifier the pathways use for them."""
    return [
        {
            "identifiers": {
                "sourcedid": student.sourced_id,
                "student-number": student.number,
                "email": student.email,
            },
            "given_name": student.given,
            "family_name": student.family,
            "email": student.email,
            "enrolments": [{"organisation": DISTRICT, "begins_on": "2026-08-17"}],
        }
        for student in school.students
    ]


RESULTS = (
    "sourcedId,status,dateLastModified,lineItemSourcedId,studentSourcedId,scoreStatus,score,scoreDate,comment,"
    "textScore,classSourcedId,inProgress,incomplete,late,missing"
)
OBJECTIVES = "sourcedId,status,dateLastModified,resultSourcedId,source,learningObjectiveId,score,textScore"


def classroom_package(school: School, day: str) -> bytes:
    """The student information system's nightly OneRoster 1.2 ZIP: a level in both competencies for everyone."""
    results, objectives = [RESULTS.split(",")], [OBJECTIVES.split(",")]
    for student in school.students:
        result = f"res-{student.sourced_id}"
        graded = ["", "", "li-01", student.sourced_id, "fully graded", "80", day, "", "", "cls-1"]
        results.append([result, *graded, "false", "false", "false", "false"])
        for code in COMPETENCIES:
            level = "3" if student.given in {"Ada", "Ben"} else str(school.chance.randint(2, 4))
            row = [f"{result}-{code}", "", "", result, "case", f"urn:uuid:{UUID(competency_id(code))}", level, ""]
            objectives.append(row)
    return _package({"results.csv": results, "resultLearningObjectiveIds.csv": objectives})


def virtual_lines(school: School, day: str) -> list[dict[str, object]]:
    """What the virtual school streams: one line a project, by the state's student number."""
    lines = []
    for student in school.students:
        level = 4 if student.given in {"Ada", "Ben"} else school.chance.randint(2, 4)
        line = {"student_number": student.number, "project": "climate-data", "skill": "TEAM", "level": level}
        lines.append({**line, "reviewer": "v-reviewer-9", "finished": f"{day}T15:30:00Z"})
    return lines


def internship_form(student: Student, response: str, ended: str, **ratings: str) -> dict[str, object]:
    """An employer's evaluation as its form tool posts it; N/A means there was no chance to observe."""
    rated = [{"skill": skill, "rating": rating} for skill, rating in ratings.items()]
    placement = {"site": "Hilltop Hospital", "mentor_id": "mentor-31", "ended": ended}
    data = {"response_id": response, "intern_email": student.email, "review": "final", "placement": placement}
    return {"type": "evaluation.submitted", "data": {**data, "ratings": rated}}


def _package(files: dict[str, list[list[str]]]) -> bytes:
    absent = ("academicSessions", "categories", "classes", "courses", "enrollments", "lineItems", "orgs", "users")
    manifest = [["propertyName", "value"], ["manifest.version", "1.0"], ["oneroster.version", "1.2"]]
    manifest += [[f"file.{name}", "absent"] for name in absent]
    manifest += [[f"file.{name.removesuffix('.csv')}", "bulk"] for name in files]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, rows in {"manifest.csv": manifest, **files}.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            package.writestr(zipfile.ZipInfo(name, (2026, 9, 1, 0, 0, 0)), text.getvalue())
    return buffer.getvalue()
