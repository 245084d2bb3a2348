"""What every server of a test's own has: a folder, a process, and the ways in which it ends."""

from __future__ import annotations

import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from tests.servers.places import new_folder
from tests.servers.process import Process


class Server(ABC):
    """Nothing is left of it after the block, or after the process that made it."""

    def __init__(self, name: str) -> None:
        self.folder = new_folder(name)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.running

    @property
    def output(self) -> Path:
        """What the server prints."""
        return self.folder / "output.log"

    @property
    def data(self) -> Path:
        """What it keeps."""
        return self.folder / "data"

    @abstractmethod
    def start(self) -> Self:
        """Make what it keeps at the first call; returns when it takes clients."""

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again: same port, same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop at once and leave nothing behind."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None:
            self._process.signal(number)

    def _run(self, command: Sequence[str]) -> None:
        self._process = Process(command, self.output)

    def _wait_until(self, ready: Callable[[], bool], within_s: float) -> None:
        assert self._process is not None
        self._process.wait_until(ready, within_s)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.end(number)
            self._process = None


def at_once(*starts: Callable[[], object]) -> None:
    """Start several beside each other; the first failure is raised when all are done."""
    with ThreadPoolExecutor(len(starts)) as starters:
        for started in [starters.submit(start) for start in starts]:
            started.result()
