"""The stage of the demo: the three services as real processes on a fresh folder, by a clock the story steps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from services.demo.clock import StoryClock
from services.demo.site import NotAsTold, Site, wait

START_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
QUICK = {"KNOWN_TO_INTERVAL_S": "0.05", "POLL_TIMEOUT_S": "0.05"}


STORES = ("STORE_URL", "KEYS_URL", "RING_URL", "ACCESS_URL", "STORE_PASSWORD_FILE")
LOG = ("LOG_URL", "LOG_TOPIC_PREFIX", "LOG_CA_FILE", "LOG_USERNAME", "LOG_PASSWORD_FILE")
SERVERS = {f"WAYPROOF_{name}" for name in (*STORES, *LOG)}


class Stage(Site):
    """A context: on entry everything runs, on exit everything has stopped.

    The environment says on which log and store the services stand, and nothing else of them.
    """

    def __init__(self, folder: Path, seed: str, start: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "data").mkdir(parents=True)
        self.folder, self.story_clock = folder, StoryClock(folder / "clock", start)
        super().__init__(folder / "data", self.story_clock, {})
        self._seed = seed

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "services", "up", "--data", str(self.data), "--ports", "0,0,0"]
        with (self.folder / "services.log").open("wb") as output:
            self._process = subprocess.Popen(command, env=self._environment(), stdout=output, stderr=output)  # noqa: S603
        try:
            wait(self._ready, START_LIMIT_S, "the services to be ready")
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._process.terminate()
        code = self._process.wait(STOP_LIMIT_S)
        if code and fault is None:
            raise NotAsTold("the services did not stop in order")

    def on(self, day: str) -> None:
        """Let everything come to rest, then step the clock to nine in the morning of a day."""
        self.settle()
        self.story_clock.step(f"{day}T09:00:00Z")

    def _environment(self) -> dict[str, str]:
        said = {"CLOCK_FILE": str(self.story_clock.path), "IDS_SEED": self._seed, **QUICK}
        inherited = {name: value for name, value in os.environ.items() if _is_inherited(name)}
        return {**inherited, **{f"WAYPROOF_{name}": value for name, value in said.items()}}

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise NotAsTold(f"the services ended; see {self.folder / 'services.log'}")
        try:
            running = json.loads((self.data / "up.json").read_text())["services"]
        except FileNotFoundError:
            return False
        self.urls = {name: found["url"] for name, found in running.items()}
        return all(found["ready"] for found in running.values())


def _is_inherited(variable: str) -> bool:
    """Of our settings only where servers are; everything else of the demo is its own."""
    return variable in SERVERS or not variable.startswith("WAYPROOF_")
