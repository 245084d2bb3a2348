"""What the settings choose: each store in the data folder, or in a schema of its own on PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress

from pydantic import SecretStr

from services.runtime import access_stored, keyring, keys_schema
from services.runtime.access_register import FileRegister, Register
from services.runtime.clock import Clock
from services.runtime.folder_lock import lock_folder
from services.runtime.keyring import Keyring
from services.runtime.leases import Leases
from services.runtime.settings import RuntimeSettings
from services.runtime.store.database import Database, OtherSchema, StoreUnavailable
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore, StoredKeys
from services.runtime.tenancy import every_tenant
from services.runtime.wrapping import master_key

KEYS, RING, ACCESS = "keys", "ring", "access"


def open_store(settings: RuntimeSettings, service: str, migrations: Sequence[str] | None) -> Database:
    """A service's own database; a schema of another version ends the process with one line."""
    with _said_in_one_line(service):
        if settings.store_url is None:
            return SqliteDatabase(settings.data_dir / service / f"{service}.db", migrations)
        return _on_server(settings, settings.store_url, service, migrations)


def beside(settings: RuntimeSettings, service: str) -> Database:
    """A service's database beside the service: it is not migrated, and a missing one is not made."""
    with _said_in_one_line(service):
        if settings.store_url is not None:
            return _on_server(settings, settings.store_url, service, None)
        path = settings.data_dir / service / f"{service}.db"
        if not path.exists():
            raise SystemExit(f"{service}: there is no {path}")
        return SqliteDatabase(path, None)


def open_leases(settings: RuntimeSettings, service: str) -> AbstractContextManager[Leases | None]:
    """The leases of a service whose store is on PostgreSQL; given back, with their connection, at the end.

    None with stores in the data folder: there a service is one process and works every partition.
    """
    return nullcontext() if settings.store_url is None else _leases(settings, service)


@contextmanager
def _leases(settings: RuntimeSettings, service: str) -> Iterator[Leases]:
    with closing(open_store(settings, service, None)) as database:
        leases = Leases(database, settings.log_partitions, lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s)
        yield leases
        with suppress(StoreUnavailable):  # then they expire
            leases.leave()


def open_keys(settings: RuntimeSettings) -> StoredKeys:
    """The key store all services share, and its ring beside it; the master key is a file, wherever the rest lies."""
    folder = settings.data_dir / "keys"
    url = settings.keys_url or settings.store_url
    with _said_in_one_line(KEYS):
        if url is None:
            return SqliteKeyStore(folder, seed=settings.ids_seed)
        database = _on_server(settings, url, KEYS, keys_schema.MIGRATIONS)
        hung = _on_server(settings, settings.ring_url or url, RING, keyring.MIGRATIONS)
        with every_tenant("start"):
            master = master_key(settings.master_key_file or folder / "master.key", database)
        return StoredKeys(database, Keyring(hung, master), master, seed=settings.ids_seed)


def open_access(settings: RuntimeSettings, clock: Clock) -> Register:
    """The access register all services read."""
    url = settings.access_url or settings.store_url
    with _said_in_one_line(ACCESS):
        if url is None:
            return FileRegister(settings.data_dir / "access.json", clock)
        database = _on_server(settings, url, ACCESS, access_stored.MIGRATIONS)
        return access_stored.StoredRegister(database, clock)


def held(settings: RuntimeSettings, service: str) -> AbstractContextManager[object]:
    """One process a data folder; on PostgreSQL fences say who may write, and there may be several."""
    if settings.store_url is None:
        return closing(lock_folder(settings.data_dir / service))
    return nullcontext()


def _on_server(settings: RuntimeSettings, url: SecretStr, schema: str, migrations: Sequence[str] | None) -> Database:
    from services.runtime.store.postgres import PostgresDatabase  # whoever has no server need not wait for its driver

    return PostgresDatabase(url_of(settings, url), schema, migrations, stall_s=settings.lease_s)


def url_of(settings: RuntimeSettings, url: SecretStr) -> str:
    """The URL with its password, which may lie in a file."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    said = conninfo_to_dict(url.get_secret_value())
    if settings.store_password_file is not None and not said.get("password"):
        return make_conninfo(url.get_secret_value(), password=settings.store_password_file.read_text().strip())
    return url.get_secret_value()


@contextmanager
def _said_in_one_line(name: str) -> Iterator[None]:
    try:
        yield
    except OtherSchema as other:
        raise SystemExit(str(other)) from None
    except StoreUnavailable as error:
        raise SystemExit(f"{name}: the database cannot be reached ({error})") from None
