"""The access register as a file: read again when it changes, written whole, holding only digests of secrets."""

import fcntl
import hmac
import os
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.envelope import Slug
from services.runtime.clock import Clock
from services.runtime.permissions import REQUIRED, Role
from services.runtime.telemetry import get_logger

log = get_logger(__name__)

LOOKED_AT_EVERY_S = 1.0
SECRET_BYTES = 32
TOKEN_PREFIX = "wp_"  # noqa: S105 - how a token begins, not one
NOBODYS_SECRET = sha256(os.urandom(SECRET_BYTES)).hexdigest()


class KeyRefused(Exception):
    """A key like this cannot be added, or there is none to revoke."""


@dataclass(frozen=True)
class Caller:
    """Whom a request comes from: everything is the key's, nothing the payload's."""

    key_id: str
    tenant: str
    role: str
    organisation: str | None = None
    source: str | None = None
    person: str | None = None
    learner: UUID | None = None


class AccessRegister(Protocol):
    """Knows keys."""

    def caller(self, token: str) -> Caller | None:
        """Whom the token stands for; None when it is unknown, wrong, expired or revoked."""


class Entry(BaseModel):
    """One key as the file keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-z-]{1,40}$")
    secret_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: Slug
    role: Role
    organisation: Slug | None = None
    source: str | None = None
    person: str | None = None
    learner: UUID | None = None
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    def valid_at(self, at: datetime) -> bool:
        """From the first instant, up to and without the last."""
        begun = self.valid_from <= at
        return begun and self.revoked_at is None and (self.valid_until is None or at < self.valid_until)

    def caller(self) -> Caller:
        """What the services see of it."""
        return Caller(self.id, self.tenant, self.role, self.organisation, self.source, self.person, self.learner)


class Entries(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(1, ge=1, le=1)
    keys: tuple[Entry, ...] = ()


class Register(ABC):
    """What every register does, wherever its entries are kept.

    Entries that cannot be read let nobody in: better closed than open to a revoked key.
    """

    looked_again_after_s = 0.0  # for a key nobody knows yet

    def __init__(self, clock: Clock, elapsed_s: Callable[[], float]) -> None:
        self._clock, self._elapsed_s = clock, elapsed_s
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._stamped: object = None
        self._looked_at = float("-inf")

    @abstractmethod
    def _stamp(self) -> object:
        """Another value whenever the entries are other ones."""

    @abstractmethod
    def _read(self) -> Entries:
        """Every entry."""

    @abstractmethod
    def _edited(self) -> AbstractContextManager[tuple[Entries, Callable[[Entry], None]]]:
        """The entries and how one is kept, while nobody else may change them."""

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """Let go of what is held open."""

    def caller(self, token: str) -> Caller | None:
        """Compares in constant time, and does the same work for a key nobody has."""
        key_id, _, secret = token.removeprefix(TOKEN_PREFIX).partition(".")
        self._look(at_once=key_id not in self._entries)  # a key just added works at once
        entry = self._entries.get(key_id)
        kept = entry.secret_sha256 if entry else NOBODYS_SECRET
        same = hmac.compare_digest(sha256(secret.encode()).hexdigest(), kept)
        if entry is None or not same or not entry.valid_at(self._clock.now()):
            return None
        return entry.caller()

    def list(self) -> tuple[Entry, ...]:
        """Every key ever added, revoked ones too."""
        return self._read().keys

    def add(
        self,
        *,
        tenant: str,
        role: Role,
        organisation: str | None = None,
        source: str | None = None,
        person: str | None = None,
        learner: UUID | None = None,
        valid_until: datetime | None = None,
    ) -> tuple[Caller, str]:
        """The new key's caller and its token, which is shown this once and kept nowhere."""
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(SECRET_BYTES)
        said = {"organisation": organisation, "source": source, "person": person, "learner": learner}
        _complete(tenant, role, said)
        made = {"id": key_id, "secret_sha256": sha256(secret.encode()).hexdigest(), "valid_from": self._clock.now()}
        try:
            entry = Entry.model_validate({**said, **made, "tenant": tenant, "role": role, "valid_until": valid_until})
        except ValidationError as error:
            raise KeyRefused("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())) from None
        with self._edited() as (_, keep):
            keep(entry)
        return entry.caller(), f"{TOKEN_PREFIX}{key_id}.{secret}"

    def revoke(self, key_id: str) -> Caller:
        """The key stops everywhere within seconds and stays listed; safe to repeat."""
        with self._edited() as (entries, keep):
            found = {entry.id: entry for entry in entries.keys}
            if key_id not in found:
                raise KeyRefused("no key has this id")
            entry = found[key_id]
            if entry.revoked_at is None:
                keep(entry.model_copy(update={"revoked_at": self._clock.now()}))
        return entry.caller()

    def _look(self, *, at_once: bool) -> None:
        """Read the file again when it is another than last time, looking at most once a second for known keys."""
        now = self._elapsed_s()
        if now - self._looked_at < (self.looked_again_after_s if at_once else LOOKED_AT_EVERY_S):
            return
        with self._lock:
            self._looked_at = now
            stamp = self._stamp()
            if stamp != self._stamped:
                self._entries, self._stamped = self._load(), stamp

    def _load(self) -> dict[str, Entry]:
        try:
            return {entry.id: entry for entry in self._read().keys}
        except (OSError, ValueError) as fault:
            log.fault("access register cannot be read: nobody is let in", fault)
            return {}


class FileRegister(Register):
    """`access.json`, shared by the services that read it and the command that writes it."""

    def __init__(self, path: Path, clock: Clock, *, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock, elapsed_s)
        self._path = path

    def _stamp(self) -> object:
        return _stamp(self._path)

    def _read(self) -> Entries:
        try:
            return Entries.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Entries()

    @contextmanager
    def _edited(self) -> Iterator[tuple[Entries, Callable[[Entry], None]]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(self._path.name + ".lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            entries = self._read()
            yield entries, lambda entry: self._write(_with(entries, entry))

    def _write(self, entries: Entries) -> None:
        """Beside, then renamed: a reader sees the old file or the new one, never half."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(entries.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _with(entries: Entries, entry: Entry) -> Entries:
    found = {each.id: each for each in entries.keys} | {entry.id: entry}
    return Entries(keys=tuple(found.values()))


def _complete(tenant: str, role: Role, said: Mapping[str, object]) -> None:
    for name in REQUIRED.get(role, ()):
        if said[name] is None:
            raise KeyRefused(f"a {role} key names its {name}")
    if said["source"] is not None and not str(said["source"]).startswith(f"{tenant}."):
        raise KeyRefused(f"a source of this tenant is called {tenant}.<name>")
