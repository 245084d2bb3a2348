"""Sources: registered per tenant, with keys and versioned mappings; a mapping is tried before it is used."""

from typing import Any

import pytest

from tests.ingest.house import FORM_MAPPING, House, form

Employer = tuple[str, str]


def test_a_mapping_is_tried_on_a_sample_and_nothing_is_stored(house: House, employer: Employer) -> None:
    boss = house.token("district")
    before = house.count("mapping")
    body = {"mapping": {**FORM_MAPPING, "version": 9}, "sample": form(TEAM="3", SAFE="N/A")}
    said = house.http.post(f"/v1/sources/{employer[0]}/mappings/try", json=body, headers=boss)
    assert said.status_code == 200, said.text
    first, second = said.json()["readings"]
    assert (first["reading"], first["claim"]["competency"], first["claim"]["level"]) == ("claim", "TEAM", "3")
    assert first["claim"]["occurred_at"] == "2026-11-19T23:59:59.999999Z"
    assert second["claim"]["observed"] is False
    assert house.count("mapping") == before
    assert house.count("receipt") == house.count("quarantine") == 0


def test_a_sample_that_does_not_fit_shows_the_fault_and_where(house: House, employer: Employer) -> None:
    body = {"mapping": FORM_MAPPING, "sample": {"type": "submitted", "ratings": 3}}
    said = house.http.post(f"/v1/sources/{employer[0]}/mappings/try", json=body, headers=house.token("district"))
    (reading,) = said.json()["readings"]
    assert (reading["reading"], reading["pointer"]) == ("fault", "/ratings")


def test_a_mapping_that_does_not_fit_its_schema_is_refused_with_pointers(house: House, employer: Employer) -> None:
    url, boss = f"/v1/sources/{employer[0]}/mappings", house.token("district")
    wrong: dict[str, Any] = {**FORM_MAPPING, "version": 2, "colour": "red", "competency": {"path": "doc..x"}}
    said = house.http.post(url, json=wrong, headers=boss)
    assert said.status_code == 400
    assert said.json()["pointer"]
    assert house.http.get(url, headers=boss).json()["mappings"][0]["version"] == 1


def test_a_new_version_is_used_from_then_on_and_named_in_the_evidence(house: House, employer: Employer) -> None:
    source, secret = employer
    house.learner("100")
    house.webhook(source, secret, "msg-1", form("r-1", TEAM="3"))
    boss, url = house.token("district"), f"/v1/sources/{source}/mappings"
    second = {**FORM_MAPPING, "version": 2, "assessor": {"id": {"const": "x"}, "role": {"const": "supervisor"}}}
    assert house.http.post(url, json=second, headers=boss).json()["mapping"] == "internship@2"
    house.webhook(source, secret, "msg-2", form("r-2", TEAM="3"))
    told = [event.content.mapping for _, event in house.published() if hasattr(event, "content")]
    assert told == ["internship@1", "internship@2"]


def test_a_mapping_version_is_put_once(house: House, employer: Employer) -> None:
    url, boss = f"/v1/sources/{employer[0]}/mappings", house.token("district")
    assert house.http.post(url, json=FORM_MAPPING, headers=boss).status_code == 201
    changed = {**FORM_MAPPING, "on_change": "conflict"}
    assert house.http.post(url, json=changed, headers=boss).json()["type"] == "/problems/mapping-version-taken"
    assert house.count("mapping") == 1


def test_a_source_belongs_to_its_tenant(house: House, employer: Employer) -> None:
    oak = house.token("district", "oak")
    for method, path in (("GET", ""), ("POST", "/keys"), ("GET", "/mappings"), ("POST", "/mappings/try")):
        body = {"mapping": {}, "sample": 1} if path.endswith("try") else {}
        answer = house.http.request(method, f"/v1/sources/{employer[0]}{path}", json=body, headers=oak)
        assert answer.status_code == 404, (method, path)
    assert house.http.get("/v1/sources", headers=oak).json() == {"sources": []}


def test_registering_again_changes_nothing_and_otherwise_conflicts(house: House, employer: Employer) -> None:
    boss = house.token("district")
    body = {"name": "employer", "organisation": "lincoln", "pathway": "work_based"}
    assert house.http.post("/v1/sources", json=body, headers=boss).json()["source"] == employer[0]
    other = house.http.post("/v1/sources", json={**body, "pathway": "virtual"}, headers=boss)
    assert other.json()["type"] == "/problems/source-exists"
    assert house.count("source") == 1


def test_the_ring_of_keys_shows_windows_and_never_secrets(house: House, employer: Employer) -> None:
    source, secret = employer
    house.secret(source, end_others_after_s=60)
    text = house.http.get(f"/v1/sources/{source}", headers=house.token("district")).text
    assert secret.removeprefix("whsec_") not in text
    assert text.count('"not_after":null') == 1
    for _ in range(8):
        house.secret(source)
    full = house.http.post(f"/v1/sources/{source}/keys", json={}, headers=house.token("district"))
    assert (full.status_code, full.json()["type"]) == (409, "/problems/too-many-keys")


@pytest.mark.parametrize("key", ["whsec_short", "whpk_" + "A" * 10, "nothing", "whsk_" + "A" * 88])
def test_a_malformed_key_is_refused(house: House, employer: Employer, key: str) -> None:
    answer = house.http.post(f"/v1/sources/{employer[0]}/keys", json={"key": key}, headers=house.token("district"))
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/webhook-key-malformed")


def test_roles_that_may_not_are_refused(house: House, employer: Employer) -> None:
    body = {"name": "x", "organisation": "lincoln", "pathway": "virtual"}
    for role in ("teacher", "auditor", "registrar"):
        assert house.http.post("/v1/sources", json=body, headers=house.token(role)).status_code == 403
    assert house.http.post("/v1/sources", json=body).status_code == 401
