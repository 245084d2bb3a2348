"""`wayproof migrate`: brings the schemas on PostgreSQL to this program's version; nobody else changes them."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import click
from pydantic import SecretStr

from services.cli.client import show
from services.runtime import access_stored, keyring, keys_schema
from services.runtime.opening import ACCESS, KEYS, RING, url_of
from services.runtime.settings import RuntimeSettings, SettingsRefused, load
from services.runtime.store.database import OtherSchema

SERVICES = {
    "ingest": ("services.ingest.settings:IngestSettings", "services.ingest.storage.schema:MIGRATIONS"),
    "mastery": ("services.mastery.settings:MasterySettings", "services.mastery.storage.partitions:MASTERY_MIGRATIONS"),
    "credentials": (
        "services.credentials.settings:CredentialsSettings",
        "services.credentials.storage.schema:MIGRATIONS",
    ),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def migrate(as_json: bool) -> None:
    """Make or renew the schemas of the stores on PostgreSQL, before the services of this version start.

    Each store's schema is changed in one transaction: all of it, or none. Running it again changes nothing; a store
    that a newer program has migrated is refused. Stores in the data folder need no such step.
    """
    import psycopg

    from services.ingest.storage.schema import SEEN_WITH
    from services.runtime.store.postgres_schema import migrate as apply

    done = []
    for name, url, migrations in _stores():
        try:
            found, left = apply(url, name, migrations, SEEN_WITH if name == "ingest" else {})
        except OtherSchema as refused:
            raise click.ClickException(str(refused)) from None
        except psycopg.Error as error:
            raise click.ClickException(f"{name}: {type(error).__name__} {error.sqlstate or ''}".strip()) from None
        done.append({"store": name, "found": found, "schema": left})
    if not done:
        raise click.ClickException("no store is on PostgreSQL: WAYPROOF_STORE_URL says where")
    if as_json:
        show(done, as_json)
    for each in done if not as_json else ():
        click.echo(f"{each['store']}: schema {each['found']} -> {each['schema']}")


def _stores() -> Iterator[tuple[str, str, Sequence[str]]]:
    """Every store on PostgreSQL: its schema, where it is, and its migrations."""
    try:
        for service, (settings_class, migrations) in SERVICES.items():
            settings = load(_named(settings_class))
            yield from _store(settings, settings.store_url, service, _named(migrations))
        common = load(RuntimeSettings)
    except SettingsRefused as refused:
        raise click.ClickException(str(refused)) from None
    keys_url = common.keys_url or common.store_url
    yield from _store(common, keys_url, KEYS, keys_schema.MIGRATIONS)
    yield from _store(common, keys_url and (common.ring_url or keys_url), RING, keyring.MIGRATIONS)
    yield from _store(common, common.access_url or common.store_url, ACCESS, access_stored.MIGRATIONS)


def _store(
    settings: RuntimeSettings, url: SecretStr | None, name: str, migrations: Sequence[str]
) -> Iterator[tuple[str, str, Sequence[str]]]:
    if url is not None:
        yield name, url_of(settings, url), migrations


def _named(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
