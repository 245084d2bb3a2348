"""Answers over HTTP: for any pair of dates, final or provisional, to whoever may ask."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.evidence_v1 import EvidenceRetractedV1
from services.mastery.documents.reading import read_yaml
from tests.mastery import sample
from tests.mastery.packs import POLICIES
from tests.mastery.world import LEARNER, OTHER, TENANT, Sent, World, accepted, enrolled, registered, retracted
from tests.support.given import day, uid

PACK = POLICIES / "teamwork-gate"
EXAMPLES: Any = read_yaml((PACK / "examples.yaml").read_bytes())
POLICY = sample.document(
    {"C1": {"estimate": {"method": "mean"}}, "C2": {"estimate": {"method": "highest"}}},
    {"both": {"all_of": [{"leaf": "C1"}, {"leaf": "C2"}]}},
    policy={"effective_from": "2026-07-01"},
)


def sent(said: dict[str, Any]) -> Sent:
    if "withdraws" in said:
        return retracted(said["id"], said["withdraws"])
    return accepted(
        said["id"],
        said["code"],
        said["level"],
        competency=COMPETENCY,
        framework="transferable-skills",
        scale="vt4",
        by=said["by"],
        pathway=said["pathway"],
        occurred=said["occurred"],
    )


PACKAGE = json.loads((PACK / "framework.json").read_bytes())
COMPETENCY = next(item["identifier"] for item in PACKAGE["CFItems"] if item.get("humanCodingScheme") == "TEAM")


@pytest.fixture
def lived(world: World) -> World:
    """Example 4 as it happened: a clock stepped to noon of each day on which something was recorded."""
    world.clock.at = datetime(2024, 8, 1, 12, tzinfo=UTC)
    world.put_framework(PACKAGE, "transferable-skills")
    world.put_scale((PACK / "scale.yaml").read_bytes())
    listed = world.post("/v1/policies", (PACK / "policy.yaml").read_bytes())
    world.activate(listed["policy"], listed["version"])
    world.send(registered())
    world.settle()
    for said in sorted(EXAMPLES["facts"], key=lambda fact: fact["recorded"]):
        world.clock.at = max(day(said["recorded"]) - timedelta(hours=12), world.clock.at)
        world.send(sent(said))
        world.settle()
    world.clock.at = datetime(2028, 6, 1, tzinfo=UTC)
    return world


@pytest.mark.parametrize("row", EXAMPLES["cases"], ids=lambda row: f"{row['known']} {row['as_of']}")
def test_example_four_comes_out_over_http_for_every_pair_of_dates(lived: World, row: dict[str, Any]) -> None:
    names = {str(uid(fact["id"])): fact["id"] for fact in EXAMPLES["facts"]}
    found = lived.competency("TEAM", known_at=row["known"], as_of=row["as_of"])
    shown = found | {name: [names[id] for id in found[name]] for name in ("counted", "lapsed")}
    expected = row["expect"]["TEAM"]
    assert {name: shown[name] for name in expected} == expected
    (policy,) = lived.about("standings", known_at=row["known"], as_of=row["as_of"])["policies"]
    (requirement,) = policy["requirements"]
    assert requirement == {"name": "team-player", **row["expect"]["team-player"]}
    (why,) = lived.about("why/TEAM", known_at=row["known"], as_of=row["as_of"])["policies"]
    assert [names[entry["evidence"]] for entry in why["trace"]["counted"]] == expected["counted"]


def test_an_answer_known_before_the_partition_has_moved_on_is_final_and_stays_the_same(lived: World) -> None:
    asked = {"known_at": "2026-10-14", "as_of": "2026-10-14"}
    first = lived.about("standings", **asked)
    assert first["finality"] == "final"
    lived.send(accepted("g99", "TEAM", "1", competency=COMPETENCY, framework="transferable-skills", scale="vt4"))
    lived.settle()
    lived.restart()
    again = lived.about("standings", **asked)
    assert again | {"known_to": None} == first | {"known_to": None}


def test_an_answer_for_a_later_instant_than_is_known_says_it_is_provisional(lived: World) -> None:
    answer = lived.about("standings", known_at="2030-01-01")
    assert answer["finality"] == "provisional"
    assert answer["known_to"] < answer["known_at"]


def test_an_answer_quotes_its_dates_position_and_documents(lived: World) -> None:
    answer = lived.about("standings", known_at="2026-05-31", as_of="2026-05-31")
    assert answer["as_of"] == answer["known_at"] == "2026-05-31T23:59:59.999999Z"
    assert [document["kind"] for document in answer["documents"]] == ["policy", "framework", "scale"]
    select = "SELECT topic FROM event WHERE part = ? AND seq = ?"
    (topic,) = lived.rows(select, answer["position"]["partition"], answer["position"]["seq"])
    assert topic == "mastery.evidence-recorded.v1"


@pytest.fixture
def judged(world: World) -> World:
    world.put(POLICY)
    world.send(registered(), accepted("e1", "C1", "2"), accepted("e2", "C1", "4", occurred="2026-09-02"))
    world.send(accepted("e3", "C2", "2"))
    world.settle()
    return world


def test_why_shows_running_values_and_what_would_satisfy_it(judged: World) -> None:
    (policy,) = judged.about("why/both")["policies"]
    first, second = policy["trace"]["parts"]
    assert [entry["value"] for entry in first["counted"]] == ["2", "3"]
    assert second["satisfy"] == [{"value": "2", "want": "3"}]
    assert [piece["id"] for piece in policy["evidence"]] == [str(uid(name)) for name in ("e1", "e2", "e3")]
    assert judged.about("why/id-C1")["policies"][0]["trace"]["node"] == "C1"
    assert judged.about("why/C99", status=404)["type"] == "/problems/node-unknown"


def test_history_shows_every_event_with_the_value_after_it(judged: World) -> None:
    events = judged.about("history")["events"]
    values = [
        (event["said"]["level"], [(after["node"], after["value"], after["result"]) for after in event["after"]])
        for event in events
        if event["what"] == "mastery.evidence-recorded.v1"
    ]
    assert values == [
        ("2", [("C1", "2", "not_met"), ("both", None, "not_met")]),
        ("4", [("C1", "3", "met"), ("both", None, "insufficient")]),
        ("2", [("C2", "2", "not_met"), ("both", None, "not_met")]),
    ]
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))


def test_history_comes_in_pages_that_make_the_whole(judged: World) -> None:
    whole = judged.about("history")["events"]
    pages, after = [], 0
    while after is not None:
        page = judged.about("history", after=after, limit=2)
        pages += page["events"]
        after = page["next_after"]
    assert pages == whole


def test_next_steps_name_the_leaves_that_are_not_met(judged: World) -> None:
    (unmet,) = judged.about("next-steps")["unmet"]
    assert unmet["node"] == "both"
    (leaf,) = unmet["leaves"]
    assert (leaf["code"], leaf["value"], leaf["required"], leaf["why"]) == ("C2", "2", "3", ["value 2/3"])


def test_another_version_can_be_asked_for_without_being_in_force(judged: World) -> None:
    document = sample.document({"C1": {"estimate": {"method": "highest"}}}, policy={"version": 2})
    judged.put(document, activate=False)
    assert judged.competency("C1")["value"] == "3"
    assert judged.competency("C1", policy="sample", version=2)["value"] == "4"
    assert judged.about("standings", policy="sample", version=9, status=404)["type"] == "/problems/policy-unknown"
    assert judged.about("standings", policy="nobodys", status=404)["type"] == "/problems/policy-unknown"


BAD = ["yesterday", "0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59-12:00", "2026-02-30",
       "2026-01-01T00:00:00", "20260101", "1e400", "", " ", "2026-01-01T25:00:00Z", "-0001-01-01", "\x00"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("name", ["as_of", "known_at"])
def test_a_date_that_is_none_is_refused_with_a_pointer(judged: World, name: str, text: str) -> None:
    problem = judged.about("standings", status=400, **{name: text})
    assert (problem["type"], problem["pointer"]) == ("/problems/instant-refused", f"/{name}")


def test_an_instant_may_have_any_offset(judged: World) -> None:
    found = judged.about("standings", as_of="2026-09-05T02:00:00+02:00")
    assert found["as_of"] == "2026-09-05T00:00:00.000000Z"


@pytest.mark.parametrize("what", ["standings", "why/C1", "history", "next-steps"])
def test_an_unknown_learner_and_another_tenants_get_the_same_404(judged: World, what: str) -> None:
    stranger = judged.keyring.add("wp_stranger", "auditor", tenant="or")
    unknown = judged.about(what, uid("nobody"), status=404)
    assert judged.about(what, status=404, headers=stranger) == unknown


def test_a_learner_may_ask_about_itself_only(judged: World) -> None:
    itself = judged.keyring.add("wp_learner", "learner", learner=LEARNER)
    other = judged.keyring.add("wp_other", "learner", learner=OTHER)
    assert judged.about("standings", headers=itself)["learner"] == str(LEARNER)
    assert judged.about("standings", headers=other, status=404)["type"] == "/problems/learner-unknown"


def test_a_teacher_may_ask_about_whoever_is_enrolled_at_the_school(judged: World) -> None:
    teacher = judged.keyring.add("wp_teacher", "teacher", organisation="north-high", person="t1")
    judged.about("standings", headers=teacher, status=404)
    judged.send(enrolled("north-high"))
    judged.settle()
    judged.about("standings", headers=teacher)


def test_a_key_without_the_permission_is_refused(judged: World) -> None:
    source = judged.keyring.add("wp_source", "source", source="wa.north")
    assert judged.about("standings", headers=source, status=403)["status"] == 403
    assert judged.about("standings", headers={"Authorization": "Bearer nothing"}, status=401)["status"] == 401


def test_nothing_about_a_person_is_in_clear_in_the_store(judged: World) -> None:
    judged.send(accepted("e9", by="planted-assessor-7", artifact="planted-artifact"))
    judged.send(Sent(TENANT, LEARNER, uid("r9"), EvidenceRetractedV1(retracts=uid("e9"), reason="planted reason")))
    judged.settle()
    judged.service.close()
    files = [path for path in Path(judged.folder / "mastery").iterdir() if path.is_file()]
    assert files
    assert not any(b"planted" in path.read_bytes() for path in files)
    judged.start()
