"""The sections of the bench by name, and the names that stand for several of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import end_to_end, flat, importing, mastery_path, replaying, webhooks, xapi
from tests.bench.figure import Figure
from tests.bench.on_servers import credentials, doors, durable, one_webhook
from tests.bench.on_servers import importing as importing_on_servers

EMBEDDED: dict[str, Callable[[Path], list[Figure]]] = {
    "stream": end_to_end.measure,
    "webhooks": webhooks.measure,
    "mastery": mastery_path.measure,
    "replay": replaying.measure,
    "import": importing.measure,
    "xapi": xapi.measure,
    "flat": flat.measure,
}
ON_SERVERS: dict[str, Callable[[Path], list[Figure]]] = {
    "servers-durable": durable.measure,
    "servers-doors": doors.measure,
    "servers-webhook": one_webhook.measure,
    "servers-credentials": credentials.measure,
    "servers-import": importing_on_servers.measure,
}
SECTIONS = EMBEDDED | ON_SERVERS
SEVERAL = {"embedded": tuple(EMBEDDED), "servers": tuple(ON_SERVERS)}


def chosen(names: Sequence[str]) -> list[str]:
    """The sections that these names say, each once; all when none is said."""
    said = [section for name in names for section in SEVERAL.get(name, (name,))]
    return list(dict.fromkeys(said)) or list(SECTIONS)
