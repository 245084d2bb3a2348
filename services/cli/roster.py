"""`wayproof roster`: learners, from the registrar's own system."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT

TOLD = ("registered", "linked", "enrolled", "released", "outcomes", "diff", "faults")


@click.group()
def roster() -> None:
    """Import learners."""


@roster.command(name="import")
@click.argument("file", type=DOCUMENT)
@click.option("--organisation", help="Where everyone in FILE is enrolled, whatever FILE says.")
@click.option("--source", help="Whose OneRoster ZIP it is: who is in its complete files no more, is enrolled no more.")
@click.option("--link-email", is_flag=True, help="E-mail addresses identify learners too.")
@click.option("--dry-run", is_flag=True, help="Only say what a OneRoster ZIP would add, change and end.")
@talks_to("ingest")
def import_(
    client: Client,
    as_json: bool,
    file: Path,
    organisation: str | None,
    source: str | None,
    link_email: bool,
    dry_run: bool,
) -> None:
    """Import FILE: CSV, a JSON list, or a OneRoster ZIP; importing it again changes nothing.

    A OneRoster ZIP is compared with the one its source sent before. When much of that is missing, nothing is changed
    until a registrar says so: `wayproof import confirm` or `reject`. Exit 1 then.
    """
    said = {"organisation": organisation, "source": source}
    query = {"link_email": link_email} | {name: value for name, value in said.items() if value is not None}
    path = "/v1/roster/dry-run" if dry_run else "/v1/roster"
    answer = client.call("POST", path, content=file.read_bytes(), params=query)
    if as_json or dry_run:
        show(answer, as_json)
    else:
        show({name: answer[name] for name in TOLD if name in answer}, as_json)
    if answer.get("state", "done") != "done":
        raise click.ClickException(f"nothing was changed yet; it waits: wayproof import show {answer['import']}")
