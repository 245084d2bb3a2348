"""The command line: exit codes, what programs read, and sending that goes on where it stopped."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from services.cli.dispatch import COMMANDS, main
from services.cli.streaming import batches
from tests.cli.fake import FakeIngest, running
from tests.support.paths import ROOT


@pytest.fixture
def ingest():
    return FakeIngest()


@pytest.fixture
def wayproof(ingest, monkeypatch):
    monkeypatch.delenv("WAYPROOF_KEY", raising=False)
    with running(ingest.router) as url:
        monkeypatch.setenv("WAYPROOF_INGEST_URL", url)
        yield lambda *words: CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "results.ndjson"
    path.write_text("".join(f'{{"n": {number}}}\n' for number in range(1, 1251)))
    return path


def test_done_is_0_and_a_person_reads_a_table(wayproof):
    answer = wayproof("source", "list", "--key", "wp_1.secret")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        "source      organisation  pathway     state    title",
        "oak.clinic  clinic        internship  enabled  -",
    ]


def test_a_program_reads_json(wayproof):
    answer = wayproof("source", "list", "--key", "wp_1.secret", "--json")
    assert json.loads(answer.stdout)["sources"][0]["source"] == "oak.clinic"


def test_refused_is_1_and_says_why_and_where(wayproof):
    answer = wayproof("source", "list")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "The request was refused. a key is wanted" in answer.stderr
    assert "/key: missing" in answer.stderr


def test_a_program_reads_the_problem(wayproof):
    answer = wayproof("source", "list", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["type"] == "/problems/refusal"


@pytest.mark.parametrize(
    "words",
    [["nothing"], ["source", "list", "--colour"], ["why", "only-a-learner"], ["send", "no-such-file", "--source", "s"]],
)
def test_wrong_usage_is_2(wayproof, words):
    assert wayproof(*words).exit_code == 2


def test_a_service_that_is_not_up_is_1_and_one_line(wayproof):
    answer = wayproof("source", "list", "--url", "http://127.0.0.1:1")
    assert answer.exit_code == 1
    assert answer.stderr == "Error: ingest at http://127.0.0.1:1 cannot be reached (ConnectError); is it up?\n"


def test_a_stream_is_sent_whole_and_in_order(wayproof, ingest, file):
    answer = wayproof("send", file, "--source", "oak.clinic", "--json")
    assert json.loads(answer.stdout) == {"stream": "s-1", "next_line": 1251, "outcomes": {"accepted": 1250}}
    assert b"\n".join(ingest.lines) + b"\n" == file.read_bytes()


def test_a_stream_that_was_interrupted_goes_on_where_it_stopped(wayproof, ingest, file):
    ingest.fail_after = 500
    assert wayproof("send", file, "--source", "oak.clinic").exit_code == 1
    assert len(ingest.lines) == 500
    ingest.fail_after = None
    answer = wayproof("send", file, "--source", "oak.clinic", "--json")
    assert json.loads(answer.stdout)["outcomes"] == {"accepted": 1250}
    assert b"\n".join(ingest.lines) + b"\n" == file.read_bytes()
    assert ingest.streams == 1
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_lines_are_sent_in_requests_bounded_in_number_and_bytes():
    lines = [b"x" * 400_000] * 5 + [b"y"] * 1200 + [b"z" * 3_000_000]
    sent = list(batches(lines))
    assert [line for batch in sent for line in batch] == lines
    assert max(map(len, sent)) == 500
    assert [batch for batch in sent if len(batch) > 1 and sum(map(len, batch)) > 1024 * 1024] == []


def test_another_source_does_not_go_on_with_a_stream_that_is_not_its_own(wayproof, ingest, file):
    ingest.fail_after = 500
    wayproof("send", file, "--source", "oak.clinic")
    ingest.fail_after = None
    ingest.lines.clear()
    wayproof("send", file, "--source", "oak.other")
    assert ingest.streams == 2


def test_help_lists_every_command_and_imports_none():
    script = (
        "import sys; from services.cli.dispatch import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([name for name in ('fastapi', 'httpx', 'pydantic') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.endswith("[]\n")
    for name in COMMANDS:
        assert f"  {name} " in said


def test_the_key_command_does_not_wait_for_a_web_framework():
    script = "import sys, services.cli.keys; print('fastapi' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == "False\n", said.stderr[-300:]
