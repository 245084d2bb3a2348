"""`wayproof policy`: a district's rules as data, checked, put and activated."""

from pathlib import Path

import click

from services.cli.client import Client, show, talks_to
from services.cli.documents import DOCUMENT, body_of


@click.group()
def policy() -> None:
    """Check, put and activate a district's policy."""


@policy.command()
@click.argument("file", type=DOCUMENT)
@talks_to("mastery")
def check(client: Client, as_json: bool, file: Path) -> None:
    """Whether FILE is a policy; nothing is kept."""
    show(client.call("POST", "/v1/policies/check", **body_of(file)), as_json)


@policy.command()
@click.argument("file", type=DOCUMENT)
@talks_to("mastery")
def put(client: Client, as_json: bool, file: Path) -> None:
    """Keep FILE as the next version of its policy; it judges nobody until it is activated."""
    show(client.call("POST", "/v1/policies", **body_of(file)), as_json)


@policy.command()
@click.argument("name")
@click.argument("version", type=int)
@talks_to("mastery")
def activate(client: Client, as_json: bool, name: str, version: int) -> None:
    """From now on NAME judges at VERSION."""
    show(client.post(f"/v1/policies/{name}/activations", {"version": version}), as_json)
