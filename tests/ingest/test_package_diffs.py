"""Complete packages say by what they lack; deltas say what changed; both against a dictionary that does the same."""

from pathlib import Path

import pytest

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1
from tests.ingest.house import SAFE, TEAM, House
from tests.ingest.package_world import PACKAGE_MAPPING, Packages
from tests.support.packages import GONE, Level, Result, results_package

TWENTY = {f"l-{number}": Level(f"r-{number}", TEAM, number) for number in range(20)}
RESULTS = {f"r-{number}": Result() for number in range(20)}


def without(*numbers: int) -> bytes:
    """The twenty, some of them missing from both files."""
    results = {id_: row for id_, row in RESULTS.items() if int(id_[2:]) not in numbers}
    return results_package(results, {id_: row for id_, row in TWENTY.items() if int(id_[2:]) not in numbers})


@pytest.fixture
def sis(house: House) -> Packages:
    """A source whose twenty levels count."""
    house.learner("100")
    made = Packages(house)
    first = made.settle(results_package(RESULTS, TWENTY))
    assert first["diff"] == {"added": 20, "changed": 0, "removed": 0}
    return made


def test_what_a_complete_package_lacks_is_withdrawn_and_comes_back_when_it_is_there_again(sis: Packages):
    said = sis.settle(without(3, 4))
    assert (said["state"], said["diff"]) == ("done", {"added": 0, "changed": 0, "removed": 2})
    assert said["outcomes"] == {"accepted": 2, "duplicate": 18, "no_claim": 18}
    assert (said["rows_done"], said["rows_total"]) == (36, 36)
    assert sis.counted().keys() == TWENTY.keys() - {"l-3", "l-4"}

    again = sis.settle(without(3, 4))
    assert (again["outcomes"], again["diff"]["removed"]) == ({"duplicate": 18, "no_claim": 18}, 0)

    back = sis.settle(results_package(RESULTS, TWENTY))
    assert back["diff"] == {"added": 2, "changed": 0, "removed": 0}
    assert sis.counted().keys() == TWENTY.keys()
    assert len(sis.house.published(EvidenceAcceptedV1)) == 22, "what comes back is evidence of its own"


def test_the_receipt_names_what_was_removed_after_the_rows_that_were_sent(sis: Packages):
    said = sis.settle(without(3))
    items = sis.house.receipt(said["receipt"])["items"]
    removed = [item for item in items if item.get("reason") == "withdrawn"]
    assert [item["item"] for item in removed] == [38]
    ((_, event),) = sis.house.published(EvidenceRetractedV1)
    assert removed[0]["evidence"] == str(event.retracts)


def test_an_empty_package_removes_nothing_until_a_registrar_says_so(sis: Packages):
    said = sis.settle(results_package({}, {}))
    assert (said["state"], said["missing"], said["compared"]) == ("needs-confirmation", 20, 20)
    assert said["asks"] == "too-large-a-share-missing"
    assert len(sis.counted()) == 20
    sis.house.reopen()
    assert sis.told(said["import"])["state"] == "needs-confirmation"

    answers = [sis.decide(said["import"], "confirm") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    sis.rest()
    done = sis.told(said["import"])
    assert (done["state"], done["diff"]["removed"], done["decided_by"]) == ("done", 20, "clerk-7")
    assert sis.counted() == {}
    assert sis.decide(said["import"], "confirm").status_code == 200
    assert sis.decide(said["import"], "reject").status_code == 409
    assert len(sis.house.published(EvidenceRetractedV1)) == 20


def test_a_package_that_is_rejected_counts_for_nothing_row_by_row(sis: Packages):
    new = {"l-new": Level("r-new", SAFE, 7)}
    said = sis.settle(results_package({"r-new": Result()}, new))
    assert (said["state"], said["outcomes"]) == ("needs-confirmation", {})
    assert sis.decide(said["import"], "reject", "cut off").status_code == 201
    sis.rest()
    done = sis.told(said["import"])
    assert (done["state"], done["outcomes"], done["rows_done"]) == ("rejected", {"no_claim": 2}, 2)
    assert len(sis.counted()) == 20
    assert sis.decide(said["import"], "reject").status_code == 200
    assert sis.decide(said["import"], "confirm").status_code == 409


@pytest.mark.parametrize(("missing", "state"), [(1, "done"), (2, "done"), (3, "needs-confirmation")])
def test_a_tenth_may_be_missing_and_not_more(sis: Packages, missing: int, state: str):
    assert sis.settle(without(*range(missing)))["state"] == state


@pytest.mark.parametrize(("missing", "asks"), [(3, None), (4, None), (5, "too-many-missing")])
def test_so_many_may_be_missing_and_not_more(tmp_path: Path, missing: int, asks: str | None):
    house = House(tmp_path, settings={"removals_max": 4, "removals_max_percent": 100})
    house.publish_catalogue()
    house.learner("100")
    made = Packages(house)
    made.settle(results_package(RESULTS, TWENTY))
    said = made.settle(without(*range(missing)))
    assert (said["asks"], said["state"]) == (asks, "needs-confirmation" if asks else "done")
    house.close()


def test_rows_that_cannot_be_told_apart_may_be_the_missing_ones(sis: Packages):
    levels = {id_: row for id_, row in TWENTY.items() if id_ != "l-3"} | {"": TWENTY["l-3"]}
    said = sis.settle(results_package(RESULTS, levels))
    assert (said["state"], said["asks"], said["missing"]) == ("needs-confirmation", "rows-not-told-apart", 1)
    assert len(sis.counted()) == 20


def test_a_faulty_row_is_there_and_what_it_said_before_stands(sis: Packages):
    said = sis.settle(results_package({**RESULTS, "r-3": Result(status="graded")}, TWENTY))
    assert (said["state"], said["outcomes"]["quarantined"], said["outcomes"]["held"]) == ("done", 1, 1)
    assert sis.counted().keys() == TWENTY.keys()


def test_nobody_but_a_registrar_decides_and_only_in_their_own_tenant(sis: Packages):
    said = sis.settle(results_package({}, {}))
    url, body = f"/v1/imports/{said['import']}/decision", {"decision": "confirm", "reason": "x"}
    tried = {
        role: sis.house.http.post(url, json=body, headers=sis.house.token(role, **more)).status_code
        for role, more in [("auditor", {}), ("district", {}), ("source", {"source": sis.source})]
    }
    assert set(tried.values()) == {403}
    other = sis.house.token("registrar", "oak")
    assert sis.house.http.post(url, json=body, headers=other).status_code == 404
    assert (
        sis.house.http.post(url, json={"decision": "confirm"}, headers=sis.house.token("registrar")).status_code == 400
    )
    listed = sis.house.http.get("/v1/imports?state=needs-confirmation", headers=sis.house.token("registrar")).json()
    assert [each["import"] for each in listed["imports"]] == [said["import"]]


def test_why_is_kept_sealed(sis: Packages):
    said = sis.settle(results_package({}, {}))
    sis.decide(said["import"], "confirm", "planted-reason")
    with sis.house.parts.database.read() as cursor:
        (sealed,) = cursor.execute("SELECT sealed FROM package_import WHERE verdict = 'confirmed'").fetchone()
    assert b"planted" not in sealed
    opened = sis.house.keys.tenant_data_key("maple", "imports").open(
        sealed, bytes.fromhex(said["import"].replace("-", ""))
    )
    assert opened == b"planted-reason"


def test_later_packages_wait_behind_one_that_waits_and_a_complete_one_replaces_it(sis: Packages):
    cut = sis.settle(without(*range(10)))
    behind = sis.settle(results_package({}, {"l-1": Level("r-1", TEAM, 99)}, "delta"))
    assert (cut["state"], behind["state"]) == ("needs-confirmation", "behind")
    assert sis.counted()["l-1"][0] == "1"

    good = sis.settle(results_package(RESULTS, TWENTY))
    assert (good["state"], good["outcomes"]["duplicate"]) == ("done", 20)
    assert [sis.told(each["import"])["state"] for each in (cut, behind)] == ["replaced", "replaced"]
    assert sis.told(cut["import"])["outcomes"] == {"superseded": 20}
    assert sis.decide(cut["import"], "confirm").status_code == 409
    assert sis.counted()["l-1"][0] == "1"


def test_what_waited_behind_goes_on_in_order_once_a_person_has_spoken(sis: Packages):
    cut = sis.settle(without(*range(10)))
    sis.settle(results_package({}, {"l-11": Level("r-11", TEAM, 99)}, "delta"))
    sis.settle(results_package({"r-1": Result()}, {"l-1": Level("r-1", TEAM, 98)}, "delta"))
    sis.decide(cut["import"], "confirm")
    sis.rest()
    counted = sis.counted()
    assert (len(counted), counted["l-11"][0], counted["l-1"][0]) == (11, "99", "98")


def test_a_delta_may_refer_to_what_earlier_packages_said(sis: Packages):
    said = sis.settle(results_package({}, {"l-3": Level("r-3", TEAM, 88), "l-x": Level("r-99", TEAM, 1)}, "delta"))
    assert (said["diff"]["changed"], said["outcomes"]["quarantined"]) == (1, 1)
    assert sis.counted()["l-3"] == ("88", "2026-11-01")


def test_a_result_that_changes_alone_changes_its_levels_and_one_deleted_takes_them_along(sis: Packages):
    moved = sis.settle(results_package({"r-3": Result(on="2026-11-02"), "r-4": Result()}, {}, "delta"))
    assert moved["diff"] == {"added": 0, "changed": 1, "removed": 0}
    assert sis.counted()["l-3"] == ("3", "2026-11-02")
    deleted = sis.settle(results_package({f"r-{number}": GONE for number in range(15)}, {}, "delta"))
    assert (deleted["state"], deleted["diff"]["removed"]) == ("done", 15), "who deletes by name is not asked"
    assert len(sis.counted()) == 5
    gone = sis.settle(results_package({}, {"l-16": GONE, "l-16-never": GONE}, "delta"))
    assert gone["diff"]["removed"] == 1
    assert "l-16" not in sis.counted()


def test_a_level_that_no_longer_claims_anything_takes_back_what_it_claimed(sis: Packages):
    said = sis.settle(results_package({"r-3": Result(status="exempt")}, {"l-3": TWENTY["l-3"]}, "delta"))
    assert said["diff"]["removed"] == 1
    assert "l-3" not in sis.counted()
    again = sis.settle(results_package({"r-3": Result(status="exempt")}, {"l-3": TWENTY["l-3"]}, "delta"))
    assert again["outcomes"] == {"no_claim": 2}


def test_what_was_removed_while_it_was_parked_or_quarantined_never_counts(house: House):
    made = Packages(house)
    bad = {"l-bad": Level("r-1", "33333333-3333-4333-8333-333333333333", 2)}
    made.settle(results_package({"r-1": Result()}, {"l-1": Level("r-1", TEAM, 1), **bad}))
    assert made.settle(results_package({}, {}))["asks"] == "too-large-a-share-missing"
    (waiting,) = house.http.get("/v1/imports?state=needs-confirmation", headers=house.token("registrar")).json()[
        "imports"
    ]
    made.decide(waiting["import"], "confirm")
    made.rest()
    assert house.roster([{"identifiers": {"student-number": "100"}}])["released"] == 1
    redriven = house.http.post("/v1/quarantine/redrive", json={"source": made.source}, headers=house.token("registrar"))
    assert redriven.json()["outcomes"] == {"superseded": 1}
    assert made.counted() == {}


def test_what_a_redrive_made_count_is_removed_by_the_next_package_that_lacks_it(sis: Packages):
    house = sis.house
    blind = {**PACKAGE_MAPPING, "version": 2, "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.x"}}}
    boss, put = house.token("district"), f"/v1/sources/{sis.source}/mappings"
    house.http.post(put, json=blind, headers=boss).raise_for_status()
    new = {**TWENTY, "l-new": Level("r-1", SAFE, 7)}
    assert sis.settle(results_package(RESULTS, new))["outcomes"]["quarantined"] == 21
    house.http.post(put, json={**PACKAGE_MAPPING, "version": 3}, headers=boss).raise_for_status()
    said = house.http.post("/v1/quarantine/redrive", json={"source": sis.source}, headers=house.token("registrar"))
    assert said.json()["outcomes"] == {"accepted": 1, "duplicate": 20}
    assert sis.settle(results_package(RESULTS, TWENTY))["diff"]["removed"] == 1
    assert sis.counted().keys() == TWENTY.keys()


def test_a_dry_run_says_what_the_real_one_does_and_changes_nothing(sis: Packages):
    levels = {id_: row for id_, row in TWENTY.items() if id_ != "l-4"} | {"l-3": Level("r-3", TEAM, 55)}
    raw = results_package(RESULTS, {**levels, "l-new": Level("r-1", SAFE, 7), "l-odd": Level("r-404", SAFE, 7)})
    tables = ("outcome", "receipt", "import", "package_row", "package_import", "record", "outbox", "quarantine")
    before = {table: sis.house.count(table) for table in tables}
    dry = sis.try_out(raw)
    assert {table: sis.house.count(table) for table in tables} == before
    real = sis.settle(raw)
    assert dry == {name: real[name] for name in dry}
    assert dry["diff"] == {"added": 1, "changed": 1, "removed": 1}


def test_the_diff_of_a_waiting_package_is_what_confirming_it_does(sis: Packages):
    said = sis.settle(results_package({"r-new": Result()}, {"l-new": Level("r-new", SAFE, 7)}))
    diff = sis.house.http.get(f"/v1/imports/{said['import']}/diff", headers=sis.house.token("registrar")).json()
    assert diff["diff"] == {"added": 1, "changed": 0, "removed": 20}
    assert diff["asks"] == said["asks"]
    sis.decide(said["import"], "confirm")
    sis.rest()
    done = sis.told(said["import"])
    assert (done["diff"], done["outcomes"]) == (diff["diff"], diff["outcomes"])


def test_one_source_never_removes_what_another_said(sis: Packages):
    other = Packages(sis.house, "other-sis")
    assert other.settle(results_package({}, {}))["state"] == "done"
    assert len(sis.counted()) == 20
