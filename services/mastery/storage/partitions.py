"""The service's store: one database, a partition store for each partition of the log, keys by whose stream it is."""

from collections.abc import Callable
from uuid import UUID

from services.mastery.storage.codec import mastery_codec
from services.mastery.storage.journal import journal_streams
from services.mastery.storage.schema import CONTROL_HEAD, ERASED, OWN_SCHEMA
from services.runtime.keys import DataKey, KeyStore
from services.runtime.leases import LEASE_SCHEMA
from services.runtime.restored import LOSSES
from services.runtime.store.database import Database
from services.runtime.store.factory import MIGRATIONS
from services.runtime.store.mapper import KeyFor
from services.runtime.store.partition import StoredPartition

MASTERY_MIGRATIONS = (*MIGRATIONS, OWN_SCHEMA, CONTROL_HEAD, LEASE_SCHEMA, LOSSES, ERASED)
JOURNAL_PURPOSE = "mastery-journal"


def open_partitions(
    database: Database,
    keys: KeyStore,
    log_partitions: int,
    on_publish: Callable[[int], None] = lambda put: None,
) -> list[StoredPartition]:
    """A store for each partition, none claimed yet."""
    codec, key_for = mastery_codec(), _key_for(keys, log_partitions)
    return [
        StoredPartition(database, part, codec, key_for, log_partitions=log_partitions, on_publish=on_publish)
        for part in range(log_partitions)
    ]


def _key_for(keys: KeyStore, log_partitions: int) -> KeyFor:
    """A learner's own key; the tenant's for a journal, which is about nobody."""

    def key_for(tenant: str, stream: UUID) -> DataKey:
        if stream in journal_streams(tenant, log_partitions):
            return keys.tenant_data_key(tenant, JOURNAL_PURPOSE)
        return keys.learner_key(tenant, stream)

    return key_for
