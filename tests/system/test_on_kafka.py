"""The same school day on Kafka and PostgreSQL as on the embedded default: story, records, credential bytes."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from services.demo.stage import SERVERS, Stage
from services.demo.story import Story
from tests.servers import Broker, Postgres
from tests.servers.backends import prepared

START = "2026-09-01T09:00:00Z"
SECONDS = re.compile(r"[0-9]+\.[0-9] s\b")


@dataclass
class Day:
    """What a day left behind."""

    told: list[str]
    events: dict[str, list[dict[str, Any]]]
    standings: dict[str, dict[str, Any]]
    credentials: dict[str, list[str]]  # SHA-256 of their bytes
    decided_again: dict[str, Any]


def settled(said: Any) -> Any:
    """Without what differs between any two days: who of a partition came first, and the ids of access keys."""
    if isinstance(said, dict):
        kept = {name: settled(value) for name, value in said.items() if name not in {"seq", "position", "by"}}
        return {name: value[:19] if name == "recorded_at" else value for name, value in kept.items()}
    return [settled(each) for each in said] if isinstance(said, list) else said


def live(folder: Path, capsys: pytest.CaptureFixture[str], said: Mapping[str, str]) -> Day:
    """A day on what the settings name, told in this process as `wayproof demo` tells it."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        for name in SERVERS:
            patch.delenv(name, raising=False)
        for name, value in said.items():
            patch.setenv(name, value)
        with Stage(folder, seed="maple", start=START) as stage:
            story = Story(stage)
            story.tell()
            stage.settle()
            return lived(story, capsys, decided_again(folder / "data"))


def decided_again(data: Path) -> dict[str, Any]:
    """By a process of its own that is told what the services are told."""
    command = [sys.executable, "-m", "services.mastery.replay", "--data-dir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["events"] > 0
    return found


def lived(story: Story, capsys: pytest.CaptureFixture[str], again: dict[str, Any]) -> Day:
    """What is asked when it is over."""
    asked, students = story.auditor, {student.name: student for student in story.school.students}
    return Day(
        [SECONDS.sub("N s", line) for line in capsys.readouterr().out.splitlines()],
        {name: asked.events(student) for name, student in students.items()},
        {name: asked.team(student) for name, student in students.items()},
        {
            name: [sha256(asked.signed(credential)).hexdigest() for credential in asked.credentials(student)]
            for name, student in students.items()
        },
        again,
    )


def assert_same(there: Day, here: Day) -> None:
    assert there.credentials == here.credentials
    assert settled(there.standings) == settled(here.standings)
    assert settled(there.events) == settled(here.events)
    assert there.decided_again == here.decided_again
    assert there.told == here.told


def test_a_day_on_the_servers_is_the_day_on_the_embedded_default(
    kafka: Broker, postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded = live(tmp_path / "embedded", capsys, {})
    assert sum(map(len, embedded.credentials.values())) >= 1
    with prepared(kafka.bootstrap, postgres.fresh()) as said:
        assert_same(live(tmp_path / "servers", capsys, said), embedded)
    assert not list((tmp_path / "servers" / "data").glob("**/*.db")), "nothing went into a file"
    with prepared(kafka.bootstrap, postgres.fresh()) as said:
        on_kafka = {name: value for name, value in said.items() if not name.endswith("STORE_URL")}
        assert_same(live(tmp_path / "kafka", capsys, on_kafka), embedded)
    assert not list((tmp_path / "kafka" / "data").glob("log/*.db")), "nothing went through an embedded log"
