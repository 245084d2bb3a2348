"""What every service stands on that is not its own: clock, ids, log, keys and the register of who may call."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TypedDict

from services.runtime.access import AccessRegister
from services.runtime.clock import Clock, Ids, RandomIds, SeededIds, SteppedClock, SystemClock
from services.runtime.keys import KeyStore
from services.runtime.log.opening import open_log
from services.runtime.log.port import Log
from services.runtime.opening import held, open_access, open_keys
from services.runtime.settings import RuntimeSettings


@dataclass(frozen=True, slots=True)
class Ports:
    """Each as the settings choose it, or as it was given."""

    clock: Clock
    ids: Ids
    log: Log
    keys: KeyStore
    access: AccessRegister


class Given(TypedDict, total=False):
    """What a test holds itself; the rest the settings choose."""

    clock: Clock
    ids: Ids
    log: Log
    keys: KeyStore
    access: AccessRegister


def open_ports(made: ExitStack, settings: RuntimeSettings, service: str, given: Given) -> Ports:
    """The service's data folder held, and its ports; what is opened here `made` closes, the folder's lock last."""
    made.enter_context(held(settings, service))
    clock = given.get("clock") or (SteppedClock(settings.clock_file) if settings.clock_file else SystemClock())
    ids = given.get("ids") or (SeededIds(f"{settings.ids_seed}/{service}") if settings.ids_seed else RandomIds())
    keys = given.get("keys") or made.enter_context(closing(open_keys(settings)))
    log = given.get("log") or made.enter_context(closing(open_log(settings)))
    access = given.get("access") or made.enter_context(closing(open_access(settings, clock)))
    return Ports(clock, ids, log, keys, access)
