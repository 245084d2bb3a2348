"""`wayproof republish`: sends what a service published again, for a consumer that misses some of it."""

from contextlib import closing
from pathlib import Path

import click

from services.cli.client import show
from services.runtime.opening import beside
from services.runtime.republish import CannotRepublish
from services.runtime.republish import republish as set_back
from services.runtime.settings import RuntimeSettings, load

SERVICES = ("ingest", "mastery", "credentials")


@click.command()
@click.option("--service", required=True, type=click.Choice(SERVICES), help="The service that published it.")
@click.option("--partition", required=True, type=click.IntRange(min=0), help="As the incident names it.")
@click.option("--from-seq", required=True, type=click.IntRange(min=1), help="The first seq that is missing.")
@click.option("--topic", help="Needed when the service has several.")
@click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The data folder; otherwise as the services are told by WAYPROOF_DATA_DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def republish(
    service: str, partition: int, from_seq: int, topic: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Send a service's published events again, from a seq on.

    When a service is not ready because "expected seq 41, got 57; republish from 41", this is the remedy:

    \b
      wayproof republish --service ingest --partition 2 --from-seq 41

    The service may go on running, and repeating this does no harm: whoever has an event already leaves it out.
    Run it on the machine that holds the data folder, or where WAYPROOF_STORE_URL says the database is.
    """
    settings = load(RuntimeSettings, data_dir=data_dir)
    try:
        with closing(beside(settings, service)) as database:
            head, count = set_back(database, topic, partition, from_seq)
    except CannotRepublish as refused:
        raise click.ClickException(f"{service}: {refused}") from None
    said = {"topic": head.topic, "partition": head.part, "from_seq": head.published_seq + 1, "last_seq": head.last_seq}
    if as_json:
        show({**said, "to_send": count}, as_json)
    else:
        click.echo(f"{head.topic}[{head.part}]: {count} events from seq {head.published_seq + 1} on are sent again")
        click.echo("by the running service now, or when it is next started; `wayproof doctor` says when all is well.")
