"""The seeded school: one tenant, twelve learners, their framework, and the registrar's list."""

import random
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

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


def second_registration(student: Student) -> dict[str, object]:
    """The same person as the CTE centre enrolled her: a list of its own, another e-mail, no common number."""
    return {
        "identifiers": {"email": private_email(student)},
        "given_name": student.given,
        "family_name": student.family,
        "email": private_email(student),
        "enrolments": [{"organisation": DISTRICT, "begins_on": "2026-08-24"}],
    }


def private_email(student: Student) -> str:
    """How somebody is reached who did not give the school's address."""
    return f"{student.given}@mail.example.org".lower()
