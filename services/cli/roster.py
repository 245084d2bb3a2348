"""`wayproof roster`: learners, from the registrar's own system."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT

MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json", ".zip": "application/zip"}


@click.group()
def roster() -> None:
    """Import learners."""


@roster.command(name="import")
@click.argument("file", type=DOCUMENT)
@talks_to("ingest")
def import_(client: Client, as_json: bool, file: Path) -> None:
    """Import FILE: CSV, or OneRoster users as JSON or ZIP; importing it again changes nothing."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise click.UsageError(f"{file.name} is neither CSV, JSON nor ZIP by its name")
    headers = {"Content-Type": media_type}
    show(client.call("POST", "/v1/roster", content=file.read_bytes(), headers=headers), as_json)
