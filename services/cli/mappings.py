"""`wayproof mapping`: how a source's messages are read, tried on a sample before it is used."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of, read


@click.group()
def mapping() -> None:
    """Say how a source's messages are read; try it first."""


@mapping.command()
@click.argument("source")
@click.argument("file", type=DOCUMENT)
@talks_to("ingest")
def put(client: Client, as_json: bool, source: str, file: Path) -> None:
    """Keep FILE as the next version of SOURCE's mapping; what comes from now on is read by it."""
    show(client.call("POST", f"/v1/sources/{source}/mappings", **body_of(file)), as_json)


@mapping.command()
@click.argument("source")
@click.argument("file", type=DOCUMENT)
@click.argument("sample", type=DOCUMENT)
@talks_to("ingest")
def test(client: Client, as_json: bool, source: str, file: Path, sample: Path) -> None:
    """What FILE would read out of SAMPLE; nothing is kept."""
    tried = {"mapping": read(file), "sample": read(sample)}
    show(client.post(f"/v1/sources/{source}/mappings/try", tried), as_json)
