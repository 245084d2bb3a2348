"""`wayproof send`: a file of evidence through the door made for it, going on where it stopped."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from services.cli.client import Client, show, talks_to

LINES_MAX = 500
BYTES_MAX = 1024 * 1024
POLL_INTERVAL_S = 0.5
FILE_TYPES = {".zip": "application/zip"}
FINISHED = {"done", "refused"}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="The registered source the file is from.")
@talks_to("ingest")
def send(client: Client, as_json: bool, file: Path, source: str) -> None:
    """Send FILE: NDJSON line by line through a stream, a OneRoster ZIP as a file.

    Run it again after an interruption: a stream goes on with the line the service wants next.
    """
    if media_type := FILE_TYPES.get(file.suffix.lower()):
        show(_send_file(client, file, source, media_type), as_json)
    else:
        show(_send_lines(client, file, source, quiet=as_json), as_json)


def _send_file(client: Client, file: Path, source: str, media_type: str) -> Any:
    with file.open("rb") as content:
        raw = content.read()
    headers = {"Content-Type": media_type, "Idempotency-Key": sha256(raw).hexdigest()}
    taken = client.call("POST", f"/v1/files/{source}", content=raw, headers=headers)
    while True:
        progress = client.get(f"/v1/imports/{taken['import']}")
        if progress["state"] in FINISHED:
            return progress
        time.sleep(POLL_INTERVAL_S)


def _send_lines(client: Client, file: Path, source: str, quiet: bool) -> dict[str, Any]:
    stream = Stream(client, file, source)
    outcomes: Counter[str] = Counter()
    with (
        file.open("rb") as lines,
        click.progressbar(length=file.stat().st_size, label=file.name, hidden=quiet) as bar,
    ):
        for _ in range(stream.next_line - stream.first_line):
            bar.update(len(lines.readline()))
        for batch in batches(lines):
            outcomes.update(stream.send(batch))
            bar.update(sum(map(len, batch)))
    stream.forget()
    return {"stream": stream.id, "next_line": stream.next_line, "outcomes": dict(outcomes)}


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


class Stream:
    """A stream at the service; its id is kept beside the file until every line was answered."""

    def __init__(self, client: Client, file: Path, source: str) -> None:
        self._client = client
        self._kept = file.with_name(f".{file.name}.wayproof-stream")
        kept = self._remembered(source) or self._open(source)
        self.id: str = kept["stream"]
        self.first_line: int = kept["first_line"]
        self.next_line: int = client.get(f"/v1/streams/{self.id}")["next_line"]

    def send(self, batch: list[bytes]) -> Iterator[str]:
        """Send lines from `next_line` on; the outcome of each."""
        body = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in batch)
        answers = self._client.lines(f"/v1/streams/{self.id}/lines", body, first=self.next_line)
        *outcomes, last = answers
        self.next_line = last["next_line"]
        return (answer["outcome"] for answer in outcomes)

    def forget(self) -> None:
        self._kept.unlink(missing_ok=True)

    def _open(self, source: str) -> dict[str, Any]:
        opened = self._client.post("/v1/streams", {"source": source})
        kept = {"source": source, "stream": opened["stream"], "first_line": opened["next_line"]}
        self._kept.write_text(json.dumps(kept))
        return kept

    def _remembered(self, source: str) -> dict[str, Any] | None:
        kept = json.loads(self._kept.read_text()) if self._kept.exists() else {}
        return kept if kept.get("source") == source else None
