"""`wayproof send`: a file of evidence through the door made for it, going on where it stopped."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import file_type
from services.cli.importing import FAULTS_MAX, Import
from services.cli.progress import progress_bar
from services.cli.streaming import Stream, batches

WAITS = {
    "needs-confirmation": "much of what it said before is missing from it: a registrar says whether that is gone, "
    "with `wayproof import confirm` or `reject`",
    "behind": "an earlier package of this source waits for a registrar: see `wayproof import list --waiting`",
    "rejected": "a registrar has rejected it",
    "replaced": "a later package of this source has taken its place",
}
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
@click.option("--whole", is_flag=True, help="FILE is one file for the source's mapping, whatever its name says.")
@click.option("--charset", help="What a CSV is written in when nothing else says it: windows-1252, utf-16…")
@click.option("--again", is_flag=True, help="Send all of it, even if it or a part of it was sent before.")
@click.option("--wait-s", default=60.0, show_default=True, help="How long to wait for a service that is away.")
@click.option("--dry-run", is_flag=True, help="Only say what a OneRoster ZIP would add, change and remove.")
@talks_to("ingest")
def send(
    client: Client,
    as_json: bool,
    file: Path,
    source: str,
    whole: bool,
    charset: str | None,
    again: bool,
    wait_s: float,
    dry_run: bool,
) -> None:
    """Send FILE to the ingest service and say what became of every row of it.

    A CSV, a OneRoster ZIP or an XML file is sent as a whole; anything else as lines of JSON (NDJSON). How FILE is read
    is said by the source's mapping: `wayproof mapping test` tries it on FILE's first rows.

    It takes the source's own key: `wayproof key add --tenant TENANT --role source --source TENANT.NAME`.

    When it is interrupted, run the same command again: it goes on where it stopped. Sending a file twice does no harm:
    what was sent before counts once.

    Exit 0 when everything was taken, whatever became of it; 1 when it was refused or could not be finished.
    """
    media_type = file_type(file) or ("application/octet-stream" if whole else None)
    if dry_run:
        show(client.call("POST", f"/v1/files/{source}/dry-run", content=file.read_bytes()), as_json)
    elif media_type is None:
        _send_lines(client, as_json, file, source, again, wait_s)
    else:
        media_type += f"; charset={charset}" if charset else ""
        _send_file(Import(client, file, source, wait_s, as_json, say=_say), media_type, again, as_json)


def _send_lines(client: Client, as_json: bool, file: Path, source: str, again: bool, wait_s: float) -> None:
    stream = Stream(client, file, source, wait_s=wait_s, say=_say)
    with file.open("rb") as lines:
        sent = stream.begin(lines, again)
        with progress_bar(file.stat().st_size, file.name, quiet=as_json) as bar:
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


def _send_file(sent: Import, media_type: str, again: bool, as_json: bool) -> None:
    sent.begin(media_type, again)
    done = sent.follow()
    if as_json:
        show({**done, "faults": sent.faults(), "next": None, "sent_before": sent.sent_before}, as_json)
    else:
        _tell(sent.file, f"{done['rows_done']:,} rows", done["outcomes"], _remarks(sent, done))
    if done["state"] == "refused":
        raise click.ClickException(f"{sent.file.name} was refused: {done['refused']}")
    if waits := WAITS.get(done["state"]):
        raise click.ClickException(f"{sent.file.name}, import {sent.id}: {waits}")


def _remarks(sent: Import, done: Mapping[str, int]) -> Iterator[str]:
    if sent.sent_before:
        yield "this file was sent before, and this is what became of it then"
        yield "--again settles it anew: by today's mapping, and over whatever was sent since"
    faults = sent.faults(FAULTS_MAX + 1)
    for fault in faults[:FAULTS_MAX]:
        place = f"line {fault['line']}" if fault["line"] is not None else f"row {fault['row'] + 1}"
        yield f"{place}: {fault['outcome']}, {fault['reason'] or 'other content'} {fault['pointer'] or ''}".rstrip()
    if len(faults) > FAULTS_MAX:
        yield f"and more: wayproof send --json says them all, wayproof quarantine list --source {sent.source} explains"


def _tell(file: Path, head: str, outcomes: Mapping[str, int], asides: Iterator[str]) -> None:
    click.echo(f"{file.name}: {head}")
    for outcome, meaning in MEANING.items():
        if outcomes.get(outcome):
            click.echo(f"  {outcomes[outcome]:>9,} {outcome:<11} {meaning}")
    if len(outcomes) > 1:
        click.echo(f"  {sum(outcomes.values()):>9,} in all")
    for line in asides:
        click.echo(f"  {line}")


def _say(line: str) -> None:
    click.echo(line, err=True)
