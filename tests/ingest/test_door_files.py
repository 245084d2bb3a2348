"""The file door: OneRoster packages, settled row by row, resumed wherever a kill left them."""

import itertools
import threading
from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.ingest.formats.oneroster import open_package
from services.ingest.storage import catalogue
from services.ingest.use_cases.group import Group
from tests.ingest.house import TENANT, House
from tests.support.paths import SHARED_DATA

VALID = SHARED_DATA / "oneroster" / "gradebook-valid.zip"
FAULTY = SHARED_DATA / "oneroster" / "gradebook-9-faults.zip"
MAPPING: dict[str, Any] = {
    "name": "gradebook",
    "version": 1,
    "format": "oneroster",
    "record_key": {"path": "doc.objective.sourcedId"},
    "learner": {"scheme": "sourcedid", "value": {"path": "doc.result.studentSourcedId"}},
    "competency": {"path": "doc.objective.learningObjectiveId"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.objective.score"}},
    "occurred_at": {"date": {"path": "doc.result.scoreDate"}, "formats": ["date"]},
    "assessor": {"id": {"const": "teacher-4"}, "role": {"const": "teacher"}},
}


@pytest.fixture
def gradebook(house: House) -> str:
    """A source of OneRoster packages, with the competencies and the students of the sample known."""
    objectives = open_package(VALID.read_bytes()).file("resultLearningObjectiveIds").rows.values()
    ids = sorted({row.cells["learningObjectiveId"].removeprefix("urn:uuid:") for row in objectives})
    items = tuple(FrameworkItem(identifier=id_, code=id_[:8], statement=id_) for id_ in ids)
    event = FrameworkPublishedV1(framework="shop", version=1, digest="d", title="Shop", items=items)
    catalogues = house.service.workers[0]._catalogues  # type: ignore[attr-defined]
    catalogues.change({TENANT}, lambda cursor: catalogue.put_framework(cursor, TENANT, event))
    clerk = house.token("registrar")
    imported = house.http.post("/v1/roster?organisation=lincoln", content=VALID.read_bytes(), headers=clerk)
    assert imported.status_code == 200, imported.text
    assert imported.json()["faults"] == []
    return house.source("gradebook", MAPPING, "classroom")


def send(house: House, source: str, path: Path, **headers: str) -> dict[str, Any]:
    """Send a package; the answer."""
    key = {**house.token("source", source=source), **headers}
    answer = house.http.post(f"/v1/files/{source}", content=path.read_bytes(), headers=key)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def settled(house: House, import_id: str) -> dict[str, Any]:
    """The import once it is done."""
    url, key = f"/v1/imports/{import_id}", house.token("auditor")
    house.wait(lambda: house.http.get(url, headers=key).json()["state"] == "done")
    return dict(house.http.get(url, headers=key).json())


def test_a_valid_package_gives_every_objective_level_as_evidence(house: House, gradebook: str) -> None:
    done = settled(house, send(house, gradebook, VALID)["import"])
    assert done["outcomes"] == {"accepted": 720, "no_claim": 240}
    assert done["rows_done"] == done["rows_total"] == 960
    assert len(house.published(EvidenceAcceptedV1)) == 720


def test_the_same_package_again_is_all_duplicates(house: House, gradebook: str) -> None:
    settled(house, send(house, gradebook, VALID)["import"])
    again = settled(house, send(house, gradebook, VALID)["import"])
    assert again["outcomes"] == {"duplicate": 720, "no_claim": 240}
    assert len(house.published(EvidenceAcceptedV1)) == 720


def test_an_idempotency_key_finds_the_first_import_and_refuses_another_file(house: House, gradebook: str) -> None:
    first = send(house, gradebook, VALID, **{"Idempotency-Key": "night-1"})
    assert send(house, gradebook, VALID, **{"Idempotency-Key": "night-1"}) == first
    headers = {**house.token("source", source=gradebook), "Idempotency-Key": "night-1"}
    other = house.http.post(f"/v1/files/{gradebook}", content=FAULTY.read_bytes(), headers=headers)
    assert other.status_code == 409
    settled(house, first["import"])
    assert house.count("import", source=gradebook) == 1


def test_nine_faults_are_quarantined_by_row_and_every_row_has_one_outcome(house: House, gradebook: str) -> None:
    before = house.count("outcome")
    done = settled(house, send(house, gradebook, FAULTY)["import"])
    assert sum(done["outcomes"].values()) == done["rows_total"] == house.count("outcome") - before
    assert done["outcomes"]["quarantined"] == 9
    assert all(fault["pointer"].startswith("/res") for fault in done["faults"])
    assert len(house.published(EvidenceAcceptedV1)) == done["outcomes"]["accepted"]


class KilledError(BaseException):
    """As if the process had ended here."""


def kill_at(monkeypatch: pytest.MonkeyPatch, house: House, step: str, group: int) -> threading.Event:
    """The committing thread dies at a step of its n-th group; the event says when."""
    killed, groups = threading.Event(), itertools.count()

    def die(*_: object) -> None:
        if next(groups) == group:
            killed.set()
            raise KilledError

    if step == "after the commit":
        monkeypatch.setattr(house.parts.commits, "_on_commit", die)
        return killed
    method = "make_keys" if step == "before the keys" else "write"
    whole = getattr(Group, method)
    monkeypatch.setattr(Group, method, lambda self, *said: (whole(self, *said), die()))
    return killed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("step", ["before the keys", "before the commit", "after the commit"])
@pytest.mark.parametrize("group", [1, 2, 5, 11])
def test_a_kill_between_any_two_steps_neither_loses_nor_repeats_a_row(
    house: House, gradebook: str, monkeypatch: pytest.MonkeyPatch, step: str, group: int
) -> None:
    """The first group begins the import, each of the others settles a hundred rows."""
    house.parts.importer._packages.rows_max = 100
    before = house.count("outcome")
    killed = kill_at(monkeypatch, house, step, group)
    import_id = send(house, gradebook, VALID)["import"]
    assert killed.wait(10)
    monkeypatch.undo()
    committed = house.count("outcome") - before
    house.stop.set()
    house.service.close()
    house.open()

    done = settled(house, import_id)

    settled_groups = group - 1 if step == "after the commit" else max(group - 2, 0)
    assert committed == min(100 * settled_groups, 960)
    assert done["outcomes"] == {"accepted": 720, "no_claim": 240}
    assert len(house.published(EvidenceAcceptedV1)) == house.count("record") == 720


def test_what_is_no_package_is_refused_at_the_door(house: House, gradebook: str) -> None:
    key = house.token("source", source=gradebook)
    before = house.count("receipt")
    for raw in (b"", b"PK\x03\x04", VALID.read_bytes()[:-100], b"a,b\n1,2\n"):
        answer = house.http.post(f"/v1/files/{gradebook}", content=raw, headers=key)
        assert answer.status_code == 400, raw[:4]
    assert house.http.post("/v1/files/maple.other", content=VALID.read_bytes(), headers=key).status_code == 404
    assert house.count("receipt") == before


def test_another_tenants_import_is_unknown(house: House, gradebook: str) -> None:
    import_id = send(house, gradebook, VALID)["import"]
    answer = house.http.get(f"/v1/imports/{import_id}", headers=house.token("auditor", "oak"))
    assert answer.status_code == 404
    settled(house, import_id)
