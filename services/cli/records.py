"""Questions about one learner: where it stands, why, and how it came to stand there, for any two dates."""

from collections.abc import Callable
from typing import Any

import click

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
    show(client.get(f"/v1/learners/{learner}/standings", **asked), as_json)


@click.command()
@click.argument("learner")
@click.argument("competency")
@asked_at
@talks_to("mastery")
def why(client: Client, as_json: bool, learner: str, competency: str, **asked: Any) -> None:
    """What LEARNER's standing in COMPETENCY (or a requirement) rests on, and what would satisfy it."""
    show(client.get(f"/v1/learners/{learner}/why/{competency}", **asked), as_json)


@click.command()
@click.argument("learner")
@asked_at
@talks_to("mastery")
def replay(client: Client, as_json: bool, learner: str, **asked: Any) -> None:
    """Every event of LEARNER in order, with the running value after it."""
    show(client.get(f"/v1/learners/{learner}/history", **asked), as_json)
