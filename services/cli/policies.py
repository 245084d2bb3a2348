"""`wayproof policy`: a district's rules as data, checked, put and activated."""

from pathlib import Path
from typing import Any

import click

from services.cli.client import Client, Refused, show, talks_to
from services.cli.documents import DOCUMENT, body_of
from services.runtime.refusals import Refusal


@click.group()
def policy() -> None:
    """Check, put and activate a district's policy."""


@policy.command()
@click.argument("file", type=DOCUMENT)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(file: Path, as_json: bool) -> None:
    """Whether FILE fits the policy schema; needs no service. What it refers to is checked when it is put."""
    from services.mastery.documents.library import read_policy

    try:
        read = read_policy(file.read_bytes())
    except Refusal as refusal:
        raise Refused(refusal.body(), as_json) from None
    header = read.content.policy
    show({"policy": header.id, "version": header.version, "digest": read.digest}, as_json)


@policy.command()
@click.argument("file", type=DOCUMENT)
@talks_to("mastery")
def put(client: Client, as_json: bool, file: Path) -> None:
    """Keep FILE as the next version of its policy; it judges nobody until it is activated."""
    show(client.call("POST", "/v1/policies", **body_of(file)), as_json)


@policy.command()
@click.argument("name")
@click.argument("version", type=int)
@click.option("--effective-from", help="An RFC 3339 instant; else the day the policy names, or now.")
@talks_to("mastery")
def activate(client: Client, as_json: bool, name: str, **asked: Any) -> None:
    """Bring VERSION of the policy NAME into force."""
    show(client.post(f"/v1/policies/{name}/activations", asked), as_json)
