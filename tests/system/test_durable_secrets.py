"""What says something of a person, planted through every door, is in no file and no log line in any readable form."""

import base64
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.ingest.formats.standard_webhooks import signed_headers
from services.runtime.stored_keys import SqliteKeyStore
from tests.support.office import TENANT, Office
from tests.support.processes import Wayproof, running, wait_for
from tests.support.watch import at_rest
from tests.system.bad_doors import ORGANISATION, SKILL, Call, Premises, message, package_files, zipped
from tests.system.planted import found_in, found_in_folder, plant

GIVEN, FAMILY, MAIL = "Zephyrinequx", "Quackenbushvo", "zephyrine.quackenbush@planted.example"
NUMBER, LINKED, STRANGER = "774411990055321", "badge-66120098877", "stranger-88420771234"
FORM_NOTE, LINE_NOTE = "Led the winch crew splendidly", "Kept the kiln log without a gap"
SEEN_NOTE, FILE_NOTE = "Asked the quiet ones first", "Marked twice by the workshop"
SCORES = {"form": "93.918273641", "line": "91.527364181", "seen": "92.364518273", "file": "90.736455182"}
GARBAGE = "garbled-but-telling-5512099"
PLANTED = [GIVEN, FAMILY, MAIL, NUMBER, LINKED, STRANGER, FORM_NOTE, LINE_NOTE, SEEN_NOTE, FILE_NOTE, GARBAGE]
PLANTED += SCORES.values()


@dataclass
class School:
    """One learner in whom all of it meets, and what was said about it to whom."""

    premises: Premises
    learner: str = ""
    credential: dict[str, Any] = field(default_factory=dict)
    heard_by_others: bytes = b""

    @property
    def system(self) -> Wayproof:
        """The running system."""
        return self.premises.office.system

    def act(self) -> "School":
        """Roster, every door, garbage, a stranger, a credential, a withdrawal."""
        office = self.premises.office
        office.define("planted", "team", "team")
        self._roster()
        self._line()
        self._observation()
        self._file()
        first = self._form("form", NUMBER)
        self._rest()
        listed = self._credentials()
        assert [each["revoked"] for each in listed] == [False]
        self._aside()
        self._withdraw(first)
        self._rest()
        self.credential = self._credentials()[0]
        self._others()
        return self

    def _roster(self) -> None:
        person = {"identifiers": {"student": NUMBER}, "given_name": GIVEN, "family_name": FAMILY, "email": MAIL}
        said = [{**person, "enrolments": [{"organisation": ORGANISATION}]}]
        office = self.premises.office
        answer = office.call("ingest", office.registrar, "POST", "/v1/roster", json=said, params={"link_email": True})
        self.learner = answer["learners"][0]
        path = f"/v1/learners/{self.learner}/links"
        office.call("ingest", office.registrar, "POST", path, json={"scheme": "badge", "value": LINKED})

    def _form(self, kind: str, student: str, **other: object) -> dict[str, Any]:
        said = {**message(kind, student), "score": SCORES["form"], "note": FORM_NOTE, **other}
        assert self._post(json.dumps(said).encode(), f"m-{kind}") == 202
        return said

    def _post(self, body: bytes, message_id: str) -> int:
        source = self.premises.forms
        headers = signed_headers([source.secret], message_id, datetime.now(UTC), body)
        with self.system.client("ingest") as client:
            return client.post(f"/v1/webhooks/{source.id}", content=body, headers=headers).status_code

    def _line(self) -> None:
        said = {**message("line", NUMBER), "score": SCORES["line"], "note": LINE_NOTE}
        path = f"/v1/streams/{self.premises.stream()}/lines?first=1"
        with self.system.client("ingest", self.premises.lines.token) as client:
            answer = client.post(path, content=json.dumps(said).encode() + f'\n{{"x": {GARBAGE}'.encode())
        assert b"accepted" in answer.content and b"quarantined" in answer.content, answer.content

    def _observation(self) -> None:
        rating = {"scale": "percent", "score": SCORES["seen"]}
        said: dict[str, Any] = {
            "learner": {"scheme": "badge", "value": LINKED},
            "competency": {"code": SKILL},
            "rating": rating,
        }
        said |= {"occurred_at": "2026-09-10T12:00:00Z", "pathway": "classroom", "comment": SEEN_NOTE}
        with self.system.client("ingest", self.premises.teacher) as client:
            answer = client.post("/v1/observations", json=said, headers={"Idempotency-Key": "seen-1"})
        assert answer.status_code == 202, answer.text

    def _file(self) -> None:
        files = {
            name: text.replace(b"S-ada", NUMBER.encode()).replace(b",88,", f",{SCORES['file']},".encode())
            for name, text in package_files("file").items()
        }
        files["results.csv"] = files["results.csv"].replace(b"zq7-planted", FILE_NOTE.encode())
        call = zipped(self.premises, Call("ingest", "POST", "", files=tuple(files.items())), "file")
        source = self.premises.rows
        self.premises.office.call("ingest", source.token, "POST", f"/v1/files/{source.id}", content=call.content)
        counted = self.premises.office.outcomes
        wait_for(lambda: counted(source).get("accepted") == 1, 30, "the file is settled")

    def _aside(self) -> None:
        """A stranger's evidence is parked; garbage, in a signed body or on a scale that is none, is quarantined."""
        self._form("stranger", STRANGER)
        self._form("unscaled", NUMBER, scale=GARBAGE)
        assert self._post(f"{{{GARBAGE}, {NUMBER}".encode(), "m-garbled") == 202
        held = self.premises.office.outcomes(self.premises.forms)
        assert (held["accepted"], held["parked"], held["quarantined"]) == (1, 1, 2)

    def _withdraw(self, said: dict[str, Any]) -> None:
        """What was said first is withdrawn by who said it."""
        self._form("withdrawal", NUMBER, id=said["id"], gone="yes")

    def _credentials(self) -> list[dict[str, Any]]:
        path = f"/v1/learners/{self.learner}/credentials"
        found: list[dict[str, Any]] = self.premises.office.call(
            "credentials", self.premises.office.registrar, "GET", path
        )["credentials"]
        return found

    def _rest(self) -> None:
        wait_for(lambda: at_rest(self.system.data), 60, "the services are at rest")

    def _others(self) -> None:
        """All that another tenant can ask, and a record, its history and its credential asked by those who may."""
        keys = (self.premises.other_registrar, self.premises.other_district)
        self.heard_by_others = b"".join(self._asked(key) for key in keys)
        history = self.premises.office.call(
            "mastery", self.premises.office.registrar, "GET", f"/v1/learners/{self.learner}/history"
        )
        assert SCORES["line"] in json.dumps(history), "what is looked for is really known, to those who may know it"
        assert "mastery.evidence-withdrawn.v1" in {event["what"] for event in history["events"]}, history

    def _asked(self, key: str) -> bytes:
        mine = f"/v1/learners/{self.learner}"
        asked = [("mastery", f"{mine}/{what}") for what in ("standings", "history", "next-steps", f"why/{SKILL}")]
        asked += [("credentials", f"{mine}/credentials"), ("credentials", self.credential["href"])]
        asked += [("credentials", "/v1/awards"), ("ingest", "/v1/quarantine"), ("ingest", "/v1/sources")]
        heard = b""
        for service, path in asked:
            with self.system.client(service, key) as client:
                heard += client.get(path).content + b"\n"
        return heard


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """Everything has been said; the system still runs, with all its write-ahead logs."""
    with running(tmp_path_factory.mktemp("planted") / "data") as system:
        premises = Premises(Office(system), withdrawn={"equals": {"path": "doc.gone"}, "to": "yes"}).prepare()
        yield School(premises).act()


def texts(school: School) -> dict[str, set[bytes]]:
    """What was planted, the webhook secret as text and as bytes, and the secrets of access keys."""
    premises = school.premises
    whsec = premises.forms.secret.removeprefix("whsec_")
    tokens = [premises.forms.token, premises.teacher, premises.office.registrar, premises.other_registrar]
    planted = plant([*PLANTED, whsec, *(token.partition(".")[2] for token in tokens)])
    return {**planted, "webhook key": {base64.b64decode(whsec)}}


def test_nothing_planted_is_in_any_file_while_the_services_run(school: School) -> None:
    wals = [path.name for path in school.system.data.rglob("*-wal")]
    assert {"ingest.db-wal", "mastery.db-wal", "credentials.db-wal", "keys.db-wal"} <= set(wals)
    assert found_in_folder(school.system.data, texts(school)) == []


def test_nothing_planted_is_in_any_log_line(school: School) -> None:
    logged = school.system.output.read_bytes()
    assert b"listening" in logged
    assert found_in(logged, texts(school)) == []


def test_nothing_planted_reaches_another_tenant(school: School) -> None:
    assert len(school.heard_by_others.splitlines()) >= 18
    assert found_in(school.heard_by_others, texts(school)) == []
    assert school.learner.encode() not in school.heard_by_others


def test_the_search_finds_each_text_however_it_is_written(school: School, tmp_path: Path) -> None:
    """In a copy of the folder, in the middle of a real database."""
    folder = tmp_path / "data"
    shutil.copytree(school.system.data, folder)
    place = folder / "ingest" / "ingest.db"
    whole = place.read_bytes()
    middle = len(whole) // 2
    for text in PLANTED:
        for written in _writings(text):
            place.write_bytes(whole[:middle] + written + whole[middle:])
            assert ("ingest/ingest.db", text) in found_in_folder(folder, plant([text])), written


def _writings(text: str) -> list[bytes]:
    plain = text.encode()
    shifted = [base64.b64encode(secrets.token_bytes(n) + plain + secrets.token_bytes(5)) for n in range(3)]
    urls = [base64.urlsafe_b64encode(secrets.token_bytes(n) + plain + b"??>") for n in range(3)]
    return [plain, plain.hex().encode(), text.encode("utf-16-le"), *shifted, *urls]


def test_a_learner_whose_key_is_destroyed_is_gone_and_everybody_else_is_as_before(school: School) -> None:
    premises, office = school.premises, school.premises.office
    other = premises.learners["S-ada"]
    with office.reader("mastery") as mastery, office.reader("credentials") as credentials:
        question = f"/v1/learners/{other}/standings?as_of=2026-09-11&known_at=2026-11-01"
        before = mastery.get(question)
        keys = SqliteKeyStore(school.system.data / "keys")
        keys.destroy_learner_key(TENANT, UUID(school.learner))
        keys.close()
        standings = f"/v1/learners/{school.learner}/standings"
        wait_for(lambda: mastery.get(standings).status_code == 410, 15, "the record is gone")
        for what in ("history", f"why/{SKILL}", "next-steps"):
            assert mastery.get(f"/v1/learners/{school.learner}/{what}").status_code == 410
        assert credentials.get(school.credential["href"]).status_code == 410
        after = mastery.get(question)
    assert (before.status_code, _settled(before.content)) == (after.status_code, _settled(after.content))
    assert httpx.get(f"{school.system.urls['mastery']}/health/ready", trust_env=False).is_success


def _settled(answer: bytes) -> bytes:
    """Without how far answers are final, which moves on while nothing happens."""
    settled, count = re.subn(rb'"known_to":"[^"]+"', b"", answer)
    assert count == 1
    return settled
