"""`wayproof achievement`: what may be earned, and by which requirement."""

from pathlib import Path
from urllib.parse import quote

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, read


@click.group()
def achievement() -> None:
    """Define what may be earned."""


@achievement.command()
@click.argument("file", type=DOCUMENT)
@talks_to("credentials")
def put(client: Client, as_json: bool, file: Path) -> None:
    """Keep FILE as the definition of the achievement whose `id` it names."""
    definition = read(file)
    if not isinstance(definition, dict) or not isinstance(name := definition.pop("id", None), str):
        raise click.UsageError(f"{file.name} does not name the achievement's id")
    show(client.put(f"/v1/achievements/{quote(name, safe='')}", definition), as_json)
