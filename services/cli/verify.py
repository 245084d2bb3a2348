"""`wayproof verify`: whether a credential is what it says, offline; code, not HTTP, so that it needs no service."""

import json
import sys
from datetime import datetime
from pathlib import Path

import click

from services.cli.documents import DOCUMENT
from services.cli.keys import Instant
from services.credentials.verifying.file import verify_file
from services.credentials.verifying.verdict import Verdict


@click.command()
@click.argument("file", type=DOCUMENT)
@click.option("--did", type=DOCUMENT, help="The issuer's DID document, from where you trust it.")
@click.option("--status", type=DOCUMENT, help="The status list credential, as fresh as you need it.")
@click.option("--at", type=Instant(), help="As of this instant instead of now: was it good then?")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(file: Path, did: Path | None, status: Path | None, at: datetime | None, as_json: bool) -> None:
    """Verify FILE: a credential, or a bundle of one with its issuer's DID document and status list.

    Exit 0 when it holds, 1 when it does not.
    """
    verdict = verify_file(file, did, status, now=at)
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    else:
        _tell(verdict)
    sys.exit(0 if verdict.verified else 1)


def _tell(verdict: Verdict) -> None:
    click.secho("verified" if verdict.verified else "NOT verified", bold=True)
    for name, value in (("credential", verdict.credential), ("issuer", verdict.issuer)):
        if value:
            click.echo(f"  {name}: {value}")
    if verdict.key_from == "bundle":
        click.echo("  key: the bundle's own; with --did, one you trust, it also says who issued it")
    for check, outcome in verdict.checks.items():
        click.echo(f"  {outcome.replace('_', ' '):12} {check}")
    for reason in verdict.reasons:
        click.echo(f"  {reason.code}: {reason.detail} {reason.pointer}".rstrip())
