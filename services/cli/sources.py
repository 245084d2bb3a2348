"""`wayproof source`: what may send evidence, for which organisation and pathway."""

import click

from services.cli.client import Client, show, talks_to


@click.group()
def source() -> None:
    """Register what sends evidence."""


@source.command()
@click.argument("name")
@click.option("--organisation", required=True, help="The organisation it speaks for.")
@click.option("--pathway", required=True, help="The pathway its evidence is from.")
@click.option("--title", default="", help="What people call it.")
@talks_to("ingest")
def add(client: Client, as_json: bool, **asked: str) -> None:
    """Register NAME as a source of the key's tenant."""
    show(client.post("/v1/sources", asked), as_json)


@source.command(name="list")
@talks_to("ingest")
def list_(client: Client, as_json: bool) -> None:
    """Every source of the key's tenant."""
    show(client.get("/v1/sources"), as_json, columns=("id", "organisation", "pathway", "title"))
