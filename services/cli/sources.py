"""`wayproof source`: what may send evidence, for which organisation and pathway."""

from collections.abc import Mapping
from typing import Any

import click

from services.cli.client import Client, show, talks_to


@click.group()
def source() -> None:
    """Register what sends evidence."""


@source.command()
@click.argument("name")
@click.option("--organisation", required=True, help="The organisation it speaks for.")
@click.option("--pathway", required=True, help="Where learners show what it reports: classroom, virtual, work_based…")
@click.option("--title", default="", help="What people call it.")
@click.option("--assesses", multiple=True, help="A framework it may assess; several times for several. Else: any.")
@talks_to("ingest")
def add(client: Client, as_json: bool, assesses: tuple[str, ...], **asked: str) -> None:
    """Register NAME as a source of the key's tenant; its id becomes TENANT.NAME.

    Repeating it changes nothing, or only which frameworks it may assess.
    """
    made = client.post("/v1/sources", {**asked, **({"assesses": assesses} if assesses else {})})
    if as_json:
        show(made, as_json)
        return
    name = made["source"]
    tenant = name.partition(".")[0]
    click.echo(f"{name} is registered for {made['organisation']}, pathway {made['pathway']}. What comes next:")
    click.echo(f"  how to read what it sends   wayproof mapping put {name} FILE")
    click.echo(f"  to send files or streams    wayproof key add --tenant {tenant} --role source --source {name}")
    click.echo(f"  to send signed webhooks     wayproof source rotate {name}")


@source.command(name="list")
@talks_to("ingest")
def list_(client: Client, as_json: bool) -> None:
    """Every source of the key's tenant."""
    found = client.get("/v1/sources")
    if as_json:
        show(found, as_json)
    elif found["sources"]:
        rows = [{**row, "state": _state(row)} for row in found["sources"]]
        show(rows, as_json, columns=("source", "organisation", "pathway", "state", "title"))
    else:
        click.echo("no source is registered; wayproof source add registers one")


@source.command(name="show")
@click.argument("source_id", metavar="SOURCE")
@talks_to("ingest")
def show_(client: Client, as_json: bool, source_id: str) -> None:
    """One source: its webhook keys, the versions of its mapping, and what became of all it sent."""
    found = client.get(f"/v1/sources/{source_id}")
    if as_json:
        show(found, as_json)
    else:
        _tell(found)


@source.command()
@click.argument("source_id", metavar="SOURCE")
@click.option(
    "--verify-key", help="The sender's own key (whpk_ or whsec_); without it, a secret is made and told once."
)
@click.option(
    "--end-others-after-s",
    type=click.IntRange(0, 30 * 86400),
    help="Seconds from now until SOURCE's older keys end; without it they go on working.",
)
@talks_to("ingest")
def rotate(
    client: Client, as_json: bool, source_id: str, verify_key: str | None, end_others_after_s: int | None
) -> None:
    """Add a key that SOURCE's webhooks are signed with.

    To change a secret without losing a webhook, give the sender the new one and let the old one end later:

    \b
      wayproof source rotate maple.clinic --end-others-after-s 86400
    """
    asked = {"key": verify_key, "end_others_after_s": end_others_after_s}
    made = client.post(f"/v1/sources/{source_id}/keys", asked)
    if as_json:
        show(made, as_json)
        return
    click.echo(f"key {made['key']} ({made['scheme']}) is good from {made['not_before']}")
    if "secret" in made:
        click.echo(
            f"{made['secret']}\nThis is the only time the secret is shown. Give it to the sender, and nobody else."
        )
    if end_others_after_s is not None:
        click.echo(f"the keys before it end in {end_others_after_s} s")


@source.command()
@click.argument("source_id", metavar="SOURCE")
@talks_to("ingest")
def disable(client: Client, as_json: bool, source_id: str) -> None:
    """Take nothing more from SOURCE: whatever it sends is refused, at every door, until it is enabled again.

    What it sent before stays, and so do its keys. A file that was taken already is settled.
    """
    _enable(client, as_json, source_id, yes=False)


@source.command()
@click.argument("source_id", metavar="SOURCE")
@talks_to("ingest")
def enable(client: Client, as_json: bool, source_id: str) -> None:
    """Take what SOURCE sends again, after it was disabled."""
    _enable(client, as_json, source_id, yes=True)


def _enable(client: Client, as_json: bool, source_id: str, *, yes: bool) -> None:
    now = client.put(f"/v1/sources/{source_id}/enabled", {"enabled": yes})
    if as_json:
        show(now, as_json)
    else:
        click.echo(
            f"{source_id} may send" if yes else f"{source_id} is disabled: nothing it sends is taken from now on"
        )


def _state(row: Mapping[str, Any]) -> str:
    return "disabled" if row.get("disabled_at") else "enabled"


def _tell(found: dict[str, Any]) -> None:
    title = f" ({found['title']})" if found["title"] else ""
    click.echo(f"{found['source']}{title}: {found['organisation']}, pathway {found['pathway']}")
    if found["disabled_at"]:
        click.echo(f"  disabled since {found['disabled_at']}: nothing it sends is taken")
    if found["assesses"] is not None:
        click.echo(f"  may assess {', '.join(found['assesses'])}")
    for key in found["keys"]:
        until = f"until {key['not_after']}" if key["not_after"] else "without end"
        click.echo(f"  key {key['key']} ({key['scheme']}) from {key['not_before']} {until}")
    for mapping in found["mappings"]:
        click.echo(f"  mapping version {mapping['version']} of {mapping['created_at']}")
    if not found["mappings"]:
        click.echo(f"  no mapping: nothing it sends can be read; wayproof mapping put {found['source']} FILE")
    for outcome, count in found["outcomes"].items():
        click.echo(f"  {count:>9,} {outcome}")
