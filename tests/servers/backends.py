"""Topics and a database of one's own on servers that run already, made by the commands an operator uses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

from contracts.events import TOPICS
from services.runtime.log.kafka import Connection
from services.runtime.log.kafka.topics import Topics
from tests.support.paths import ROOT


class NotMade(Exception):
    """What a command said instead."""


@contextmanager
def prepared(bootstrap: str, store_url: str, *, replicas: int = 1) -> Iterator[dict[str, str]]:
    """The settings of services that stand on both; the topics are deleted after, the database is its maker's."""
    said = {
        "WAYPROOF_LOG_URL": f"kafka://{bootstrap}",
        "WAYPROOF_LOG_TOPIC_PREFIX": f"t{uuid4().hex[:8]}.",
        "WAYPROOF_STORE_URL": store_url,
    }
    command(["migrate"], said)
    command(["topics", "--replicas", str(replicas)], said)
    yield said
    with closing(Topics(Connection(tuple(bootstrap.split(","))), said["WAYPROOF_LOG_TOPIC_PREFIX"])) as known:
        for topic in TOPICS:
            known.delete(topic)


def command(arguments: list[str], said: dict[str, str]) -> str:
    """What `wayproof …` prints with these settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYPROOF_")} | said
    run = [sys.executable, "-m", "services", *arguments]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise NotMade(f"wayproof {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
