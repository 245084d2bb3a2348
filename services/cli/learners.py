"""`wayproof learner`: whom a school's identifier means, and saying that one more identifier means the same person."""

from typing import Any

import click

from services.cli.client import Client, show, talks_to

ASKED_MAX = 1000


class Identifier(click.ParamType[dict[str, str]]):
    """`scheme=value`, such as student-number=20246633."""

    name = "scheme=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        scheme, separator, said = value.partition("=")
        if not (separator and scheme and said):
            self.fail("write scheme=value, for example student-number=20246633", param, ctx)
        return {"scheme": scheme, "value": said}


@click.group()
def learner() -> None:
    """Find a learner by an identifier, link another one, merge two that are one person, or erase one."""


@learner.command()
@click.argument("identifiers", nargs=-1, type=Identifier(), metavar="SCHEME=VALUE...")
@click.option("--from", "listed", type=click.File(), help="Identifiers from a file, one a line; - is standard input.")
@talks_to("ingest")
def find(client: Client, as_json: bool, identifiers: tuple[dict[str, str], ...], listed: Any) -> None:
    """Whom each identifier means: the learner's id, which says nothing about the person.

    What is typed here can be seen by others on this machine; with --from it cannot.

    Exit 1 when one of them means nobody.
    """
    wanted = [*identifiers, *(Identifier()(line.strip()) for line in listed or () if line.strip())]
    if not wanted:
        raise click.UsageError("name at least one identifier, for example student-number=20246633")
    found: list[str | None] = []
    for first in range(0, len(wanted), ASKED_MAX):
        asked = {"identifiers": wanted[first : first + ASKED_MAX]}
        found += client.post("/v1/learners/lookup", asked)["learners"]
    if as_json:
        show([{**asked, "learner": who} for asked, who in zip(wanted, found, strict=True)], as_json)
    else:
        for asked, who in zip(wanted, found, strict=True):
            click.echo(f"{who or 'nobody':36}  {asked['scheme']}={asked['value']}")
    if None in found:
        raise click.exceptions.Exit(1)


@learner.command()
@click.argument("learner_id", metavar="LEARNER", type=click.UUID)
@click.argument("identifier", type=Identifier(), metavar="SCHEME=VALUE")
@talks_to("ingest")
def link(client: Client, as_json: bool, learner_id: Any, identifier: dict[str, str]) -> None:
    """From now on SCHEME=VALUE means LEARNER too; evidence that waited for it is counted at once.

    LEARNER is an id as `wayproof learner find` says it. An identifier that means somebody else already is refused.
    """
    linked = client.post(f"/v1/learners/{learner_id}/links", identifier)
    _tell(linked, as_json, f"linked; {linked['released']} pieces of evidence were waiting for it")


REASON = click.option("--reason", required=True, help="Why; it is kept with the decision.")
MOVED = "{moved} pieces of evidence moved from {from} to {to}; move {move}"
ERASED = "erased at {erased_at}; erasure {erasure}"
STILL_READ = "A file that came before is still being read; what it says of the learner goes after it."


@learner.command()
@click.argument("gone", type=click.UUID, metavar="LEARNER")
@click.argument("stays", type=click.UUID, metavar="INTO")
@REASON
@talks_to("ingest")
def merge(client: Client, as_json: bool, gone: Any, stays: Any, reason: str) -> None:
    """LEARNER and INTO are one person: identifiers, enrolments and evidence of LEARNER are INTO's from now on.

    Both are ids as `wayproof learner find` says them. LEARNER's id goes on meaning the same person. A merge that was
    wrong is taken back with `wayproof learner unmerge`.
    """
    move = client.post(f"/v1/learners/{gone}/merge", {"into": str(stays), "reason": reason})
    _tell(move, as_json, MOVED.format(**move))


@learner.command()
@click.argument("learner_id", metavar="LEARNER", type=click.UUID)
@REASON
@talks_to("ingest")
def unmerge(client: Client, as_json: bool, learner_id: Any, reason: str) -> None:
    """LEARNER is a person of its own after all: what came by its identifiers is its own again."""
    move = client.post(f"/v1/learners/{learner_id}/unmerge", {"reason": reason})
    _tell(move, as_json, MOVED.format(**move))


@learner.command()
@click.argument("learner_id", metavar="LEARNER", type=click.UUID)
@REASON
@click.option("--yes", "confirmed", is_flag=True, help="Do it without asking: it cannot be taken back.")
@talks_to("ingest")
def erase(client: Client, as_json: bool, learner_id: Any, reason: str, confirmed: bool) -> None:
    """Destroy the keys of everything that was said of LEARNER, also under ids that were merged into this one.

    Nobody can read it any more, here at once; in back-ups once `wayproof tenant rotate-key` has been run and the
    back-ups of the keys from before are gone. Take the learner off the roster first: a roster that still names them
    registers them anew, as somebody unknown.
    """
    if not confirmed:
        click.confirm(f"Erase {learner_id}? This cannot be taken back.", abort=True, err=True)
    told = client.post(f"/v1/learners/{learner_id}/erasure", {"reason": reason})
    _tell(told, as_json, ERASED.format(**told), *([] if told["complete"] else [STILL_READ]))


def _tell(answer: dict[str, Any], as_json: bool, *lines: str) -> None:
    """What was done: JSON for programs, or a line or two."""
    if as_json:
        show(answer, as_json)
    else:
        click.echo("\n".join(lines))
