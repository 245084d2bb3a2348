"""`make demo BACKEND=servers`: the demo's day on Kafka and PostgreSQL, on those the environment names or on fresh ones.

`WAYPROOF_LOG_URL` and `WAYPROOF_STORE_URL` name them, as `make servers` prints them. The day needs a database without
history, so it gets one of its own there, and topics under a prefix of its own; both are removed when it is told.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from services.runtime.settings import LOG_URL
from tests.servers import Broker, Postgres, ServerMissing
from tests.servers.backends import NotMade, prepared
from tests.servers.process import ServerFailed
from tests.support.paths import ROOT


def main() -> int:
    """Tell it, and exit as the telling does."""
    try:
        with _servers() as (bootstrap, store_url), prepared(bootstrap, store_url) as said:
            print(f"Kafka at {bootstrap}, PostgreSQL beside it.", flush=True)
            told = [sys.executable, "-m", "services", "demo", *sys.argv[1:]]
            kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPROOF_")}
            return subprocess.run(told, env=kept | said, cwd=ROOT).returncode
    except (NotMade, ServerMissing, ServerFailed, psycopg.Error) as fault:
        print(f"the demo cannot begin: {fault}", file=sys.stderr)
        return 1


@contextmanager
def _servers() -> Iterator[tuple[str, str]]:
    log, store = os.environ.get("WAYPROOF_LOG_URL"), os.environ.get("WAYPROOF_STORE_URL")
    if log is None and store is None:
        with Postgres() as postgres, Broker() as broker:
            yield broker.start().bootstrap, postgres.start().fresh()
        return
    if log is None or store is None or not (said := LOG_URL.fullmatch(log)) or said["tls"]:
        raise NotMade("say both: WAYPROOF_LOG_URL=kafka://HOST:PORT and WAYPROOF_STORE_URL=postgresql://USER@HOST/DB")
    with _own_database(store) as url:
        yield said["brokers"], url


@contextmanager
def _own_database(url: str) -> Iterator[str]:
    name = f"demo_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo_url(url, name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def make_conninfo_url(url: str, database: str) -> str:
    """The same URL with another database at its end."""
    make_conninfo(url)  # refuses what is none
    head, _, query = url.partition("?")
    return "/".join([*head.split("/")[:3], database]) + (f"?{query}" if query else "")


if __name__ == "__main__":
    sys.exit(main())
