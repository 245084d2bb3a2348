"""Who takes part in the school day, and what each of them sends or asks, over HTTP like anyone else."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.demo import papers
from services.demo.school import (
    DISTRICT,
    FRAMEWORK,
    TENANT,
    School,
    Student,
    framework_package,
    roster,
    second_registration,
)
from services.demo.sendings import classroom_package, second_project, sign_offs, virtual_lines
from services.demo.site import Site, answered
from services.ingest.formats.standard_webhooks import signed_headers

CLASSROOM, VIRTUAL, EMPLOYER, CTE = "maple-sis", "valley-virtual", "hilltop-hospital", "river-cte"
SOURCES = (
    (CLASSROOM, DISTRICT, "classroom", papers.CLASSROOM_MAPPING),
    (VIRTUAL, "valley-virtual", "virtual", papers.VIRTUAL_MAPPING),
    (EMPLOYER, "hilltop-hospital", "work_based", papers.EMPLOYER_MAPPING),
    (CTE, "river-cte", "cte", papers.CTE_MAPPING),
)


@dataclass
class Registrar:
    """Sets everything up: documents, sources with their mappings, the roster, the achievement."""

    site: Site
    secret: str = ""
    learners: dict[str, str] = field(default_factory=dict)  # given name -> pseudonym

    def prepare(self, school: School) -> None:
        """All that stands before the first piece of evidence arrives."""
        self._documents()
        self.site.settle()  # the catalogue reaches ingest
        self._sources()
        self._people(school)
        achievements = self.site.client("credentials", "district", organisation=DISTRICT)
        path = f"/v1/achievements/{papers.ACHIEVEMENT}"
        answered(achievements.put(path, json=papers.ACHIEVEMENT_DOCUMENT), 201)

    def _documents(self) -> None:
        mastery = self.site.client("mastery", "district", organisation=DISTRICT)
        named = {"framework": FRAMEWORK, "version": "1"}
        answered(mastery.post("/v1/frameworks", params=named, json=framework_package()), 201)
        answered(mastery.post("/v1/scales", json=papers.SCALE_DOCUMENT), 201)
        answered(mastery.post("/v1/policies", json=papers.POLICY_DOCUMENT), 201)
        answered(mastery.post(f"/v1/policies/{papers.POLICY}/activations", json={"version": 1}), 201)

    def _sources(self) -> None:
        ingest = self._district = self.site.client("ingest", "district", organisation=DISTRICT)
        for name, organisation, pathway, mapping in SOURCES:
            source = {"name": name, "organisation": organisation, "pathway": pathway}
            answered(ingest.post("/v1/sources", json=source), 201)
            answered(ingest.post(f"/v1/sources/{TENANT}.{name}/mappings", json=mapping), 201)
        made = answered(ingest.post(f"/v1/sources/{TENANT}.{EMPLOYER}/keys", json={}), 201)
        self.secret = made["secret"]

    def mend_mapping(self) -> int:
        """The virtual school's other name for teamwork is told to its mapping: a new version."""
        path = f"/v1/sources/{TENANT}.{VIRTUAL}/mappings"
        version: int = answered(self._district.post(path, json=papers.VIRTUAL_MAPPING_MENDED), 201)["version"]
        return version

    def redrive(self, *, dry_run: bool) -> dict[str, int]:
        """What waits of the virtual school is read again; how it ended, or would."""
        asked = {"source": f"{TENANT}.{VIRTUAL}", "dry_run": dry_run}
        outcomes: dict[str, int] = answered(self._office.post("/v1/quarantine/redrive", json=asked), 200)["outcomes"]
        return outcomes

    def _people(self, school: School) -> None:
        self._office = self.site.client("ingest", "registrar")
        answered(self._office.post("/v1/roster", json=roster(school)), 200)
        found = self._look_up("sourcedid", [student.sourced_id for student in school.students])
        self.learners = {student.given: learner for student, learner in zip(school.students, found, strict=True)}

    def register_again(self, student: Student) -> str:
        """Somebody the school knows already, on another list; the learner this makes."""
        row = second_registration(student)
        answered(self._office.post("/v1/roster", json=[row]), 200)
        (learner,) = self._look_up("email", [str(row["email"])])
        return learner

    def merge(self, learner: str, into: str, reason: str) -> dict[str, Any]:
        """Two learners who are one person."""
        moved = self._office.post(f"/v1/learners/{learner}/merge", json={"into": into, "reason": reason})
        done: dict[str, Any] = answered(moved, 201)
        return done

    def _look_up(self, scheme: str, values: list[str]) -> list[str]:
        wanted = [{"scheme": scheme, "value": value} for value in values]
        found: list[str] = answered(self._office.post("/v1/learners/lookup", json={"identifiers": wanted}), 200)[
            "learners"
        ]
        return found


@dataclass
class Senders:
    """The four pathways, each by its own door."""

    site: Site
    school: School
    secret: str

    def __post_init__(self) -> None:
        sources = {name: f"{TENANT}.{name}" for name in (CLASSROOM, VIRTUAL, CTE)}
        self._sis = self.site.client("ingest", "source", source=sources[CLASSROOM])
        self._virtual = self.site.client("ingest", "source", source=sources[VIRTUAL])
        self._cte = self.site.client("ingest", "source", source=sources[CTE])
        self._employer = httpx.Client(base_url=self.site.urls["ingest"], timeout=30, trust_env=False)

    def classroom(self, day: str) -> dict[str, int]:
        """The nightly OneRoster package; how its rows ended."""
        return self._file(self._sis, CLASSROOM, classroom_package(self.school, day))

    def cte(self, day: str) -> dict[str, int]:
        """The CTE centre's file of sign-offs; how its rows ended."""
        return self._file(self._cte, CTE, sign_offs(self.school, day))

    def virtual(self, day: str, again: bool = False) -> tuple[int, list[str]]:
        """A stream of numbered lines, the last of them sent `again`: the line wanted next, and every line's outcome."""
        stream = self._stream()
        lines = [json.dumps(line).encode() for line in virtual_lines(self.school, day)]
        outcomes, next_line = self._lines(stream, 1, lines)
        if again:
            repeated, next_line = self._lines(stream, len(lines), lines[-1:])
            outcomes += repeated
        return next_line, outcomes

    def new_project(self, day: str) -> list[str]:
        """Lines the mapping does not understand yet; every line's outcome."""
        lines = [json.dumps(line).encode() for line in second_project(self.school, day)]
        return self._lines(self._stream(), 1, lines)[0]

    def employer(self, message: str, form: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A signed webhook: the status and the receipt."""
        body = json.dumps(form).encode()
        headers = signed_headers([self.secret], message, self.site.clock.now(), body)
        response = self._employer.post(f"/v1/webhooks/{TENANT}.{EMPLOYER}", content=body, headers=headers)
        return response.status_code, answered(response, 200, 202)

    def close(self) -> None:
        """The employer's connection is not the stage's."""
        self._employer.close()

    def _file(self, sender: httpx.Client, source: str, content: bytes) -> dict[str, int]:
        taken = answered(sender.post(f"/v1/files/{TENANT}.{source}", content=content), 202)
        self.site.settle()
        outcomes: dict[str, int] = answered(sender.get(f"/v1/imports/{taken['import']}"), 200)["outcomes"]
        return outcomes

    def _stream(self) -> str:
        stream: str = answered(self._virtual.post("/v1/streams"), 201)["stream"]
        return stream

    def _lines(self, stream: str, first: int, lines: list[bytes]) -> tuple[list[str], int]:
        response = self._virtual.post(
            f"/v1/streams/{stream}/lines", params={"first": first}, content=b"\n".join(lines) + b"\n"
        )
        if response.status_code != 200:
            answered(response, 200)
        said = [json.loads(line) for line in response.content.splitlines()]
        return [line["outcome"] for line in said[:-1]], said[-1]["next_line"]


@dataclass
class Auditor:
    """Asks mastery and credentials; changes nothing."""

    site: Site
    learners: dict[str, str]

    def __post_init__(self) -> None:
        self._mastery = self.site.client("mastery", "auditor")
        self._credentials = self.site.client("credentials", "auditor")

    def team(self, who: Student, **when: str) -> dict[str, Any]:
        """The standing in teamwork, with how final the answer is."""
        answer = self.standings(who, **when)
        nodes = [node for policy in answer["policies"] for node in policy["competencies"] if node["code"] == "TEAM"]
        found: dict[str, Any] = nodes[0] if nodes else {"result": "no policy", "counted": [], "why": []}
        return {**found, "finality": answer["finality"], "position": answer["position"]}

    def standings(self, who: Student, **when: str) -> dict[str, Any]:
        """Every determination, for the dates asked about."""
        answer: dict[str, Any] = answered(self._mastery.get(self._path(who, "standings"), params=when), 200)
        return answer

    def why(self, who: Student) -> dict[str, Any]:
        """The trace of teamwork."""
        answer: dict[str, Any] = answered(self._mastery.get(self._path(who, "why/TEAM")), 200)
        return answer

    def events(self, who: Student) -> list[dict[str, Any]]:
        """Every event of the learner, in order."""
        found: list[dict[str, Any]] = answered(self._mastery.get(self._path(who, "history")), 200)["events"]
        return found

    def credentials(self, who: Student) -> list[dict[str, Any]]:
        """What was issued."""
        found = answered(self._credentials.get(self._path(who, "credentials")), 200)
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials

    def signed(self, credential: dict[str, Any]) -> bytes:
        """The credential as it was signed, byte for byte."""
        response = self._credentials.get(credential["href"], headers={"Accept": "application/json"})
        answered(response, 200)
        return response.content

    def bundle(self, credential: dict[str, Any]) -> bytes:
        """The credential with its issuer's DID document and status list, for an offline verifier."""
        accept = {"Accept": "application/vnd.wayproof.bundle+json"}
        response = self._credentials.get(credential["href"], headers=accept)
        answered(response, 200)
        return response.content

    def _path(self, who: Student, what: str) -> str:
        return f"/v1/learners/{self.learners[who.given]}/{what}"
