"""A technician's files against a real ingest service: tried, sent, told row by row, and sent again."""

import json

import pytest
from click.testing import CliRunner

from services.cli.dispatch import main
from tests.cli.fake import serving
from tests.ingest.cte import STUDENTS, centre, file_of, signoff
from tests.ingest.house import House
from tests.support.documents import FOLDER

SOURCE = "maple.cte-signoffs"
MAPPING = FOLDER / "mappings" / "cte-signoffs.yaml"
ROWS = [
    signoff(),
    signoff(),
    signoff(STUDENTS[1], level="9"),
    signoff("MA-unknown"),
    signoff(STUDENTS[2], Status="Void"),
]
ENDS = {"accepted": 3, "quarantined": 1, "parked": 1}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "house")
    made.publish_catalogue()
    centre(made)
    yield made
    made.close()


@pytest.fixture
def wayproof(house, monkeypatch):
    """Runs a command as a role; gives its answer."""
    monkeypatch.setattr("services.cli.importing.LOOK_FIRST_S", 0.02)
    with serving(house.service.app) as url:
        monkeypatch.setenv("WAYPROOF_INGEST_URL", url)

        def run(role, *words, code=0):
            said = {"source": SOURCE} if role == "source" else {}
            token = house.token(role, "maple", **said)["Authorization"].removeprefix("Bearer ")
            answer = CliRunner().invoke(main, [*map(str, words)], env={"WAYPROOF_KEY": token})
            assert answer.exit_code == code, (answer.stdout, answer.stderr)
            return answer

        yield run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "signoffs.csv"
    path.write_bytes(file_of(ROWS))
    return path


def test_a_person_reads_what_became_of_the_rows_and_the_counts_sum_to_them(wayproof, file):
    said = wayproof("source", "send", file, "--source", SOURCE).stdout.splitlines()
    assert said[0] == "signoffs.csv: 5 rows"
    counted = {line.split()[1]: int(line.split()[0]) for line in said[1:5] if "in all" not in line}
    assert counted == ENDS
    assert said[4].split() == ["5", "in", "all"]
    assert said[5].strip() == "line 4: quarantined, not-in-table /Level"


def test_a_program_reads_every_fault(wayproof, tmp_path):
    file = tmp_path / "many.csv"
    file.write_bytes(file_of([signoff(level="9", Notes=str(number)) for number in range(1500)]))
    said = json.loads(wayproof("source", "send", file, "--source", SOURCE, "--json").stdout)
    assert (said["state"], said["outcomes"], len(said["faults"])) == ("done", {"quarantined": 1500}, 1500)
    assert [fault["line"] for fault in said["faults"]] == list(range(2, 1502))
    shown = wayproof("source", "send", file, "--source", SOURCE).stdout
    assert shown.count("not-in-table") == 10
    assert "and more" in shown


def test_a_file_sent_again_is_told_as_it_was_and_counts_once(wayproof, file, house):
    first = json.loads(wayproof("source", "send", file, "--source", SOURCE, "--json").stdout)
    again = json.loads(wayproof("source", "send", file, "--source", SOURCE, "--json").stdout)
    assert (first["sent_before"], again) == (False, {**first, "sent_before": True})
    assert "was sent before" in wayproof("source", "send", file, "--source", SOURCE).stdout
    assert house.tally(SOURCE) == ENDS


def test_sent_all_over_again_what_was_counted_is_a_duplicate(wayproof, file):
    wayproof("source", "send", file, "--source", SOURCE)
    said = json.loads(wayproof("source", "send", file, "--source", SOURCE, "--again", "--json").stdout)
    assert said["outcomes"] == {"duplicate": 3, "quarantined": 1, "parked": 1}


def test_a_file_that_is_none_is_refused_with_the_reason(wayproof, file):
    file.write_bytes(b"Student State ID;Level\n1;2\n")
    assert "lacks columns" in wayproof("source", "send", file, "--source", SOURCE, code=1).stderr
    file.write_bytes(file_of(ROWS) + b'"broken\n')
    answer = wayproof("source", "send", file, "--source", SOURCE, code=1)
    assert "was refused: line 7: broken quoting" in answer.stderr


def test_the_charset_can_be_said(wayproof, file):
    file.write_bytes(file_of([signoff(Competency="Flambé")], "cp1252"))
    tried = ["mapping", "test", SOURCE, MAPPING, file]
    assert "wrong-encoding" in wayproof("district", *tried, code=1).stdout
    assert "would count" in wayproof("district", *tried, "--charset", "windows-1252").stdout
    said = wayproof("source", "send", file, "--source", SOURCE, "--charset", "windows-1252").stdout
    assert "1 accepted" in said


def test_a_mapping_is_tried_on_the_first_rows_of_a_file(wayproof, file, house):
    said = wayproof("district", "mapping", "test", SOURCE, MAPPING, file, code=1).stdout
    assert "line 2: claim, would count" in said
    assert "line 4: CANNOT BE READ, not-in-table at /Level" in said
    assert "line 5: claim, would wait: the learner is unknown" in said
    assert said.splitlines()[-1].startswith("5 rows: 3 would count, 1 would be quarantined, 1 would wait")
    assert "no. 2" in said
    first = json.loads(wayproof("district", "mapping", "test", SOURCE, MAPPING, file, "--rows", "1", "--json").stdout)
    assert [(row["line"], row["outcome"]) for row in first["readings"]] == [(2, "accepted")]
    assert house.count("receipt") == 0


def test_a_disabled_source_is_told_so_and_shown_as_such(wayproof, file):
    assert "is disabled" in wayproof("district", "source", "disable", SOURCE).stdout
    assert "The source is disabled" in wayproof("source", "send", file, "--source", SOURCE, code=1).stderr
    assert "disabled since" in wayproof("district", "source", "show", SOURCE).stdout
    assert "  disabled" in wayproof("district", "source", "list").stdout
    assert wayproof("district", "source", "enable", SOURCE).stdout == f"{SOURCE} may send\n"
    wayproof("source", "send", file, "--source", SOURCE)


def test_bounds_of_a_source_are_said_and_shown(wayproof):
    add = ["source", "add", "centre", "--organisation", "lincoln", "--pathway", "cte"]
    wayproof("district", *add, "--assesses", "culinary-arts", "--assesses", "industry")
    assert "may assess culinary-arts, industry" in wayproof("district", "source", "show", "maple.centre").stdout
    wayproof("district", *add)
    assert "may assess culinary-arts, industry" in wayproof("district", "source", "show", "maple.centre").stdout


def test_two_learners_are_merged_and_taken_apart_again(wayproof, file):
    wayproof("source", "send", file, "--source", SOURCE)
    ids = [f"state-student-id={student}" for student in STUDENTS[:2]]
    found = json.loads(wayproof("registrar", "learner", "find", *ids, "--json").stdout)
    gone, stays = (each["learner"] for each in found)
    said = wayproof("registrar", "learner", "merge", gone, stays, "--reason", "one person").stdout
    assert said.startswith(f"2 pieces of evidence moved from {gone} to {stays}")
    assert wayproof("registrar", "learner", "find", ids[0]).stdout.startswith(stays)
    back = json.loads(wayproof("registrar", "learner", "unmerge", gone, "--reason", "two", "--json").stdout)
    assert (back["from"], back["to"], back["moved"]) == (stays, gone, 2)
    assert wayproof("registrar", "learner", "merge", gone, gone, "--reason", "x", code=1).stderr
    wayproof("registrar", "learner", "merge", gone, stays, code=2)
