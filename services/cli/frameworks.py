"""`wayproof framework`: competency frameworks as CASE packages, and the scales evidence is rated on."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of


@click.group()
def framework() -> None:
    """Import competency frameworks (CASE) and scales."""


@framework.command(name="import")
@click.argument("name")
@click.argument("file", type=DOCUMENT)
@click.option("--version", type=int, help="Else the next, or the same when the package is the same.")
@talks_to("mastery")
def import_(client: Client, as_json: bool, name: str, file: Path, version: int | None) -> None:
    """Import the CASE package in FILE under the short NAME that policies and evidence use."""
    query = {"framework": name} | ({"version": version} if version else {})
    show(client.call("POST", "/v1/frameworks", params=query, **body_of(file)), as_json)


@framework.command()
@click.argument("file", type=DOCUMENT)
@talks_to("mastery")
def scale(client: Client, as_json: bool, file: Path) -> None:
    """Import the scale in FILE."""
    show(client.call("POST", "/v1/scales", **body_of(file)), as_json)
