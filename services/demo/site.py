"""A running system as its users see it: URLs, a key for each role, and a way to wait until all is at rest."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from services.demo.school import TENANT
from services.runtime.clock import Clock
from services.runtime.opening import open_access
from services.runtime.permissions import Role
from services.runtime.settings import RuntimeSettings, load

SERVICES = ("ingest", "mastery", "credentials")
QUIET_LIMIT_S = 30.0
LOOK_S = 0.02


class NotAsTold(Exception):
    """The services did not do what the story needs of them."""


class Site:
    """One data folder and the services running on it."""

    def __init__(self, data: Path, clock: Clock, urls: Mapping[str, str]) -> None:
        self.data, self.clock, self.urls = data, clock, dict(urls)
        self._watching = httpx.Client(timeout=30, trust_env=False)  # one for all looks: making one is not cheap
        self._clients = [self._watching]

    def key(self, role: Role, organisation: str | None = None, source: str | None = None) -> str:
        """A new access key's token."""
        with closing(open_access(load(RuntimeSettings, data_dir=self.data), self.clock)) as register:
            _, token = register.add(tenant=TENANT, role=role, organisation=organisation, source=source)
        return token

    def client(
        self, service: str, role: Role | None = None, organisation: str | None = None, source: str | None = None
    ) -> httpx.Client:
        """A client of one service, with a key made for it when a role is named."""
        headers = {"Authorization": f"Bearer {self.key(role, organisation, source)}"} if role else {}
        client = httpx.Client(base_url=self.urls[service], headers=headers, timeout=30, trust_env=False)
        self._clients.append(client)
        return client

    def settle(self) -> None:
        """Until nothing is under way anywhere."""
        wait(self._quiet, QUIET_LIMIT_S, "everything to come to rest")

    def close(self) -> None:
        """Hang up."""
        for client in self._clients:
            client.close()

    def _quiet(self) -> bool:
        """Twice round in the direction evidence flows: what one service passes on, the next has dealt with."""
        return all(count == 0 for _ in range(2) for name in SERVICES for count in self._progress(name).values())

    def _progress(self, service: str) -> dict[str, int | None]:
        answer = self._watching.get(f"{self.urls[service]}/health/progress")
        progress: dict[str, int | None] = answer.raise_for_status().json()
        return progress


def wait(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    """Until the condition holds; NotAsTold after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise NotAsTold(f"waited {limit_s:g} s for {what}")
        time.sleep(LOOK_S)


def answered(response: httpx.Response, *statuses: int) -> Any:
    """The answer's JSON; anything but the statuses expected ends the story with what was said instead."""
    if response.status_code not in statuses:
        asked = f"{response.request.method} {response.request.url.path}"
        raise NotAsTold(f"{asked}: {response.status_code} {response.text}")
    return response.json()
