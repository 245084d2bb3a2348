"""What a source may do: one that is disabled is refused at every door; one with bounds assesses what it may."""

from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1
from tests.ingest.cte import centre, file_of, finished, imported, post, signoff
from tests.ingest.house import FORM_MAPPING, LINE_MAPPING, TENANT, House, form, project


def enabled(house: House, source: str, *, yes: bool, role: str = "district", tenant: str = TENANT) -> Any:
    url, key = f"/v1/sources/{source}/enabled", house.token(role, tenant)
    return house.http.put(url, json={"enabled": yes}, headers=key)


def registered(house: House, name: str, pathway: str, **said: Any) -> dict[str, Any]:
    body = {"name": name, "organisation": "lincoln", "pathway": pathway, **said}
    answer = house.http.post("/v1/sources", json=body, headers=house.token("district"))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_disabled_source_is_refused_at_every_door_and_nothing_is_kept_of_what_it_sends(house: House) -> None:
    source = centre(house)
    other = house.source("both", FORM_MAPPING)
    secret, lines = house.secret(other), house.source("lines", LINE_MAPPING, "virtual")
    stream = house.stream(lines)
    for one in (source, other, lines):
        assert enabled(house, one, yes=False).json()["disabled_at"] == "2026-11-20T12:00:00.000000Z"
    before = house.count("receipt")

    key = {**house.token("source", source=other), "X-Experience-API-Version": "1.0.3"}
    refused = [
        post(house, source, file_of([signoff()])),
        house.webhook(other, secret, "m-1", form(TEAM="3")),
        house.lines(lines, stream, 1, [project("p-1", "60")]),
        house.http.post("/v1/streams", headers=house.token("source", source=lines)),
        house.http.post("/v1/caliper", json={}, headers=key),
        house.http.post("/xapi/statements", json=[], headers=key),
        house.http.put("/xapi/statements?statementId=6690e6c9-3ef0-4ed3-8b37-7f3964730bee", json={}, headers=key),
    ]

    assert [answer.status_code for answer in refused] == [403] * 7
    assert {answer.json()["type"] for answer in refused} == {"/problems/source-disabled"}
    assert house.count("receipt") == before


def test_who_signs_wrongly_is_not_told_that_a_source_is_disabled(house: House) -> None:
    source = house.source("employer", FORM_MAPPING)
    house.secret(source)
    enabled(house, source, yes=False)
    other = "whsec_" + "A" * 43 + "="
    assert house.webhook(source, other, "m-1", form(TEAM="3")).json()["type"] == "/problems/signature-not-valid"


def test_a_file_taken_before_is_settled_and_its_sender_still_learns_what_became_of_it(house: House) -> None:
    source = centre(house)
    taken = post(house, source, file_of([signoff()])).json()
    enabled(house, source, yes=False)
    assert finished(house, taken["import"])["outcomes"] == {"accepted": 1}
    key = house.token("source", source=source)
    assert house.http.get(f"/v1/imports/{taken['import']}", headers=key).status_code == 200


def test_enabled_again_it_sends_as_before_and_saying_so_twice_changes_nothing(house: House) -> None:
    source = centre(house)
    first = enabled(house, source, yes=False).json()
    house.clock.pass_time(hours=1)
    assert enabled(house, source, yes=False).json() == first
    house.reopen()
    assert post(house, source, file_of([signoff()])).status_code == 403
    assert enabled(house, source, yes=True).json()["disabled_at"] is None
    assert imported(house, source, file_of([signoff()]))["outcomes"] == {"accepted": 1}


def test_who_may_not_manage_sources_disables_none(house: House) -> None:
    source = centre(house)
    assert enabled(house, source, yes=False, role="auditor").status_code == 403
    assert enabled(house, source, yes=False, tenant="oak").status_code == 404
    assert post(house, source, file_of([signoff()])).status_code == 202


def test_a_source_assesses_the_frameworks_it_may_and_what_it_says_of_others_waits(house: House) -> None:
    source = centre(house)
    assert registered(house, "cte-signoffs", "cte", assesses=["nursing", "culinary-arts"])["assesses"] == [
        "culinary-arts",
        "nursing",
    ]
    assert imported(house, source, file_of([signoff()]))["outcomes"] == {"accepted": 1}
    registered(house, "cte-signoffs", "cte", assesses=["nursing"])
    done = imported(house, source, file_of([signoff(level="2")]))
    assert [(fault["reason"], fault["pointer"]) for fault in done["faults"]] == [
        ("not-for-this-source", "/Competency Code")
    ]
    assert len(house.published(EvidenceAcceptedV1)) == 1


@pytest.mark.parametrize("said", [{}, {"assesses": []}])
def test_registered_again_bounds_stay_unless_other_ones_are_said(house: House, said: dict[str, Any]) -> None:
    source = centre(house)
    registered(house, "cte-signoffs", "cte", assesses=["nursing"])
    now = registered(house, "cte-signoffs", "cte", **said)
    assert now["assesses"] == (None if said else ["nursing"])
    outcome = "accepted" if said else "quarantined"
    assert imported(house, source, file_of([signoff()]))["outcomes"] == {outcome: 1}


def test_what_waited_for_its_learner_is_held_to_the_bounds_of_when_it_came(house: House) -> None:
    source = centre(house)
    registered(house, "cte-signoffs", "cte", assesses=["nursing", "culinary-arts"])
    imported(house, source, file_of([signoff("MA-9")]))
    house.reopen()
    house.roster([{"identifiers": {"state-student-id": "MA-9"}, "enrolments": [{"organisation": "lincoln"}]}])
    house.wait(lambda: len(house.published(EvidenceAcceptedV1)) == 1)
