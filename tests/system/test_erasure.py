"""Erasure end to end: whoever has every copy and every key that is left reads nothing of the one who was erased."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.office import TENANT, Office
from tests.support.paths import ROOT
from tests.support.processes import wait_for
from tests.support.replaying import replayed
from tests.system.bad_doors import SKILL
from tests.system.erasing_places import Files, Servers, on_servers
from tests.system.erasing_school import DOORS, Person, School
from tests.system.heap import KEY, Heap, obtainable, opened, said
from tests.system.planted import forms_of

Place = Files | Servers
KNOWN_TO = re.compile(rb'"known_to":"[^"]*",?')


@contextmanager
def place_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    if kind == "files":
        yield Files(folder)
        return
    with on_servers(folder, request.getfixturevalue("postgres"), request.getfixturevalue("kafka")) as servers:
        yield servers


@pytest.fixture(params=["files", pytest.param("servers", marks=pytest.mark.servers)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_of(request.param, tmp_path, request) as made:
        made.system.start()
        try:
            yield made
        except BaseException:
            made.system.kill()
            raise
        assert made.system.stop() == 0


def master(place: Place) -> bytes:
    key = (place.system.data / "keys" / "master.key").read_bytes()
    assert len(key) == KEY
    return key


def own_keys(heap: Heap, ring: Heap, person: Person, key: bytes) -> set[bytes]:
    """The data keys of a person's pseudonyms."""
    subjects = {UUID(person.learner).bytes, UUID(person.merged).bytes}
    mine = Heap([row for row in heap.rows if row.get("subject") in subjects])
    return obtainable(mine | ring, [key]) - obtainable(ring, [key])


def names(person: Person, plain: bytes) -> bool:
    return any(form in said(plain) for form in forms_of(person.name))


def asked(school: School, person: Person, at: str) -> dict[str, bytes]:
    """All that can be asked about somebody as known at an instant, byte for byte but for how far mastery has come."""
    office, answers = school.office, dict[str, bytes]()
    mine, then = f"/v1/learners/{person.learner}", {"as_of": at, "known_at": at}
    with school.system.client("mastery", office.registrar) as client:
        for what in ("standings", "history", f"why/{SKILL}", "next-steps"):
            wait_for(
                lambda w=what: client.get(f"{mine}/{w}", params=then).json()["finality"] == "final", 30, "it is final"
            )
            answers[what] = KNOWN_TO.sub(b"", client.get(f"{mine}/{what}", params=then).content)
    with school.system.client("ingest", office.registrar) as client:
        answers["person"] = client.get(mine).content
    with school.system.client("credentials", office.registrar) as client:
        answers["credentials"] = client.get(f"{mine}/credentials").content
        answers["credential"] = client.get(person.credential, headers={"Accept": "application/json"}).content
    return answers


def statuses(school: School, person: Person, other: Person) -> dict[str, int]:
    """How every route about a learner, and about a credential, answers."""
    registrar, reason = school.office.registrar, {"reason": "why not"}
    link = {"scheme": "student", "value": "another"}
    rating = {"competency": {"code": SKILL}, "rating": {"scale": "percent", "score": "88"}, "pathway": "classroom"}
    seen = {**rating, "learner": {"id": person.learner}, "occurred_at": "2026-09-10T12:00:00Z"}
    calls = {
        ("ingest", "GET", "/v1/learners/{learner}"): None,
        ("ingest", "POST", "/v1/learners/{learner}/links"): link,
        ("ingest", "POST", "/v1/learners/{learner}/merge"): {**reason, "into": other.learner},
        ("ingest", "POST", "/v1/learners/{learner}/unmerge"): reason,
        ("mastery", "GET", "/v1/learners/{learner}/history"): None,
        ("mastery", "GET", "/v1/learners/{learner}/next-steps"): None,
        ("mastery", "GET", "/v1/learners/{learner}/standings"): None,
        ("mastery", "GET", "/v1/learners/{learner}/why/{node}"): None,
        ("credentials", "GET", "/v1/learners/{learner}/credentials"): None,
        ("credentials", "GET", "/v1/credentials/{credential}"): None,
    }
    assert {call for call in calls if "{learner}" in call[2]} == routes_about_a_learner()
    answers = {}
    for (service, method, path), body in calls.items():
        credential = person.credential.rpartition("/")[2]
        real = path.format(learner=person.learner, node=SKILL, credential=credential)
        with school.system.client(service, registrar) as client:
            answers[f"{method} {path}"] = client.request(method, real, json=body).status_code
    with school.system.client("ingest", school.teacher) as client:
        answer = client.post("/v1/observations", json=seen, headers={"Idempotency-Key": person.learner})
        answers["POST /v1/observations"] = answer.status_code
    return answers


def routes_about_a_learner() -> set[tuple[str, str, str]]:
    """As the services document themselves; that of the erasure answers what was done."""
    found = set()
    for service in ("ingest", "mastery", "credentials"):
        document = json.loads((ROOT / "contracts" / "openapi" / f"{service}.json").read_text())
        for path, methods in document["paths"].items():
            if "{learner}" in path and not path.endswith("/erasure"):
                found |= {(service, method.upper(), path) for method in methods}
    return found


@dataclass
class Copies:
    """What was copied before the erasure, and what whoever has the copies and every key reads in them."""

    heap: Heap
    ring: Heap
    master: bytes
    read: dict[bytes, bytes]

    def hers(self, person: Person) -> set[bytes]:
        """What is under a person's own keys, and whatever else names them."""
        own = opened(self.heap, own_keys(self.heap, self.ring, person, self.master))
        return own.keys() | {blob for blob, plain in self.read.items() if names(person, plain)}

    def wrapped(self, person: Person) -> set[bytes]:
        """The wrap keys, and the keys of a person's pseudonyms, as they lay on disk."""
        subjects = {UUID(person.learner).bytes, UUID(person.merged).bytes}
        rows = [row for row in self.heap.rows if row.get("subject") in subjects]
        return {bytes(row["wrapped"]) for row in (*rows, *self.ring.rows)}  # type: ignore[arg-type, call-overload]


def lived(place: Place, school: School) -> Copies:
    """All is said; a back-up while some of it waits, and another when nothing does."""
    school.prepare()
    school.say()
    heap = place.back_up()
    school.settle_what_waited()
    heap |= place.back_up()
    ring, key = place.ring(), master(place)
    copies = Copies(heap, ring, key, opened(heap, obtainable(heap | ring, [key])))
    heard = b"\n".join(said(plain) for plain in copies.read.values())
    unheard = [
        person.says(door) for person in school.people for door in DOORS if person.says(door).encode() not in heard
    ]
    assert unheard == [], "the reader reads what came by every door, before"
    return copies


def erase(school: School, person: Person) -> None:
    """By the commands an operator uses; the services are at rest between them."""
    system = school.system
    erased = ("learner", "erase", person.learner, "--reason", "asked for", "--yes", "--json")
    done = system.command(*erased, key=school.office.registrar)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"]
    school.rest()
    rotated = system.command("tenant", "rotate-key", TENANT)
    assert rotated.returncode == 0, rotated.stderr


def test_nothing_of_the_erased_opens_in_any_copy_and_the_rest_repeats(place: Place, tmp_path: Path) -> None:
    ada, ben = Person("Adelheidequx"), Person("Benvoliovax")
    school = School(Office(place.system), (ada, ben))
    copies = lived(place, school)
    hers, at = copies.hers(ada), datetime.now(UTC).isoformat()
    others, answers = copies.read.keys() - hers, asked(school, ben, at)

    erase(school, ada)
    place.tidy()

    everything = copies.heap | place.live()
    after = opened(everything, obtainable(everything, [copies.master]))
    assert [said(after[blob]) for blob in hers & after.keys()] == []
    assert [plain for plain in after.values() if names(ada, plain)] == []
    assert {blob for blob in others if after.get(blob) != copies.read[blob]} == set(), "the rest opens as it did"
    assert not_sealed(place, school.people) == []
    assert [path for path in place.keys_raw() if any(old in path.read_bytes() for old in copies.wrapped(ada))] == []
    assert set(statuses(school, ada, ben).values()) == {410}
    assert asked(school, ben, at) == answers
    assert dead_letters(place.live()) == dead_letters(copies.heap)
    replay = replayed(place.system, tmp_path / "replay")
    assert (replay["erased"], any(replay["differences"].values())) == (2, False)


def not_sealed(place: Place, people: Iterable[Person]) -> list[Path]:
    """Files in which somebody stands in clear, or merely written otherwise."""
    marks = [form for person in people for form in forms_of(person.name)]
    return [path for path in place.raw() if any(mark in path.read_bytes() for mark in marks)]


def dead_letters(heap: Heap) -> set[tuple[object, ...]]:
    return {(row["topic"], row["part"], row["seq"]) for row in heap.rows if "log_offset" in row}
