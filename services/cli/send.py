"""`wayproof send`: a file of evidence through the door made for it, going on where it stopped."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from services.cli.client import Client, show, talks_to
from services.cli.streaming import Stream, batches, patiently

POLL_INTERVAL_S = 0.5
FILE_TYPES = {".zip": "application/zip", ".csv": "text/csv"}
FINISHED = {"done", "refused", "needs-confirmation", "behind", "rejected", "replaced"}
WAITS = {
    "needs-confirmation": "much of what it said before is missing from it: a registrar says whether that is gone, "
    "with `wayproof import confirm` or `reject`",
    "behind": "an earlier package of this source waits for a registrar: see `wayproof import list --waiting`",
    "rejected": "a registrar has rejected it",
    "replaced": "a later package of this source has taken its place",
}
FAULTS_MAX = 10
MEANING = {
    "accepted": "counted",
    "duplicate": "sent before, word for word",
    "conflict": "sent before with other content; not counted",
    "no_claim": "understood; says nothing about a competency",
    "parked": "the learner is unknown: they count as soon as a roster or `wayproof learner link` says who it is",
    "held": "their package has a fault in a row they refer to",
    "quarantined": "could not be read: see `wayproof quarantine list`",
    "superseded": "a later version has come in the meantime",
}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="The registered source FILE is from: tenant.name.")
@click.option("--again", is_flag=True, help="Begin with the first line even if a part was sent before.")
@click.option("--wait-s", default=60.0, show_default=True, help="How long to wait for a service that is away.")
@click.option("--dry-run", is_flag=True, help="Only say what a OneRoster ZIP would add, change and remove.")
@talks_to("ingest")
def send(client: Client, as_json: bool, file: Path, source: str, again: bool, wait_s: float, dry_run: bool) -> None:
    """Send FILE: a OneRoster ZIP or a CSV as a whole, anything else as lines of JSON (NDJSON).

    It takes the source's own key: `wayproof key add --tenant TENANT --role source --source TENANT.NAME`.

    When it is interrupted, run the same command again: it goes on with the line the service wants next. Sending a
    file twice does no harm: what was sent before counts once.

    Exit 0 when everything was taken, whatever became of it; 1 when it was refused or could not be finished.
    """
    if dry_run:
        show(client.call("POST", f"/v1/files/{source}/dry-run", content=file.read_bytes()), as_json)
    elif media_type := FILE_TYPES.get(file.suffix.lower()):
        _send_file(client, as_json, file, source, media_type, wait_s)
    else:
        _send_lines(client, as_json, file, source, again, wait_s)


def _send_lines(client: Client, as_json: bool, file: Path, source: str, again: bool, wait_s: float) -> None:
    stream = Stream(client, file, source, wait_s=wait_s, say=_say)
    with file.open("rb") as lines:
        sent = stream.begin(lines, again)
        with click.progressbar(length=file.stat().st_size, label=file.name, hidden=as_json) as bar:
            bar.update(sent)
            for batch in batches(lines):
                bar.update(stream.send(batch))
    place = stream.place
    place.forget()
    answer = {"stream": place.stream, "next_line": place.next_line, "outcomes": dict(place.outcomes)}
    if stream.unanswered:
        answer["taken_without_answer"] = stream.unanswered
    if as_json:
        show(answer, as_json)
    else:
        _tell(file, f"{place.next_line - 1} lines sent", place.outcomes, _asides(stream))


def _asides(stream: Stream) -> Iterator[str]:
    if stream.resumed:
        yield "it went on where an earlier run had stopped; the outcomes are those of all runs"
    if stream.unanswered:
        yield f"{stream.unanswered} more lines were taken, but the answer that says how they ended was lost on the way"


def _send_file(client: Client, as_json: bool, file: Path, source: str, media_type: str, wait_s: float) -> None:
    raw = file.read_bytes()
    headers = {"Content-Type": media_type, "Idempotency-Key": uuid4().hex}  # of this run
    asked = {"content": raw, "headers": headers}
    taken = patiently(lambda: client.call("POST", f"/v1/files/{source}", **asked), wait_s, _say)
    progress = _follow(lambda: patiently(lambda: client.get(f"/v1/imports/{taken['import']}"), wait_s, _say), as_json)
    if as_json:
        show(progress, as_json)
    else:
        _tell(file, f"{progress['rows_done']} rows settled", progress["outcomes"], _faults(progress))
    if progress["state"] == "refused":
        raise click.ClickException(f"{file.name} was refused: {progress['refused']}")
    if waits := WAITS.get(progress["state"]):
        raise click.ClickException(f"{file.name} ({progress['import']}): {waits}")


def _follow(ask: Callable[[], Any], quiet: bool) -> Any:
    """Until every row has come to an end."""
    with click.progressbar(length=1, label="settling", hidden=quiet) as bar:
        while True:
            progress = ask()
            bar.length = progress["rows_total"] or 1
            bar.update(progress["rows_done"] - bar.pos)
            if progress["state"] in FINISHED:
                return progress
            time.sleep(POLL_INTERVAL_S)


def _faults(progress: Mapping[str, Any]) -> Iterator[str]:
    faults = progress["faults"]
    for fault in faults[:FAULTS_MAX]:
        where = f"row {fault['line'] or fault['row']}"
        yield f"{where}: {fault['outcome']}, {fault['reason']} {fault['pointer'] or ''}".rstrip()
    if len(faults) > FAULTS_MAX:
        yield "and more; --json says them all"


def _tell(file: Path, head: str, outcomes: Mapping[str, int], asides: Iterator[str]) -> None:
    click.echo(f"{file.name}: {head}")
    for outcome, meaning in MEANING.items():
        if outcomes.get(outcome):
            click.echo(f"  {outcomes[outcome]:>9,} {outcome:<11} {meaning}")
    for line in asides:
        click.echo(f"  {line}")


def _say(line: str) -> None:
    click.echo(line, err=True)
