"""One supervised service: its process, whether it answers, and when it may be started again."""

from __future__ import annotations

import http.client
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from services.runtime.backoff import Backoff

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 5.0
STAYED_UP_S = 5.0  # a process that lived so long did not fail at starting
HEALTH_TIMEOUT_S = 0.5


class Child:
    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], host: str, port: int) -> None:
        self.name, self.host, self.port = name, host, port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.ready = False
        self.starts = 0
        self._command, self._env = command, env
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def may_start(self) -> bool:
        return self._process is None and time.monotonic() >= self._start_at

    def start(self) -> None:
        """Its standard input is the tether; in a group of its own, so that Ctrl-C reaches the supervisor alone."""
        self._process = subprocess.Popen(self._command, env=self._env, stdin=subprocess.PIPE, process_group=0)  # noqa: S603
        self._started_at = time.monotonic()
        self.starts += 1

    def died(self) -> tuple[int, float] | None:
        """Its exit code, once, and the seconds until it is started again."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._let_go()
        if time.monotonic() - self._started_at >= STAYED_UP_S:
            self._backoff.succeeded()
        wait_s = self._backoff.failed()
        self._start_at = time.monotonic() + wait_s
        return code, wait_s

    def answers(self) -> bool:
        """Whether it says it is ready; remembered until it dies."""
        if self._process is not None and not self.ready:
            self.ready = _status(self.host, self.port, "/health/ready") == 200
        return self.ready

    def ask_to_stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def end(self) -> bool:
        """Kill it if it still runs; whether it had ended by itself and without a complaint."""
        if self._process is None:
            return True
        if not self.ended():
            self._process.kill()
        code = self._process.wait()
        self._let_go()
        return code in (0, -signal.SIGTERM)  # the latter before it was far enough up to have anything to finish

    def _let_go(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process, self.ready = None, False


def _status(host: str, port: int, path: str) -> int:
    with closing(http.client.HTTPConnection(host, port, timeout=HEALTH_TIMEOUT_S)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
