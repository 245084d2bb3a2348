"""Real Kafka and PostgreSQL for tests and development, on free loopback ports, as an unprivileged user.

In a test take the fixture `kafka` (a `Broker`) or `postgres` (a `Postgres`): each starts at its first use and serves
the whole session, so make topics and databases of your own (`postgres.fresh()` gives the URL of an empty database,
`postgres.fresh(template="name")` a copy of one prepared once with `postgres.template("name", migrate)`, where `migrate`
is called with its URL; `postgres.drop(url)` forgets it; `postgres.run(sql, database)` is the superuser's). A test that
stops, kills or reconfigures a server starts one of its own: `with Postgres(wal_level="logical") as mine: mine.start();
mine.kill(); mine.start()`; `mine.stop("immediate")` is a crash of PostgreSQL whose disk is kept. A test that takes a
fixture is marked `servers` by itself; one that starts its own, or a parameter that reaches for one with
`request.getfixturevalue`, says so: `pytest.param(..., marks=pytest.mark.servers)`. What is missing on the machine is an
error that says what to install, never a skip. Whatever happens to the test process, its servers end with it.
"""

from tests.servers.broker import Broker
from tests.servers.missing import ServerMissing
from tests.servers.postgres import Postgres

__all__ = ["Broker", "Postgres", "ServerMissing"]
