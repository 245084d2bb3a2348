"""`wayproof achievement`: what may be earned, and by which requirement."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, read


@click.group()
def achievement() -> None:
    """Define what may be earned."""


@achievement.command()
@click.argument("name")
@click.argument("file", type=DOCUMENT)
@talks_to("credentials")
def put(client: Client, as_json: bool, name: str, file: Path) -> None:
    """Keep FILE as the definition of the achievement NAME."""
    show(client.put(f"/v1/achievements/{name}", read(file)), as_json)
