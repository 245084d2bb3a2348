"""`wayproof mapping`: how a source's messages are read, tried on a sample before it is used."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of, file_type, read

LINE_TYPES = {".ndjson", ".jsonl"}
SAMPLE_BYTES_MAX = 512 * 1024
WOULD = {
    "accepted": "would count",
    "duplicate": "said before, word for word",
    "conflict": "would be refused: other content under a key used before",
    "no_claim": "without a claim",
    "parked": "would wait: the learner is unknown",
    "held": "would wait for the faulty row it refers to",
    "quarantined": "would be quarantined",
    "superseded": "replaced since",
}


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
@click.option("--rows", type=click.IntRange(1, 100), default=20, show_default=True, help="How many of SAMPLE's rows.")
@click.option("--charset", help="What a CSV is written in when nothing else says it: windows-1252, utf-16…")
@talks_to("ingest")
def test(client: Client, as_json: bool, source: str, file: Path, sample: Path, rows: int, charset: str | None) -> None:
    """What FILE would read out of SAMPLE, and what would become of it. Nothing is kept.

    FILE is the mapping, as JSON or YAML. SAMPLE is what the source sends: a CSV, a OneRoster ZIP or an XML file (its
    first rows are tried), some lines of NDJSON, or one message as JSON.

    Exit 1 when something in SAMPLE cannot be read.
    """
    document = read(file)
    if file_type(sample):
        with sample.open("rb") as opened:
            begins = base64.b64encode(opened.read(SAMPLE_BYTES_MAX)).decode()
        asked = {"mapping": document, "file": begins, "rows": rows} | ({"charset": charset} if charset else {})
        tried = [client.post(f"/v1/sources/{source}/mappings/try", asked)]
    else:
        tried = [
            {"line": line, **client.post(f"/v1/sources/{source}/mappings/try", {"mapping": document, "sample": each})}
            for line, each in _samples(sample, rows)
        ]
    readings = [{"line": each.get("line"), **reading} for each in tried for reading in each["readings"]]
    if as_json:
        show({"mapping": tried[0]["mapping"] if tried else None, "readings": readings}, as_json)
    else:
        for reading in readings:
            click.echo("\n".join(_lines(reading)))
        _sum_up(readings)
    if any(reading["reading"] == "fault" or reading.get("outcome") == "quarantined" for reading in readings):
        raise click.exceptions.Exit(1)


def _sum_up(readings: list[dict[str, Any]]) -> None:
    ends = Counter(reading["outcome"] for reading in readings if "outcome" in reading)
    if ends:
        click.echo(f"{len(readings)} rows: " + ", ".join(f"{count} {WOULD[end]}" for end, count in ends.items()))


def _samples(sample: Path, lines_max: int) -> list[tuple[int, Any]]:
    """The first lines of NDJSON, or the one message."""
    if sample.suffix.lower() not in LINE_TYPES:
        return [(1, read(sample))]
    lines = [(n, line) for n, line in enumerate(sample.read_bytes().splitlines(), 1) if line.strip()][:lines_max]
    try:
        return [(number, json.loads(line)) for number, line in lines]
    except ValueError as fault:
        raise click.UsageError(f"{sample.name} has a line that is not JSON: {fault}") from None


def _lines(reading: Mapping[str, Any]) -> Iterator[str]:
    """A reading as a person checks it."""
    place = f"line {reading['line']}" if reading["line"] is not None else "row"
    match reading["reading"]:
        case "claim":
            yield f"{place}: claim" + (f", {WOULD[reading['outcome']]}" if "outcome" in reading else "")
            if "detail" in reading:
                yield f"    because      {reading['reason']} at {reading['pointer']}: {reading['detail']}"
            yield from (f"    {name:<12} {said}" for name, said in _said(reading["claim"]))
        case "fault":
            yield f"{place}: CANNOT BE READ, {reading['reason']} at {reading['pointer'] or 'the whole'}"
            yield f"    {reading['detail']}"
        case "held":
            yield f"{place}: held by a faulty row, {reading['reason']} at {reading['pointer']}"
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
        yield name, str(shown).replace("\x1f", " no. ")
