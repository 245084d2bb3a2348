"""`python -m tests.bench.on_servers.writing`: a process that makes all ready, waits for a word, writes, and reports."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from services.runtime.interpreter import spare_the_collector
from services.runtime.tenancy import every_tenant
from tests.bench.on_servers.parts import PARTS
from tests.bench.on_servers.shape import Shape
from tests.support.paths import ROOT


@dataclass(frozen=True)
class Written:
    """When a process began and ended, by the clock all processes share, and the processor time it used between."""

    began: float
    ended: float
    processor_s: float


class Process:
    """One writer; `ready` returns when it only waits for the word."""

    def __init__(self, part: str, url: str, folder: Path, shape: Shape) -> None:
        said = json.dumps({"part": part, "url": url, "folder": str(folder), "shape": asdict(shape)})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.on_servers.writing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(said)

    def ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the writer failed"

    def begin(self) -> None:
        self._say("go")

    def result(self) -> Written:
        output, _ = self._process.communicate(timeout=600)
        assert self._process.returncode == 0, "the writer failed"
        return Written(**json.loads(output))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


def all_ready(processes: Sequence[Process]) -> None:
    """When each only waits for the word."""
    for process in processes:
        process.ready()


def together(processes: Sequence[Process]) -> list[Written]:
    """All that are ready begin at once."""
    for process in processes:
        process.begin()
    return [process.result() for process in processes]


def main() -> None:
    """The process."""
    said = json.loads(sys.stdin.readline())
    with every_tenant("bench"):
        write = PARTS[said["part"]](said["url"], Path(said["folder"]), Shape(**said["shape"]))
        spare_the_collector()  # as a service does at its start
        print("ready", flush=True)
        sys.stdin.readline()
        began, used = time.perf_counter(), time.process_time()
        write()
        print(json.dumps(asdict(Written(began, time.perf_counter(), time.process_time() - used))))


if __name__ == "__main__":
    main()
