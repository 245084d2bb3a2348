"""Achievement definitions as documents: every version by its digest, the last one by id and by requirement."""

import hashlib
import hmac
from datetime import datetime
from functools import lru_cache

from pydantic import TypeAdapter

from services.credentials.domain.achievement import Definition, Requirement
from services.runtime.clock import to_micros
from services.runtime.keys import KeyStore
from services.runtime.store.database import Cursor, Database
from services.runtime.store.port import Row

_DEFINITION = TypeAdapter(Definition)
REQUIREMENT = "requirement"
PARSED_MAX = 1000
TAGS_MAX = 4096


class Achievements:
    """Reads definitions; they never say anything of a person, so they lie in clear."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def latest(self, tenant: str, achievement: str) -> tuple[Definition, int] | None:
        """The last version and its number."""
        found = self._read("id = ? AND latest = 1", tenant, achievement)
        return found[0] if found else None

    def by_digest(self, tenant: str, digest: str) -> Definition:
        """The version an award was made under."""
        return self._read("digest = ?", tenant, digest)[0][0]

    def answering(self, tenant: str, requirement: Requirement) -> list[Definition]:
        """Every achievement that recognises this requirement."""
        found = self._read("requirement = ? AND latest = 1", tenant, self.tag(tenant, requirement))
        return [definition for definition, _ in found]

    def tag(self, tenant: str, requirement: Requirement) -> bytes:
        """The requirement as tables about learners name it: nobody reads from them what was met."""
        return _tag(self._keys.tenant_secret(tenant, REQUIREMENT), requirement)

    def known_tenant(self, tenant: str) -> bool:
        """Whether the tenant has ever defined an achievement, and so is an issuer here."""
        with self._database.read() as cursor:
            cursor.execute("SELECT 1 FROM achievement WHERE tenant = ? LIMIT 1", (tenant,))
            return cursor.fetchone() is not None

    def _read(self, condition: str, tenant: str, value: object) -> list[tuple[Definition, int]]:
        statement = f"SELECT body, version FROM achievement WHERE tenant = ? AND {condition} ORDER BY id, version"  # noqa: S608
        with self._database.read() as cursor:
            rows = cursor.execute(statement, (tenant, value)).fetchall()
        return [(_parsed(body), version) for body, version in rows]

    def defined(self, tenant: str, definition: Definition, version: int, partitions: int, at: datetime) -> Row:
        """The new version, and a sweep due on every partition for those who met the requirement before."""
        tag, body = self.tag(tenant, definition.requirement), _DEFINITION.dump_json(definition).decode()
        values = (tenant, definition.id, version, definition.digest, body, tag, to_micros(at))

        def write(cursor: Cursor) -> None:
            cursor.execute("UPDATE achievement SET latest = 0 WHERE tenant = ? AND id = ?", (tenant, definition.id))
            cursor.execute(
                "INSERT INTO achievement (tenant, id, version, digest, body, requirement, latest, defined_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                values,
            )
            cursor.executemany(
                "INSERT INTO sweep (tenant, achievement, part) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(tenant, definition.id, part) for part in range(partitions)],
            )

        return write


@lru_cache(maxsize=TAGS_MAX)
def _tag(secret: bytes, requirement: Requirement) -> bytes:
    """The same few requirements are named by everything that is said of any learner."""
    return hmac.digest(secret, f"{requirement.policy}|{requirement.node}".encode(), hashlib.sha256)[:16]


@lru_cache(maxsize=PARSED_MAX)
def _parsed(body: str) -> Definition:
    """Which versions there are is asked every time; what one of them says never changes."""
    return _DEFINITION.validate_json(body)
