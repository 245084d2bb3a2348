"""What each pathway sends on which day, in the sender's own format."""

import csv
import io
import zipfile
from uuid import UUID

from services.demo.school import COMPETENCIES, School, Student, competency_id

STEADY = ("Ada", "Ben", "Chloe")  # proficient wherever they are seen

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
            level = "3" if student.given in STEADY else str(school.chance.randint(2, 4))
            row = [f"{result}-{code}", "", "", result, "case", f"urn:uuid:{UUID(competency_id(code))}", level, ""]
            objectives.append(row)
    return _package({"results.csv": results, "resultLearningObjectiveIds.csv": objectives})


def sign_offs(school: School, day: str) -> bytes:
    """The CTE centre's CSV: an instructor signed the safety competency for everybody; Luis had no chance to show it."""
    rows = [["State student ID", "Competency", "Level", "Signed by", "Signed on"]]
    for student in school.students:
        level = "n/a" if student.given == "Luis" else "Proficient" if student.given in STEADY else "Developing"
        rows.append([student.number, "Lab & shop safety", level, "instructor-7", day])
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def virtual_lines(school: School, day: str) -> list[dict[str, object]]:
    """What the virtual school streams: one line a project, by the state's student number."""
    lines = []
    for student in school.students:
        level = 4 if student.given in STEADY else school.chance.randint(2, 4)
        line = {"student_number": student.number, "project": "climate-data", "skill": "TEAM", "level": level}
        lines.append({**line, "reviewer": "v-reviewer-9", "finished": f"{day}T15:30:00Z"})
    return lines


def second_project(school: School, day: str) -> list[dict[str, object]]:
    """The virtual school's new project calls teamwork by another name, which nobody has told the mapping."""
    line = {"project": "river-survey", "skill": "collaboration", "reviewer": "v-reviewer-2"}
    who = [school.named(given) for given in ("Diego", "Elif", "Femi")]
    finished = f"{day}T11:00:00Z"
    return [{**line, "student_number": student.number, "level": 3, "finished": finished} for student in who]


def internship_form(student: Student, response: str, ended: str, email: str = "", **ratings: str) -> dict[str, object]:
    """An employer's evaluation as its form tool posts it; N/A means there was no chance to observe."""
    rated = [{"skill": skill, "rating": rating} for skill, rating in ratings.items()]
    placement = {"site": "Hilltop Hospital", "mentor_id": "mentor-31", "ended": ended}
    data = {"response_id": response, "intern_email": email or student.email, "review": "final", "placement": placement}
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
