"""`wayproof quarantine`: what could not be read, by source and reason; never its content."""

from collections import Counter

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


@quarantine.command()
@click.argument("items", nargs=-1)
@click.option("--source", help="Only this source.")
@click.option("--reason", help="Only this reason.")
@click.option("--mapping", type=int, help="A version of the source's mapping; otherwise the one in use.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@talks_to("ingest")
def redrive(client: Client, as_json: bool, items: tuple[str, ...], dry_run: bool, **chosen: object) -> None:
    """Read quarantined items again: those named, or all of a source or for a reason."""
    wanted = {name: value for name, value in chosen.items() if value is not None}
    said = {**wanted, **({"ids": list(items)} if items else {}), "dry_run": dry_run}
    page = done = client.post("/v1/quarantine/redrive", said)
    while page["next"] is not None:
        page = client.post("/v1/quarantine/redrive", {**said, "after": page["next"]})
        done["items"] += page["items"]
    done = {**done, "outcomes": dict(Counter(item["outcome"] for item in done["items"])), "next": None}
    if as_json:
        show(done, as_json)
    else:
        show(done["items"], as_json, columns=("id", "line", "outcome", "reason", "pointer"))
        click.echo(", ".join(f"{count} {outcome}" for outcome, count in done["outcomes"].items()) or "nothing waits")
