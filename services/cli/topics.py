"""`wayproof topics`: makes the topics on Kafka as they must be, or says in what they differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from contracts.events import TOPICS
from services.cli.client import show
from services.runtime.log.opening import connection
from services.runtime.log.port import LogUnavailable
from services.runtime.settings import RuntimeSettings, SettingsRefused, load

if TYPE_CHECKING:
    from services.runtime.log.kafka.topics import Shape, Topics

KNOWN_WITHIN_S, LOOK_S = 15.0, 0.2


@click.command()
@click.option("--check", is_flag=True, help="Only look; make nothing.")
@click.option("--replicas", default=3, show_default=True, type=click.IntRange(1, 10), help="Copies of each partition.")
@click.option(
    "--retention-days",
    default=7,
    show_default=True,
    type=click.IntRange(0, 36_500),
    help="How long the brokers keep records; 0 for ever. The services' outboxes keep all for ever.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def topics(check: bool, replicas: int, retention_days: int, as_json: bool) -> None:
    """Make the topics the services need on Kafka, and compare those that are there.

    Run it once before the services start, and after an upgrade. What is there is never changed: what differs is named
    and the exit code is 1. Which brokers, how many partitions and under which prefix follow from the settings
    (WAYPROOF_LOG_URL, WAYPROOF_LOG_PARTITIONS, WAYPROOF_LOG_TOPIC_PREFIX).
    """
    from services.runtime.log.kafka.topics import Shape, Topics

    try:
        settings = load(RuntimeSettings)
        if settings.log_brokers is None:
            click.echo("the log is embedded: it makes its topics itself")
            return
        with closing(Topics(connection(settings), settings.log_topic_prefix)) as known:
            said = _look(known, Shape(settings.log_partitions, replicas, retention_days), make=not check)
    except SettingsRefused as refused:
        raise click.ClickException(str(refused)) from None
    except LogUnavailable as fault:
        raise click.ClickException(f"the brokers cannot be asked ({fault}); try again") from None
    _tell(said, as_json)


def _look(known: Topics, shape: Shape, *, make: bool) -> dict[str, tuple[str, list[str]]]:
    from services.runtime.log.kafka.topics import TopicMissing

    said: dict[str, tuple[str, list[str]]] = {}
    for topic in TOPICS:
        name, state = known.name(topic), "is there"
        try:
            known.partitions(topic)
        except TopicMissing:
            if not make:
                said[name] = ("is missing", ["there is no such topic"])
                continue
            known.create(topic, shape)
            state = "made"
        said[name] = (state, _once_known(lambda topic=topic: list(_differences(known, topic, shape))))  # type: ignore[misc]
    return said


def _once_known(look: Callable[[], list[str]]) -> list[str]:
    """A topic just made is not known to every broker at once, and whoever is asked next may not have heard of it."""
    from services.runtime.log.kafka.topics import TopicMissing

    deadline = time.monotonic() + KNOWN_WITHIN_S
    while True:
        try:
            return look()
        except TopicMissing:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)


def _differences(known: Topics, topic: str, shape: Shape) -> Iterator[str]:
    if (partitions := known.partitions(topic)) != shape.partitions:
        yield f"partitions: {partitions}, wanted {shape.partitions} (they cannot change: take another prefix)"
    if (replicas := known.replicas(topic)) != shape.replicas:
        yield f"replicas: {replicas}, wanted {shape.replicas}"
    found = known.configuration(topic)
    for name, wanted in shape.configuration().items():
        if found.get(name) != wanted:
            yield f"{name}: {found.get(name, 'not said')}, wanted {wanted}"


def _tell(said: dict[str, tuple[str, list[str]]], as_json: bool) -> None:
    if as_json:
        show({name: {"state": state, "differs": differs} for name, (state, differs) in said.items()}, as_json)
    else:
        for name, (state, differs) in said.items():
            click.echo("\n".join([f"{name}: {state}", *(f"  differs in {difference}" for difference in differs)]))
    if any(differs for _, differs in said.values()):
        raise click.exceptions.Exit(1)
