"""The persistence module for the library on PostgreSQL; `PERSISTENCE_MODULE` names this file."""

from typing import ClassVar

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, EnvType
from psycopg.conninfo import make_conninfo

from services.runtime.store import factory  # the module: a second factory among our names would confuse the library
from services.runtime.store.datastore import PartitionDatastore
from services.runtime.store.postgres import PostgresDatabase


class PostgresPartitionFactory(factory.PartitionFactory):
    """One partition of one schema; the connection is named as the library names it, and the schema is not made here."""

    SCHEMA = "POSTGRES_SCHEMA"
    CONNECTION: ClassVar = {
        "dbname": "POSTGRES_DBNAME",
        "host": "POSTGRES_HOST",
        "port": "POSTGRES_PORT",
        "user": "POSTGRES_USER",
        "password": "POSTGRES_PASSWORD",
    }

    def __init__(self, env: Environment | EnvType | None) -> None:
        InfrastructureFactory.__init__(self, env)
        said = {name: self.env.get(variable) for name, variable in self.CONNECTION.items()}
        schema = self.env.get(self.SCHEMA, "public") or "public"
        self._database = PostgresDatabase(make_conninfo("", **said), schema, factory.MIGRATIONS)
        self.datastore = PartitionDatastore(self._database, int(self.env.get(self.PARTITION, "0") or 0))
