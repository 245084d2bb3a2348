"""`wayproof roster`: learners, from the registrar's own system."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT


@click.group()
def roster() -> None:
    """Import learners."""


@roster.command(name="import")
@click.argument("file", type=DOCUMENT)
@click.option("--organisation", help="Where everyone in FILE is enrolled, whatever FILE says.")
@click.option("--link-email", is_flag=True, help="E-mail addresses identify learners too.")
@talks_to("ingest")
def import_(client: Client, as_json: bool, file: Path, organisation: str | None, link_email: bool) -> None:
    """Import FILE: CSV, a JSON list, or a OneRoster ZIP; importing it again changes nothing."""
    query = {"link_email": link_email} | ({"organisation": organisation} if organisation else {})
    answer = client.call("POST", "/v1/roster", content=file.read_bytes(), params=query)
    if as_json:
        show(answer, as_json)
    else:
        show({name: answer[name] for name in ("registered", "linked", "enrolled", "released", "faults")}, as_json)
