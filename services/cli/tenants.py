"""`wayproof tenant`: what is done to a tenant's keys as a whole, on a machine that has the master key."""

from contextlib import closing
from pathlib import Path

import click
import orjson

from services.runtime.keys import DoesNotOpen, KeyUnknown
from services.runtime.opening import open_keys
from services.runtime.settings import RuntimeSettings, SettingsRefused, load
from services.runtime.stored_keys import Rotated
from services.runtime.tenancy import tenants


@click.group()
def tenant() -> None:
    """Rotate the key that wraps all keys of a tenant."""


@tenant.command("rotate-key")
@click.argument("name", metavar="TENANT")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder; otherwise as the services are told by WAYPROOF_DATA_DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate_key(name: str, data_dir: Path | None, as_json: bool) -> None:
    """Wrap every key of TENANT anew and destroy the old wrap key: after erasing learners, and at any other time.

    Back-ups of the key store from before open nothing afterwards: take a new one at once. The services go on meanwhile
    and need no restart. Cut off half-way, it is simply done again.
    """
    try:
        settings = load(RuntimeSettings, data_dir=data_dir)
    except SettingsRefused as refused:
        raise click.ClickException(str(refused)) from None
    rotated = _rotated(settings, name)
    if as_json:
        said = {"tenant": rotated.tenant, "generation": rotated.generation, "keys": rotated.keys}
        click.echo(orjson.dumps(said))
    else:
        click.echo(f"{rotated.keys} keys of {name} are wrapped anew (generation {rotated.generation})")
        click.echo("The old wrap key is destroyed: take a new back-up of the key store.")


def _rotated(settings: RuntimeSettings, name: str) -> Rotated:
    folder = settings.data_dir / "keys"
    if settings.keys_url is None and settings.store_url is None and not folder.exists():
        raise click.ClickException(f"there are no keys in {folder}")
    with closing(open_keys(settings)) as keys, tenants(name):
        try:
            return keys.rotate_tenant_key(name)
        except KeyUnknown:
            raise click.ClickException(f"{name} has no keys here") from None
        except DoesNotOpen:
            raise click.ClickException(f"the master key here does not open the keys of {name}") from None
