"""Questions about one learner: where it stands, why, and how it came to stand there, for any two dates."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

import click

from services.cli import telling
from services.cli.client import Client, Command, show, talks_to

AS_OF = "When it was true: an RFC 3339 instant or a date (its last instant, UTC). Default: now."
KNOWN_AT = "What was known then: an instant or a date. Default: now."


def asked_at(command: Command) -> Command:
    """The two dates every answer depends on, and the policy asked about."""
    options: tuple[Callable[[Command], Command], ...] = (
        click.option("--as-of", help=AS_OF),
        click.option("--known-at", help=KNOWN_AT),
        click.option("--policy", help="Only this policy."),
        click.option("--version", type=int, help="The policy at this version."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("learner")
@asked_at
@talks_to("mastery")
def standing(client: Client, as_json: bool, learner: str, **asked: Any) -> None:
    """Where LEARNER stands: every determination and requirement."""
    _answer(client.get(f"/v1/learners/{learner}/standings", **asked), as_json, telling.standings)


@click.command()
@click.argument("learner")
@click.argument("competency")
@asked_at
@talks_to("mastery")
def why(client: Client, as_json: bool, learner: str, competency: str, **asked: Any) -> None:
    """What LEARNER's standing in COMPETENCY (or a requirement) rests on, and what would satisfy it."""
    _answer(client.get(f"/v1/learners/{learner}/why/{quote(competency, safe='')}", **asked), as_json, telling.why)


@click.command()
@click.argument("learner")
@asked_at
@talks_to("mastery")
def replay(client: Client, as_json: bool, learner: str, **asked: Any) -> None:
    """Every event of LEARNER in order, with the running value after it."""
    after: int | None = 0
    while after is not None:
        page = client.get(f"/v1/learners/{learner}/history", after=after, **asked)
        _answer(page, as_json, telling.history)
        after = page["next_after"]


def _answer(answer: Any, as_json: bool, tell: Callable[[Mapping[str, Any]], Iterable[str]]) -> None:
    if as_json:
        show(answer, as_json)
    else:
        for line in tell(answer):
            click.echo(line)
