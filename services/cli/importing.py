"""A file on its way through the file door: handed over once, then watched until every row came to an end."""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.cli.client import Client
from services.cli.progress import progress_bar
from services.cli.streaming import patiently

LOOK_FIRST_S, LOOK_MAX_S = 0.2, 2.0
FINISHED = {"done", "refused", "needs-confirmation", "behind", "rejected", "replaced"}
FAULTS_MAX = 10
PAGE_MAX = 1000


class Import:
    """One file of one source."""

    def __init__(
        self, client: Client, file: Path, source: str, wait_s: float, quiet: bool, *, say: Callable[[str], None]
    ) -> None:
        self._client, self._wait_s, self._quiet, self._say = client, wait_s, quiet, say
        self.file, self.source, self.id, self.sent_before = file, source, "", False

    def begin(self, media_type: str, again: bool) -> None:
        """Hand the file over; the same bytes find the import of the first time, however often this is interrupted."""
        raw = self.file.read_bytes()
        key = sha256(raw).hexdigest() + (f"-{uuid4()}" if again else "")
        headers = {"Content-Type": media_type, "Idempotency-Key": key}
        taken, self.sent_before = self._ask(lambda: self._client.begin(f"/v1/files/{self.source}", raw, headers))
        self.id = taken["import"]

    def follow(self) -> Mapping[str, Any]:
        """Until every row has come to an end, looking less often the longer it takes."""
        pause_s = LOOK_FIRST_S
        with progress_bar(1, "settling", quiet=self._quiet) as bar:
            while True:
                said: Mapping[str, Any] = self._page(0, 0)
                bar.length = said["rows_total"] or 1
                bar.update(said["rows_done"] - bar.pos)
                if said["state"] in FINISHED:
                    return said
                time.sleep(pause_s)
                pause_s = min(pause_s * 1.5, LOOK_MAX_S)

    def faults(self, limit: int | None = None) -> list[Any]:
        """What could not be counted, row by row; the first of them, or all."""
        found: list[Any] = []
        first: int | None = 0
        while first is not None and (limit is None or len(found) < limit):
            page = self._page(first, PAGE_MAX if limit is None else limit)
            found, first = found + page["faults"], page["next"]
        return found

    def _page(self, first: int, limit: int) -> Any:
        return self._ask(lambda: self._client.get(f"/v1/imports/{self.id}", first=first, limit=limit))

    def _ask(self, ask: Callable[[], Any]) -> Any:
        return patiently(ask, self._wait_s, self._say)
