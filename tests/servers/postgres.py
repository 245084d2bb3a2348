"""PostgreSQL from the machine's own packages: a cluster in a folder of its own, passwords by SCRAM, a free port."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import count
from typing import Self

from tests.servers.missing import postgres_folder
from tests.servers.places import free_port, write
from tests.servers.process import Process, ServerFailed
from tests.servers.server import Server

START_S = 60.0
RESTART_TRIES = 20  # a killed cluster's backends take a moment to notice, and hold its shared memory until then
STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_min_messages": "warning",
}


class Postgres(Server):
    """A cluster of its own."""

    def __init__(self, **settings: str) -> None:
        super().__init__("postgres")
        self.port = free_port()
        self.password = secrets.token_urlsafe(16)
        self._programs = postgres_folder()
        self._settings = SETTINGS | settings
        self._templates: set[str] = set()
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """The superuser's way into the maintenance database."""
        return self.url_of("postgres")

    def url_of(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """The URL of one database for one user."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Make the cluster at the first call; returns when it takes connections."""
        if not (self.data / "PG_VERSION").exists():
            self._make()
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder)]
        command += [part for item in self._settings.items() for part in ("-c", "=".join(item))]
        for left in reversed(range(RESTART_TRIES)):
            try:
                self._run(command)
                self._wait_until(self._answers, START_S)
                break
            except ServerFailed:
                if not left or not (self.data / "postmaster.pid").exists():
                    raise
                time.sleep(0.25)
        return self

    def stop(self, how: str = "fast") -> None:
        """`smart`, `fast` or `immediate` (a crash whose disk is kept), as `pg_ctl` calls them."""
        self._end(STOPS[how])

    def restart(self, how: str = "fast") -> None:
        """Stop so and start again on the same port."""
        self.stop(how)
        self.start()

    def close(self) -> None:
        """Stop at once and leave nothing behind."""
        self.stop("immediate")
        super().close()

    def fresh(self, template: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of a template."""
        name = f"fresh_{next(self._numbers)}"
        self.run(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return self.url_of(name)

    def template(self, name: str, make: Callable[[str], object]) -> str:
        """Prepare a database to copy, once: `make` is called with its URL and closes what it opened."""
        if name not in self._templates:
            self.run(f'CREATE DATABASE "{name}"')
            make(self.url_of(name))
            self._templates.add(name)
        return name

    def drop(self, url: str) -> None:
        """Forget a database, whoever is still connected to it."""
        name = url.rsplit("/", 1)[1]
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, sql: str, database: str = "postgres") -> str:
        """What `psql` prints for a statement of the superuser, unadorned."""
        command = [str(self._programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, database]
        said = subprocess.run(
            [*command, *place], env={**os.environ, "PGPASSWORD": self.password}, capture_output=True, text=True
        )
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command).returncode == 0

    def _make(self) -> None:
        secret = write(self.folder / "password", self.password)
        command = [str(self._programs / "initdb"), "-D", str(self.data), "-A", "scram-sha-256"]
        command += ["-U", SUPERUSER, "--pwfile", str(secret), "--locale=C.UTF-8", "-E", "UTF8"]
        made = Process(command, self.output)
        made.wait_to_end(START_S)
        if not (self.data / "PG_VERSION").exists():
            raise ServerFailed(self.output.read_text())
