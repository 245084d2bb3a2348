"""The same school day on Kafka as on the embedded log: the same story, the same records, the same credential bytes."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from contracts.events import TOPICS
from services.cli.dispatch import main
from services.demo.stage import Stage
from services.demo.story import Story
from services.runtime.log.kafka import Connection
from services.runtime.log.kafka.topics import Topics
from tests.servers import Broker

START = "2026-09-01T09:00:00Z"
SECONDS = re.compile(r"[0-9]+\.[0-9] s\b")


@dataclass
class Day:
    """What a day left behind."""

    told: list[str]
    events: dict[str, list[dict[str, Any]]]
    standings: dict[str, dict[str, Any]]
    credentials: dict[str, list[bytes]]


def settled(said: Any) -> Any:
    """Without what differs between any two days: who of a partition came first, and the ids of access keys."""
    if isinstance(said, dict):
        kept = {name: settled(value) for name, value in said.items() if name not in {"seq", "position", "by"}}
        return {name: value[:19] if name == "recorded_at" else value for name, value in kept.items()}
    return [settled(each) for each in said] if isinstance(said, list) else said


def live(folder: Path, capsys: pytest.CaptureFixture[str], **settings: str) -> Day:
    capsys.readouterr()
    with Stage(folder, seed="maple", start=START, told=settings) as stage:
        story = Story(stage)
        story.tell()
        stage.settle()
        students = {student.name: student for student in story.school.students}
        asked = story.auditor
        return Day(
            [SECONDS.sub("N s", line) for line in capsys.readouterr().out.splitlines()],
            {name: asked.events(student) for name, student in students.items()},
            {name: asked.team(student) for name, student in students.items()},
            {
                name: [asked.signed(credential) for credential in asked.credentials(student)]
                for name, student in students.items()
            },
        )


@pytest.fixture
def prefix(kafka: Broker) -> Iterator[str]:
    """Topics of this test's own, made by the command an operator uses."""
    name = f"s{uuid4().hex[:8]}."
    told = {"WAYPROOF_LOG_URL": f"kafka://{kafka.bootstrap}", "WAYPROOF_LOG_TOPIC_PREFIX": name}
    made = CliRunner().invoke(main, ["topics", "--replicas", "1"], env=told)
    assert made.exit_code == 0, made.output
    yield name
    with closing(Topics(Connection((kafka.bootstrap,)), name)) as known:
        for topic in TOPICS:
            known.delete(topic)


def test_a_day_on_kafka_is_the_day_on_the_embedded_log(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded = live(tmp_path / "embedded", capsys, LOG_URL="embedded")
    there = live(tmp_path / "kafka", capsys, LOG_URL=f"kafka://{kafka.bootstrap}", LOG_TOPIC_PREFIX=prefix)
    assert sum(map(len, embedded.credentials.values())) >= 1
    assert there.credentials == embedded.credentials
    assert settled(there.standings) == settled(embedded.standings)
    assert settled(there.events) == settled(embedded.events)
    assert there.told == embedded.told
    assert not list((tmp_path / "kafka" / "data").glob("log/*.db")), "nothing went through an embedded log"
