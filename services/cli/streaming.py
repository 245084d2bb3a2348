"""A file of lines through the stream door: in requests of bounded size, going on after whatever interrupted it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import click

from services.cli.client import Client, Refused, Unavailable
from services.runtime.backoff import Backoff

LINES_MAX = 500
BYTES_MAX = 1024 * 1024
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 5.0


def batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines by the request: bounded in number and, unless one line alone is larger, in bytes."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == LINES_MAX or size + len(line) > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


def patiently(ask: Callable[[], Any], wait_s: float, say: Callable[[str], None]) -> Any:
    """What it answers, asked again while the service cannot be reached or says to come back, for so long."""
    backoff, until = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S), time.monotonic() + wait_s
    while True:
        try:
            return ask()
        except Unavailable as away:
            pause_s = backoff.failed()
            if time.monotonic() + pause_s > until:
                raise
            say(f"{away.format_message().splitlines()[0]} Trying again.")
            time.sleep(pause_s)


class Place:
    """How far a file was sent, kept beside it until every line was answered: a killed sender goes on from here."""

    def __init__(self, file: Path, source: str) -> None:
        self._kept = file.with_name(f".{file.name}.wayproof-stream")
        self._file, self.source = file.name, source
        self.stream, self.next_line, self.digest = "", 1, sha256()
        self.outcomes: Counter[str] = Counter()

    def recall(self) -> dict[str, Any] | None:
        """What was kept of an earlier run for the same source."""
        try:
            kept = json.loads(self._kept.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return kept if isinstance(kept, dict) and kept.get("source") == self.source else None

    def keep(self) -> None:
        """Replaced whole: a kill leaves the old place or the new one."""
        said = {"source": self.source, "stream": self.stream, "next_line": self.next_line, "outcomes": self.outcomes}
        draft = self._kept.with_name(self._kept.name + ".new")
        try:
            draft.write_text(json.dumps({**said, "sha256": self.digest.hexdigest()}))
            draft.replace(self._kept)
        except OSError as fault:
            where = f"the place reached cannot be kept beside {self._file}"
            raise click.ClickException(f"{where} ({fault.strerror}); copy it to a folder you may write to") from None

    def forget(self) -> None:
        self._kept.unlink(missing_ok=True)


class Stream:
    """One file on its way through one stream."""

    def __init__(self, client: Client, file: Path, source: str, *, wait_s: float, say: Callable[[str], None]) -> None:
        self._client, self._wait_s, self._say = client, wait_s, say
        self.place, self.unanswered, self.resumed = Place(file, source), 0, False

    def begin(self, lines: BinaryIO, again: bool) -> int:
        """Open a stream or find the one that was begun; leaves `lines` where it goes on, and says how many bytes in."""
        kept = None if again else self.place.recall()
        if kept is None:
            self.place.stream = self._ask(lambda: self._client.post("/v1/streams", {"source": self.place.source}))[
                "stream"
            ]
            self.place.keep()
            return 0
        self.resumed = True
        self.place.stream, self.place.outcomes = kept["stream"], Counter(kept["outcomes"])
        try:
            wanted = self._ask(self._wanted)
        except Refused as refused:
            raise Refused(
                refused.problem, refused.as_json, note="--again sends the file from its first line."
            ) from None
        return self._skip(lines, kept, wanted)

    def send(self, batch: list[bytes]) -> int:
        """Send lines from `next_line` on; how many bytes of the file they were."""
        place, first = self.place, self.place.next_line
        while (done := place.next_line - first) < len(batch):
            self._ask(partial(self._send, batch[done:]))
        for line in batch:
            place.digest.update(line)
        place.keep()
        return sum(map(len, batch))

    def _send(self, lines: list[bytes]) -> None:
        """Once; when its answer was lost but the lines were taken, that is progress too."""
        place = self.place
        body = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
        try:
            *answers, last = self._client.lines(f"/v1/streams/{place.stream}/lines", body, first=place.next_line)
        except Unavailable:
            if (wanted := self._wanted()) == place.next_line:
                raise
            self.unanswered += wanted - place.next_line
            place.next_line = wanted
            return
        place.outcomes.update(answer["outcome"] for answer in answers)
        place.next_line = last["next_line"]

    def _wanted(self) -> int:
        return int(self._client.get(f"/v1/streams/{self.place.stream}")["next_line"])

    def _ask(self, ask: Callable[[], Any]) -> Any:
        return patiently(ask, self._wait_s, self._say)

    def _skip(self, lines: BinaryIO, kept: dict[str, Any], wanted: int) -> int:
        """Past what was taken already; refuses a file that is not the one that was begun."""
        skipped = 0
        for number in range(1, wanted):
            if number == kept["next_line"]:
                self._same(kept)
            line = lines.readline()
            if not line:
                raise _changed(self.place)
            self.place.digest.update(line)
            skipped += len(line)
        if wanted == kept["next_line"]:
            self._same(kept)
        self.place.next_line = wanted
        self.unanswered += max(0, wanted - kept["next_line"])
        return skipped

    def _same(self, kept: dict[str, Any]) -> None:
        if self.place.digest.hexdigest() != kept["sha256"]:
            raise _changed(self.place)


def _changed(place: Place) -> click.ClickException:
    return click.ClickException(
        "the file is not the one that was begun: what was sent of it has changed since. "
        "Send it from its first line with --again; what is the same counts once."
    )
