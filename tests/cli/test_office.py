"""A technician's commands against a real ingest service: sources, mappings, quarantine, learners, sending."""

import json

import pytest
from click.testing import CliRunner

from services.cli.dispatch import main
from tests.cli.fake import serving
from tests.ingest.house import LINE_MAPPING, House, project

SOURCE = "maple.virtual"


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "house")
    made.publish_catalogue()
    yield made
    made.close()


@pytest.fixture
def wayproof(house, monkeypatch):
    """Runs a command as a role; gives its answer."""
    with serving(house.service.app) as url:
        monkeypatch.setenv("WAYPROOF_INGEST_URL", url)

        def run(role, *words, code=0, **said):
            token = house.token(role, "maple", **said)["Authorization"].removeprefix("Bearer ")
            answer = CliRunner().invoke(main, [*map(str, words)], env={"WAYPROOF_KEY": token})
            assert answer.exit_code == code, (answer.stdout, answer.stderr)
            return answer

        yield run


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps(LINE_MAPPING))
    return path


@pytest.fixture
def registered(wayproof, mapping):
    wayproof("district", "source", "add", "virtual", "--organisation", "lincoln", "--pathway", "virtual")
    wayproof("district", "mapping", "put", SOURCE, mapping)


def lines_in(tmp_path, *lines):
    path = tmp_path / "lines.ndjson"
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


def test_registering_a_source_says_what_comes_next(wayproof):
    add = ["source", "add", "clinic", "--organisation", "clinic", "--pathway", "work_based"]
    said = wayproof("district", *add).stdout
    assert "wayproof mapping put maple.clinic FILE" in said
    assert "wayproof key add --tenant maple --role source --source maple.clinic" in said
    assert wayproof("district", *add).stdout == said
    assert "no mapping" in wayproof("district", "source", "show", "maple.clinic").stdout


def test_a_secret_is_shown_once_and_the_key_is_listed_without_it(wayproof, registered):
    said = wayproof("district", "source", "rotate", SOURCE, "--end-others-after-s", "60").stdout
    secret = next(line for line in said.splitlines() if line.startswith("whsec_"))
    shown = wayproof("district", "source", "show", SOURCE).stdout
    assert "key " in shown and secret not in shown
    assert secret not in wayproof("district", "source", "show", SOURCE, "--json").stdout


def test_a_mapping_is_tried_on_lines_and_a_fault_makes_it_1(wayproof, registered, mapping, tmp_path):
    sample = lines_in(tmp_path, project("p-1", 80), "", project("p-2", "much"))
    said = wayproof("district", "mapping", "test", SOURCE, mapping, sample, code=1).stdout
    assert "line 1: claim" in said and "competency   TEAM" in said
    assert "line 3: CANNOT BE READ" in said
    good = lines_in(tmp_path, project("p-1", 80))
    answer = json.loads(wayproof("district", "mapping", "test", SOURCE, mapping, good, "--json").stdout)
    assert [(each["line"], each["reading"]) for each in answer["readings"]] == [(1, "claim")]


def test_what_was_sent_is_found_in_quarantine_with_its_reason_and_never_its_value(
    wayproof, registered, house, tmp_path
):
    house.learner("100")
    file = lines_in(tmp_path, project("p-1", 80), "{broken", project("p-2", 431), project("p-3", 70, "Maria"))
    said = wayproof("source", "send", file, "--source", SOURCE, source=SOURCE).stdout
    for ended in ("1 accepted", "1 parked", "2 quarantined"):
        assert ended in said
    listed = wayproof("district", "quarantine", "list").stdout
    assert "malformed-json" in listed and "score-out-of-range" in listed and "431" not in listed
    [item] = json.loads(wayproof("district", "quarantine", "list", "--reason", "score-out-of-range", "--json").stdout)[
        "quarantine"
    ]
    shown = wayproof("district", "quarantine", "show", item["id"]).stdout
    assert "line 3" in shown and "score-out-of-range at /score" in shown
    assert wayproof("district", "quarantine", "list", "--reason", "other").stdout == "nothing is in quarantine\n"


def test_what_waits_for_a_learner_counts_once_it_is_linked(wayproof, registered, house, tmp_path):
    learner = str(house.learner("100"))
    wayproof("source", "send", lines_in(tmp_path, project("p-3", 70, "X9")), "--source", SOURCE, source=SOURCE)
    assert wayproof("registrar", "learner", "find", "student-number=X9", code=1).stdout.startswith("nobody")
    linked = wayproof("registrar", "learner", "link", learner, "student-number=X9").stdout
    assert linked == "linked; 1 pieces of evidence were waiting for it\n"
    assert wayproof("registrar", "learner", "find", "student-number=X9").stdout.startswith(learner)
    assert house.tally(SOURCE) == {"accepted": 1}


def test_a_key_of_another_source_sends_nothing(wayproof, registered, house, tmp_path):
    other = house.source("other", LINE_MAPPING, "virtual")
    answer = wayproof("source", "send", lines_in(tmp_path, "{}"), "--source", SOURCE, source=other, code=1)
    assert "another source's" in answer.stderr
    assert (house.tally(SOURCE), house.tally(other)) == ({}, {})
