"""One server's process: started on a tether, signalled, waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.servers.places import unprivileged_user

TETHER = Path(__file__).with_name("tether.py")
TICK_S = 0.05
LAST_LINES = 15


class ServerFailed(Exception):
    """A server did not start; says what it printed last."""


class Process:
    def __init__(self, command: Sequence[str], output: Path) -> None:
        self.output = output
        starter = [sys.executable, str(TETHER), unprivileged_user() or "-", str(output.parent), *command]
        with output.open("ab") as printed:
            self._tether = subprocess.Popen(
                starter,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                cwd="/tmp",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        assert self._tether.stdout is not None
        said = self._tether.stdout.readline()
        if not said:
            raise ServerFailed(self._last_words())
        self.pid = int(said)

    def wait_until(self, ready: Callable[[], bool], within_s: float) -> None:
        """Until the server says it is ready; raises ServerFailed when it ends before, or takes too long."""
        deadline = time.monotonic() + within_s
        while not (self.running and ready()):
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(self._last_words())
            time.sleep(TICK_S)

    def wait_to_end(self, within_s: float) -> int:
        """For a command that does one thing: its exit code."""
        try:
            code = self._tether.wait(within_s)
        finally:
            self._let_go()
        return code

    @property
    def running(self) -> bool:
        return self._tether.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.running:
            os.kill(self.pid, number)

    def end(self, number: signal.Signals, within_s: float = 60.0) -> None:
        """Ask it to stop and wait; whoever does not stop in time is killed."""
        self.signal(number)
        try:
            self._tether.wait(within_s)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
        self._let_go()

    def kill(self) -> None:
        """SIGKILL, as the kernel does to whom memory runs out."""
        self.end(signal.SIGKILL)

    def _let_go(self) -> None:
        assert self._tether.stdin is not None
        assert self._tether.stdout is not None
        self._tether.stdin.close()
        self._tether.wait(10)
        self._tether.stdout.close()

    def _last_words(self) -> str:
        lines = self.output.read_text(errors="replace").splitlines()
        return "\n".join(["the server did not start:", *lines[-LAST_LINES:]])
