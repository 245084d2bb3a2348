"""Sending a file: whatever interrupts it, each line is sent once, in order, and the summary says how all ended."""

import json

import pytest
from click.testing import CliRunner

from services.cli.dispatch import main
from tests.cli.fake import FakeIngest, running

ALL = {"accepted": 1250}


@pytest.fixture
def ingest():
    return FakeIngest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "results.ndjson"
    path.write_text("".join(f'{{"n": {number}}}\n' for number in range(1, 1251)))
    return path


@pytest.fixture
def send(ingest, file, monkeypatch):
    monkeypatch.setattr("services.cli.streaming.BACKOFF_FIRST_S", 0.01)
    with running(ingest.router) as url:
        words = ["send", str(file), "--source", "oak.clinic", "--url", url]
        yield lambda *more: CliRunner().invoke(main, [*words, *more])


def whole(ingest, file) -> bool:
    return b"\n".join(ingest.lines) + b"\n" == file.read_bytes()


def interrupted(send, ingest, after: int = 500) -> None:
    ingest.fail_after = after
    assert send().exit_code == 1
    ingest.fail_after = None


def outcomes(answer):
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)["outcomes"]


def test_a_person_reads_how_many_came_to_which_end_and_what_that_means(send):
    lines = send().stdout.splitlines()
    assert lines[-2:] == ["results.ndjson: 1250 lines sent", "      1,250 accepted    counted"]


def test_a_busy_service_is_asked_again(send, ingest, file):
    ingest.busy = 3
    answer = send("--json")
    assert outcomes(answer) == ALL and whole(ingest, file)
    assert answer.stderr.count("Trying again.") == 3


def test_a_service_that_stays_busy_ends_the_command_and_the_next_run_goes_on(send, ingest, file):
    ingest.busy = 10**6
    assert send("--wait-s", "0.1").exit_code == 1
    ingest.busy = 0
    assert outcomes(send("--json")) == ALL and whole(ingest, file)
    assert ingest.streams == 1


def test_lines_whose_answer_was_lost_are_not_sent_twice_and_are_owned_up_to(send, ingest, file):
    ingest.answers_lost = 1
    answer = json.loads(send("--json").stdout)
    assert whole(ingest, file)
    assert (answer["outcomes"], answer["taken_without_answer"]) == ({"accepted": 750}, 500)


def test_a_summary_after_an_interruption_speaks_of_all_runs(send, ingest, file):
    interrupted(send, ingest)
    said = send().stdout
    assert "1,250 accepted" in said and "went on where an earlier run had stopped" in said
    assert whole(ingest, file)


def test_a_file_that_changed_after_it_was_begun_is_refused_until_it_is_sent_again(send, ingest, file):
    interrupted(send, ingest)
    file.write_text(file.read_text().replace('{"n": 7}', '{"n": 8}'))
    answer = send()
    assert answer.exit_code == 1 and "--again" in answer.stderr
    assert len(ingest.lines) == 500
    assert outcomes(send("--again", "--json")) == ALL and whole(ingest, file)


def test_lines_added_to_the_end_of_a_file_are_no_change_of_what_was_sent(send, ingest, file):
    interrupted(send, ingest)
    with file.open("a") as more:
        more.write('{"n": 1251}\n')
    assert outcomes(send("--json")) == {"accepted": 1251} and whole(ingest, file)


def test_a_file_cut_short_since_is_refused(send, ingest, file):
    interrupted(send, ingest)
    file.write_bytes(file.read_bytes()[:100])
    assert send().exit_code == 1


def test_a_service_that_no_longer_knows_the_stream_is_told_apart_and_sent_again(send, ingest, file):
    interrupted(send, ingest)
    ingest.streams += 1  # as after a restore
    answer = send()
    assert answer.exit_code == 1 and "No stream of this id" in answer.stderr and "--again" in answer.stderr
    assert outcomes(send("--again", "--json")) == ALL


def test_a_place_that_cannot_be_read_is_no_place(send, ingest, file):
    file.with_name(".results.ndjson.wayproof-stream").write_text("{")
    assert outcomes(send("--json")) == ALL


def test_nothing_is_left_beside_a_file_that_was_sent(send, file):
    send()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
