"""`wayproof restored`: what has to be done once after a restore from a back-up, before the services start."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import click

from services.cli.client import show
from services.runtime.clock import format_instant, parse_instant
from services.runtime.log.opening import open_log
from services.runtime.log.port import LogUnavailable
from services.runtime.opening import beside
from services.runtime.restored import beyond, forget_the_processes, publish_all_again, write_down
from services.runtime.settings import RuntimeSettings, SettingsRefused, load
from services.runtime.store.database import Database
from services.runtime.tenancy import every_tenant

SERVICES = ("ingest", "mastery", "credentials")


@click.command()
@click.option(
    "--lost-until", help="When the stores were lost, RFC 3339; what was recorded later there is none of. Now."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def restored(lost_until: str | None, as_json: bool) -> None:
    """Run once after all stores were restored from one back-up, while the services are stopped.

    What was recorded between the back-up and the loss is gone: this writes the window down, so that answers about it
    say so and nothing is ever recorded within it again, and publishes everything from the restored outboxes again.

    The log must be empty first: on Kafka another WAYPROOF_LOG_TOPIC_PREFIX and `wayproof topics`; embedded, the folder
    `log` moved away. A log that is ahead of the restored outboxes is refused, because new events would have the
    numbers of lost ones and be taken for repeats.
    """
    try:
        until = parse_instant(lost_until) if lost_until else datetime.now(UTC)
    except ValueError:
        raise click.UsageError("--lost-until: an RFC 3339 instant with its offset") from None
    try:
        with every_tenant("restored"), ExitStack() as opened:
            said = _restored(load(RuntimeSettings), opened, until)
    except (SettingsRefused, LogUnavailable) as refused:
        raise click.ClickException(str(refused)) from None
    if as_json:
        show(said, as_json)
        return
    for loss in said["lost"]:
        click.echo(
            f"partition {loss['partition']}: what was recorded after {loss['after']}, up to {loss['until']}, is lost"
        )
    for service, count in said["published_again"].items():
        click.echo(f"{service}: {count} events are published again when it starts")
    click.echo("senders may send again what they sent since the back-up: what is still known is a duplicate")


def _restored(settings: RuntimeSettings, opened: ExitStack, until: datetime) -> dict[str, Any]:
    log = opened.enter_context(closing(open_log(settings)))
    stores = {service: opened.enter_context(closing(beside(settings, service))) for service in SERVICES}
    ahead = [(service, each) for service, store in stores.items() for each in beyond(store, log, service)]
    if ahead:
        lines = [
            f"{each.topic}[{each.partition}] holds seq {each.log_seq}, the restored outbox of {service} ends at"
            f" {each.outbox_seq}"
            for service, each in ahead
        ]
        raise click.ClickException("\n".join([*lines, "make the topics anew first: see --help"]))
    return {"lost": _write_down(stores["mastery"], until), "published_again": {n: _again(s) for n, s in stores.items()}}


def _write_down(store: Database, until: datetime) -> list[dict[str, Any]]:
    with store.write() as cursor:
        losses = write_down(cursor, until)
    return [
        {"partition": x.partition, "after": format_instant(x.lost_from), "until": format_instant(x.lost_to)}
        for x in losses
    ]


def _again(store: Database) -> int:
    with store.write() as cursor:
        forget_the_processes(cursor)
        return publish_all_again(cursor)
