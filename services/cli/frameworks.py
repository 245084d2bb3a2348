"""`wayproof framework`: competency frameworks as CASE packages."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of


@click.group()
def framework() -> None:
    """Import competency frameworks (CASE) and scales."""


@framework.command(name="import")
@click.argument("file", type=DOCUMENT)
@talks_to("mastery")
def import_(client: Client, as_json: bool, file: Path) -> None:
    """Import the CASE package in FILE."""
    show(client.call("POST", "/v1/frameworks", **body_of(file)), as_json)
