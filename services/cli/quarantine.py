"""`wayproof quarantine`: what could not be read, by source and reason; never its content."""

import click

from services.cli.client import Client, show, talks_to


@click.group()
def quarantine() -> None:
    """What could not be read, and why."""


@quarantine.command(name="list")
@click.option("--source", help="Only this source.")
@click.option("--reason", help="Only this reason.")
@talks_to("ingest")
def list_(client: Client, as_json: bool, source: str | None, reason: str | None) -> None:
    """Every quarantined item: where it came from and why it waits."""
    found = client.get("/v1/quarantine", source=source, reason=reason)
    if as_json:
        show(found, as_json)
    else:
        rows = [{**entry, **why} for entry in found["quarantine"] for why in entry["reasons"]]
        show(rows, as_json, columns=("id", "source", "line", "reason", "pointer"))


@quarantine.command(name="show")
@click.argument("item")
@talks_to("ingest")
def show_(client: Client, as_json: bool, item: str) -> None:
    """One quarantined item: reason, pointer and receipt."""
    show(client.get(f"/v1/quarantine/{item}"), as_json)
