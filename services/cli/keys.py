"""`wayproof key`: add, list and revoke access keys in the access register of this machine's data folder."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson

from services.runtime.access_register import Entry, KeyRefused, Register
from services.runtime.clock import SteppedClock, SystemClock, parse_instant
from services.runtime.opening import open_access
from services.runtime.permissions import ROLES, Role
from services.runtime.settings import RuntimeSettings, load


class Instant(click.ParamType[datetime]):
    """An RFC 3339 instant with its zone."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return parse_instant(value)
        except ValueError:
            self.fail("an RFC 3339 instant with a zone, such as 2027-01-01T00:00:00Z", param, ctx)


@click.group()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder, which holds access.json; otherwise as the services are told by WAYPROOF_DATA_DIR.",
)
@click.pass_context
def key(context: click.Context, data_dir: Path | None) -> None:
    """Add, list and revoke access keys."""
    settings = load(RuntimeSettings, data_dir=data_dir)
    clock = SteppedClock(settings.clock_file) if settings.clock_file else SystemClock()
    context.obj = open_access(settings, clock)


@key.command()
@click.option("--tenant", required=True, help="The legal operator the key belongs to.")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the key may do.")
@click.option("--organisation", help="The school or district whose policies and staff it stands for.")
@click.option("--source", help="The source that sends with it: tenant.name.")
@click.option("--person", help="The assessor or user, by an id within the organisation; never a name.")
@click.option("--learner", type=click.UUID, help="The learner whose own record it opens.")
@click.option("--valid-until", type=Instant(), help="The instant from which it no longer works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(register: Register, /, role: Role, as_json: bool, **said: Any) -> None:
    """Make a key and print it: this is the only time it is shown."""
    try:
        caller, token = register.add(role=role, **said)
    except KeyRefused as refused:
        raise click.ClickException(str(refused)) from None
    if as_json:
        click.echo(orjson.dumps({"id": caller.key_id, "token": token, "tenant": caller.tenant, "role": caller.role}))
    else:
        click.echo(f"{token}\nThis is the only time it is shown. Revoke it with: wayproof key revoke {caller.key_id}")


@key.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_keys(register: Register, as_json: bool) -> None:
    """Every key ever added, without its secret."""
    shown = [_shown(entry) for entry in register.list()]
    if as_json:
        click.echo(orjson.dumps(shown))
    for entry in shown if not as_json else ():
        click.echo("  ".join(f"{name}={value}" for name, value in entry.items()))


@key.command()
@click.argument("key_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def revoke(register: Register, key_id: str, as_json: bool) -> None:
    """Stop a key everywhere within seconds; its id is the part after `wp_`."""
    try:
        caller = register.revoke(key_id.removeprefix("wp_").partition(".")[0])
    except KeyRefused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo(orjson.dumps({"id": caller.key_id, "revoked": True}) if as_json else f"{caller.key_id} is revoked.")


def _shown(entry: Entry) -> dict[str, Any]:
    said: dict[str, Any] = entry.model_dump(mode="json", exclude={"secret_sha256"}, exclude_none=True)
    return said
