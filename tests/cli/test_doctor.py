"""The doctor names what is wrong and what to do, changes nothing, and says so to programs too."""

import json
import os
import sqlite3
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner
from fastapi import APIRouter, Response

from services.cli.checkup.running import remedy_of
from services.cli.dispatch import main
from services.credentials.storage.schema import MIGRATIONS as CREDENTIALS
from services.ingest.storage.schema import MIGRATIONS as INGEST
from services.mastery.storage.partitions import MASTERY_MIGRATIONS as MASTERY
from services.runtime.access_register import FileRegister
from services.runtime.app import create_app
from services.runtime.clock import SystemClock, to_micros
from services.runtime.lane import LogIncident
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore
from tests.cli.fake import running

Usage = namedtuple("Usage", "total used free")


class Health:
    """What the three fake services say of themselves."""

    def __init__(self):
        self.status, self.ready, self.progress, self.date = 200, {"status": "ready"}, {"relay": 0}, None
        self.router = APIRouter()
        self.router.add_api_route("/health/ready", self.get_ready, methods=["GET"])
        self.router.add_api_route("/health/progress", lambda: self.progress, methods=["GET"])

    def get_ready(self, response: Response):
        response.status_code = self.status
        if self.date:
            response.headers["Date"] = self.date
        return self.ready


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def data(tmp_path):
    """A folder as the services leave it."""
    FileRegister(tmp_path / "access.json", SystemClock()).add(tenant="maple", role="auditor")
    with closing(SqliteKeyStore(tmp_path / "keys")) as keys:
        keys.create_learner_keys("maple", [uuid4()])
    for service, migrations in (("ingest", INGEST), ("mastery", MASTERY), ("credentials", CREDENTIALS)):
        (tmp_path / service).mkdir()
        SqliteDatabase(tmp_path / service / f"{service}.db", migrations).close()
    return tmp_path


@pytest.fixture
def ask(data, health, monkeypatch):
    """Runs the doctor; gives its exit code and its findings."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100 * 2**30, 40 * 2**30, 60 * 2**30))
    with running(health.router) as url:
        words = [f"--{name}-url={url}" for name in ("ingest", "mastery", "credentials")]

        def examine(*more: str):
            answer = CliRunner().invoke(main, ["doctor", f"--data-dir={data}", *words, "--json", *more])
            said = json.loads(answer.stdout)
            assert said["well"] == (answer.exit_code == 0)
            return answer.exit_code, said["findings"]

        yield examine


def of_state(findings, *states):
    return [(found["what"], found["said"], found["remedy"]) for found in findings if found["state"] in states]


def held(data):
    """Every file that holds something, but for the index of a write-ahead log."""
    files = [path for path in data.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {path: path.read_bytes() for path in files if path.stat().st_size}


def write(data, service, statement, *values):
    with closing(sqlite3.connect(data / service / f"{service}.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_where_all_is_well_it_is_0_and_nothing_is_to_be_done(ask):
    code, findings = ask()
    assert (code, of_state(findings, "wrong", "watch")) == (0, [])
    looked_at = {found["what"] for found in findings}
    assert looked_at >= {"ingest", "mastery", "credentials", "disk", "access register", "key store", "clock"}


def test_it_changes_nothing(ask, data):
    before = {
        path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file() and path.suffix != ".db-shm"
    }
    ask()
    after = {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file() and path.suffix != ".db-shm"}
    assert {path: raw for path, raw in after.items() if raw} == {path: raw for path, raw in before.items() if raw}


def test_a_service_that_does_not_answer_is_wrong(ask):
    code, findings = ask("--mastery-url=http://127.0.0.1:1")
    [(what, said, remedy)] = of_state(findings, "wrong")
    assert (code, what) == (1, "mastery")
    assert said == "http://127.0.0.1:1 does not answer (ConnectError)"
    assert "wayproof up" in remedy


def test_what_is_no_wayproof_service_is_told_apart(ask, health):
    health.status, health.ready = 404, {"detail": "?"}
    code, findings = ask()
    assert code == 1
    assert {what for what, said, _ in of_state(findings, "wrong") if "not as a Wayproof service" in said} == {
        "ingest", "mastery", "credentials"
    }  # fmt: skip


def test_a_gap_in_the_log_is_named_with_the_command_that_mends_it(ask, health):
    why = str(LogIncident("ingest.learner", 2, 41, 57))
    health.status, health.ready = 503, {"wrong": {"consumer ingest.learner": why}}
    code, findings = ask()
    assert code == 1
    assert of_state(findings, "wrong")[0][2] == (
        "wayproof republish --service ingest --topic ingest.learner --partition 2 --from-seq 41"
    )


def test_lag_is_watched_when_there_is_much_of_it(ask, health):
    health.progress = {"relay ingest": 12_345, "importer": 2}
    code, findings = ask()
    assert code == 0
    assert [said for _, said, _ in of_state(findings, "watch")] == ["relay ingest has 12,345 to do"] * 3


def test_what_is_unknown_while_the_log_is_away_is_said_and_never_taken_for_nothing(ask, health):
    health.progress = {"consumer ingest.learner": None, "relay mastery": 0}
    code, findings = ask()
    assert code == 0
    unknown = "consumer ingest.learner cannot say what it has to do: its log is unavailable"
    assert [said for _, said, _ in of_state(findings, "watch")] == [unknown] * 3
    assert "nothing left to do" not in [said for _, said, _ in of_state(findings, "good")]


@pytest.mark.parametrize(("off", "state"), [(timedelta(seconds=10), "watch"), (timedelta(hours=-1), "wrong")])
def test_clocks_that_differ_are_noticed(ask, health, off, state):
    health.date = (datetime.now(UTC) + off).strftime("%a, %d %b %Y %H:%M:%S GMT")
    _, findings = ask()
    assert len([said for _, said, _ in of_state(findings, state) if "clock and this one differ" in said]) == 3


def test_a_clock_behind_what_was_recorded_is_wrong(ask, data):
    ahead = to_micros(datetime.now(UTC) + timedelta(hours=1))
    write(data, "mastery", "INSERT INTO partition_state (part, known_to) VALUES (0, ?)", ahead)
    code, findings = ask()
    assert (code, [what for what, _, _ in of_state(findings, "wrong")]) == (1, ["clock"])


@pytest.mark.parametrize(("free", "state"), [(2**30, "watch"), (2**20, "wrong")])
def test_a_disk_that_is_nearly_full_is_noticed(ask, monkeypatch, free, state):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100 * 2**30, 0, free))
    _, findings = ask()
    assert [what for what, _, _ in of_state(findings, state)] == ["disk"]


def test_a_damaged_register_is_wrong(ask, data):
    (data / "access.json").write_text("{")
    code, findings = ask()
    assert (code, [what for what, _, _ in of_state(findings, "wrong")]) == (1, ["access register"])


def test_a_master_key_others_may_read_is_wrong(ask, data):
    (data / "keys" / "master.key").chmod(0o644)
    code, findings = ask()
    [(what, _, remedy)] = of_state(findings, "wrong")
    assert (code, what, remedy) == (1, "key store", f"chmod 600 {data / 'keys' / 'master.key'}")


def test_a_missing_master_key_is_wrong_and_no_new_one_is_made(ask, data):
    (data / "keys" / "master.key").unlink()
    code, findings = ask()
    assert (code, [what for what, _, _ in of_state(findings, "wrong")]) == (1, ["key store"])
    assert not (data / "keys" / "master.key").exists()


def test_another_master_key_than_the_one_that_sealed_is_wrong(ask, data):
    path = data / "keys" / "master.key"
    path.write_bytes(os.urandom(len(path.read_bytes())))
    code, findings = ask()
    assert (code, of_state(findings, "wrong")[0][1]) == (1, "the key of maple does not open")


@pytest.mark.parametrize(("version", "state", "word"), [(99, "wrong", "update"), (0, "watch", "start the service")])
def test_a_store_of_another_version_is_told_with_what_to_do(ask, data, version, state, word):
    write(data, "mastery", f"PRAGMA user_version = {version}")
    _, findings = ask()
    [(what, _, remedy)] = of_state(findings, state)
    assert what == "mastery store" and word in remedy


def test_what_waits_for_a_person_is_counted(ask, data):
    for outcome, count in (("accepted", 900), ("parked", 1200), ("quarantined", 3), ("held", 0)):
        write(data, "ingest", "INSERT INTO tally VALUES ('maple.x', 'maple', ?, ?)", outcome, count)
    write(data, "credentials", "INSERT INTO dead_letter VALUES ('mastery.learner', 0, 1, 1, 'x', x'00')")
    code, findings = ask()
    assert code == 0
    assert [said for _, said, _ in of_state(findings, "watch")] == [
        "1,200 parked", "3 quarantined", "1 events of mastery.learner could not be read and were set aside",
    ]  # fmt: skip


def test_a_store_that_is_no_database_is_a_finding_and_the_rest_is_looked_at(ask, data):
    (data / "mastery" / "mastery.db").write_bytes(b"x" * 4096)
    code, findings = ask()
    assert code == 1
    assert ("mastery store", "wrong") in {(found["what"], found["state"]) for found in findings}
    assert ("credentials store", "good") in {(found["what"], found["state"]) for found in findings}


def test_a_service_the_supervisor_started_again_is_told(ask, data):
    services = {"ingest": {"url": "http://127.0.0.1:1", "starts": 3}}
    (data / "up.json").write_text(json.dumps({"services": services}))
    _, findings = ask()
    assert of_state(findings, "watch")[0][:2] == ("ingest", "started 3 times since `wayproof up`")


def test_a_person_reads_lines_with_what_to_do(data):
    words = [f"--{name}-url=http://127.0.0.1:1" for name in ("ingest", "mastery", "credentials")]
    answer = CliRunner().invoke(main, ["doctor", f"--data-dir={data}", *words])
    assert answer.exit_code == 1
    assert "WRONG  ingest" in answer.stdout and "-> wayproof up starts all three" in answer.stdout
    assert answer.stdout.endswith("3 wrong: see the lines marked ->\n")


def test_a_folder_that_is_not_there_is_wrong_and_not_made(tmp_path):
    answer = CliRunner().invoke(main, ["doctor", f"--data-dir={tmp_path / 'none'}"])
    assert answer.exit_code == 1 and "there is no" in answer.stdout
    assert not (tmp_path / "none").exists()


def test_every_reason_has_something_to_do():
    for why in ("sqlite3.OperationalError at sqlite.py:80", "anything else"):
        assert remedy_of(why)


def test_a_real_service_is_understood(data, monkeypatch):
    with running(create_app("x", [], ready=dict, access=None).router) as url:
        words = [f"--{name}-url={url}" for name in ("ingest", "mastery", "credentials")]
        answer = CliRunner().invoke(main, ["doctor", f"--data-dir={data}", *words, "--json"])
    ready = [found for found in json.loads(answer.stdout)["findings"] if found["said"] == f"ready at {url}"]
    assert len(ready) == 3
