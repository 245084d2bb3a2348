"""`wayproof mapping`: how a source's messages are read, tried on a sample before it is used."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of, read

LINE_TYPES = {".ndjson", ".jsonl"}
LINES_MAX = 20


@click.group()
def mapping() -> None:
    """Say how a source's messages are read; try it first."""


@mapping.command()
@click.argument("source")
@click.argument("file", type=DOCUMENT)
@talks_to("ingest")
def put(client: Client, as_json: bool, source: str, file: Path) -> None:
    """Keep FILE (JSON or YAML) as the next version of SOURCE's mapping; what comes from now on is read by it.

    Try it first: wayproof mapping test SOURCE FILE SAMPLE
    """
    kept = client.call("POST", f"/v1/sources/{source}/mappings", **body_of(file))
    if as_json:
        show(kept, as_json)
    else:
        click.echo(f"{kept['source']} is read by {kept['mapping']} from now on")


@mapping.command()
@click.argument("source")
@click.argument("file", type=DOCUMENT)
@click.argument("sample", type=DOCUMENT)
@talks_to("ingest")
def test(client: Client, as_json: bool, source: str, file: Path, sample: Path) -> None:
    """What FILE would read out of SAMPLE: a message as JSON, or some lines of NDJSON. Nothing is kept.

    Exit 1 when something in SAMPLE cannot be read.
    """
    document = read(file)
    tried = [
        {"line": line, **client.post(f"/v1/sources/{source}/mappings/try", {"mapping": document, "sample": each})}
        for line, each in _samples(sample)
    ]
    readings = [{"line": each["line"], **reading} for each in tried for reading in each["readings"]]
    if as_json:
        show({"mapping": tried[0]["mapping"], "readings": readings}, as_json)
    else:
        for reading in readings:
            click.echo("\n".join(_lines(reading)))
    if any(reading["reading"] == "fault" for reading in readings):
        raise click.exceptions.Exit(1)


def _samples(sample: Path) -> list[tuple[int, Any]]:
    """The first lines of NDJSON, or the one message."""
    if sample.suffix.lower() not in LINE_TYPES:
        return [(1, read(sample))]
    lines = [(n, line) for n, line in enumerate(sample.read_bytes().splitlines(), 1) if line.strip()][:LINES_MAX]
    try:
        return [(number, json.loads(line)) for number, line in lines]
    except ValueError as fault:
        raise click.UsageError(f"{sample.name} has a line that is not JSON: {fault}") from None


def _lines(reading: Mapping[str, Any]) -> Iterator[str]:
    """A reading as a person checks it."""
    place = f"line {reading['line']}"
    match reading["reading"]:
        case "claim":
            yield f"{place}: claim"
            yield from (f"    {name:<12} {said}" for name, said in _said(reading["claim"]))
        case "fault":
            yield f"{place}: CANNOT BE READ, {reading['reason']} at {reading['pointer'] or 'the whole'}"
            yield f"    {reading['detail']}"
        case "no_claim":
            yield f"{place}: says nothing about a competency ({reading['reason']})"
        case _:
            yield f"{place}: withdraws {reading['record_key']}"


def _said(claim: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in claim.items():
        if name == "pointers" or value in (None, "", [], {}):
            continue
        inner = value.items() if isinstance(value, dict) else ()
        shown = ", ".join(f"{part} {said}" for part, said in inner if said is not None) if inner else value
        yield name, str(shown)
