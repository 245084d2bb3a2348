"""`wayproof quarantine`: what could not be read, by source and reason; never its content."""

from collections import Counter
from typing import Any

import click

from services.cli.client import Client, show, talks_to

SHOWN_MAX = 100
ASKED_MAX = 1000


@click.group()
def quarantine() -> None:
    """What could not be read, and why."""


@quarantine.command(name="list")
@click.option("--source", help="Only what this source sent: tenant.name.")
@click.option("--reason", help="Only what is here for this reason.")
@click.option("--limit", type=click.IntRange(1, ASKED_MAX), default=SHOWN_MAX, show_default=True, help="The latest.")
@talks_to("ingest")
def list_(client: Client, as_json: bool, source: str | None, reason: str | None, limit: int) -> None:
    """The latest quarantined items: where each came from, why it waits, and where in it the reason lies.

    POINTER says which field of the message is meant. What the field holds is not shown: it may be about a person.
    """
    found = client.get("/v1/quarantine", source=source, reason=reason, limit=limit)
    if as_json:
        show(found, as_json)
    elif rows := [{**entry, **why} for entry in found["quarantine"] for why in entry["reasons"]]:
        show(rows, as_json, columns=("id", "source", "quarantined_at", "line", "reason", "pointer"))
        _sum_up(rows, limit)
    else:
        click.echo("nothing is in quarantine")


def _sum_up(rows: list[dict[str, Any]], limit: int) -> None:
    click.echo()
    for (source, reason), count in Counter((row["source"], row["reason"]) for row in rows).most_common():
        click.echo(f"{count:>6}  {source}: {reason}")
    if len(rows) >= limit:
        click.echo(f"these are the latest {limit}; --limit, --source and --reason show others")
    click.echo("what to change: wayproof quarantine show ID")


@quarantine.command(name="show")
@click.argument("item", type=click.UUID, metavar="ID")
@talks_to("ingest")
def show_(client: Client, as_json: bool, item: Any) -> None:
    """Why one item is in quarantine, and the receipt it came with."""
    entry = client.get(f"/v1/quarantine/{item}")
    if as_json:
        show(entry, as_json)
        return
    line = f", line {entry['line']}" if entry["line"] is not None else f", item {entry['item']}"
    click.echo(f"{entry['source']}{line}, {entry['quarantined_at']}, receipt {entry['receipt']}")
    for why in entry["reasons"]:
        click.echo(f"  {why['reason']} at {why['pointer'] or 'the whole of it'}: {why['detail']}")
    click.echo("mend it where it was sent from and send it again, or change the mapping: wayproof mapping test")


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
