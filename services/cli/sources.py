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
    show(client.get("/v1/sources"), as_json, columns=("source", "organisation", "pathway", "title"))


@source.command()
@click.argument("source_id", metavar="SOURCE")
@click.option(
    "--verify-key", help="The sender's own key (whpk_ or whsec_); without it, a secret is made and told once."
)
@click.option("--end-others-after-s", type=int, help="Seconds from now until SOURCE's keys before this one end.")
@talks_to("ingest")
def rotate(
    client: Client, as_json: bool, source_id: str, verify_key: str | None, end_others_after_s: int | None
) -> None:
    """Add a key that SOURCE's webhooks are verified with."""
    asked = {"key": verify_key, "end_others_after_s": end_others_after_s}
    show(client.post(f"/v1/sources/{source_id}/keys", asked), as_json)
