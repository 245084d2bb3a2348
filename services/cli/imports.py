"""`wayproof import`: files on their way, and a registrar's word on what a complete package no longer has."""

from typing import Any

import click

from services.cli.client import Client, show, talks_to

COLUMNS = ("import", "source", "state", "received_at", "missing", "compared", "asks")
REASON = click.option("--reason", required=True, help="Why; kept sealed, with your name and the time.")
ID = click.argument("import_id", metavar="ID", type=click.UUID)


@click.group(name="import")
def import_() -> None:
    """Files on their way; confirm or reject one that would remove a lot."""


@import_.command(name="list")
@click.option("--source", help="Only of this source: tenant.name.")
@click.option("--waiting", is_flag=True, help="Only those that wait for a person.")
@talks_to("ingest")
def list_(client: Client, as_json: bool, source: str | None, waiting: bool) -> None:
    """The latest imports: how far each has come, and how much of what counted is MISSING from it."""
    found = client.get("/v1/imports", source=source, state="needs-confirmation" if waiting else None)
    if as_json or found["imports"]:
        show(found, as_json, columns=() if as_json else COLUMNS)
    else:
        click.echo("nothing waits for a person" if waiting else "nothing was imported yet")


@import_.command(name="show")
@ID
@talks_to("ingest")
def show_(client: Client, as_json: bool, import_id: Any) -> None:
    """One import: its state, its outcomes, the faults by row, and its effect on what counts."""
    show(client.get(f"/v1/imports/{import_id}"), as_json)


@import_.command()
@ID
@talks_to("ingest")
def diff(client: Client, as_json: bool, import_id: Any) -> None:
    """What the package would add, change and remove if it were settled now; nothing is changed."""
    show(client.get(f"/v1/imports/{import_id}/diff"), as_json)


@import_.command()
@ID
@REASON
@talks_to("ingest")
def confirm(client: Client, as_json: bool, import_id: Any, reason: str) -> None:
    """What is missing from the package is really gone: it is settled, and that is withdrawn."""
    _decide(client, as_json, import_id, "confirm", reason)


@import_.command()
@ID
@REASON
@talks_to("ingest")
def reject(client: Client, as_json: bool, import_id: Any, reason: str) -> None:
    """The package is not what it should be (cut off, empty, of another school): nothing of it counts."""
    _decide(client, as_json, import_id, "reject", reason)


def _decide(client: Client, as_json: bool, import_id: Any, decision: str, reason: str) -> None:
    decided = client.post(f"/v1/imports/{import_id}/decision", {"decision": decision, "reason": reason})
    if as_json:
        show(decided, as_json)
    else:
        click.echo(f"{decided['verdict']}; how far it has come: wayproof import show {import_id}")
