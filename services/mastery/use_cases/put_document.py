"""Putting a document: kept for ever under its id and version, noted in the control stream, told to the others."""

from dataclasses import dataclass
from typing import ClassVar

from contracts.envelope import PublicEvent, log_key
from contracts.events import MASTERY_CATALOGUE
from services.mastery.documents.framework import from_case
from services.mastery.documents.library import Stored, read_scale, stored
from services.mastery.documents.policy import PolicyDocument
from services.mastery.publishing import document_event_id, framework_published, scale_published
from services.mastery.storage.controls import append_put
from services.mastery.storage.documents import Documents, Listed, put_document
from services.runtime.clock import Clock
from services.runtime.problems import Refusal
from services.runtime.sealing import Sealer
from services.runtime.store import outbox
from services.runtime.store.database import Database
from services.runtime.store.outbox import OutboxMessage

CATALOGUE = "catalogue"  # the log key of a tenant's documents is `tenant/catalogue`


class VersionTaken(Refusal):
    """Another document was put under this id and version; documents never change, so take the next version."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class By:
    """Who puts a document, and for which tenant."""

    tenant: str
    key_id: str
    organisation: str | None = None


class PutDocument:
    """Keeps frameworks, scales and policies."""

    def __init__(
        self, database: Database, documents: Documents, sealer: Sealer, clock: Clock, log_partitions: int
    ) -> None:
        self._database, self._documents, self._sealer = database, documents, sealer
        self._clock, self._log_partitions = clock, log_partitions

    def framework(self, package: object, framework: str, version: int | None, by: By) -> Listed:
        """A CASE package under a short name of ours; without a version, the one that has it or else the next."""
        wanted = version if version is not None else self._version_of(package, framework, by.tenant)
        document = stored(from_case(package, framework=framework, version=wanted))
        listed = Listed("framework", document.content.id, document.content.version, document.digest)
        self._keep(listed, document.body, by, framework_published(document))
        return listed

    def scale(self, raw: bytes, by: By) -> Listed:
        """A scale as somebody wrote it."""
        document = read_scale(raw)
        listed = Listed("scale", document.content.id, document.content.version, document.digest)
        self._keep(listed, document.body, by, scale_published(document))
        return listed

    def policy(self, document: Stored[PolicyDocument], by: By) -> Listed:
        """A policy that has been found to compile."""
        header = document.content.policy
        listed = Listed("policy", header.id, header.version, document.digest)
        self._keep(listed, document.body, by, None)
        return listed

    def _version_of(self, package: object, framework: str, tenant: str) -> int:
        versions = self._documents.versions(tenant, "framework", framework)
        for listed in reversed(versions):
            if stored(from_case(package, framework=framework, version=listed.version)).digest == listed.digest:
                return listed.version
        return versions[-1].version + 1 if versions else 1

    def _keep(self, document: Listed, body: bytes, by: By, published: PublicEvent | None) -> None:
        now = self._clock.now()
        select = "SELECT digest FROM document WHERE tenant = ? AND kind = ? AND id = ? AND version = ?"
        with self._database.write() as cursor:
            kept = cursor.execute(select, (by.tenant, document.kind, document.id, document.version)).fetchone()
            if kept is not None:
                if kept[0] != document.digest:
                    raise VersionTaken(id=document.id, version=document.version)
                return  # the same again changes nothing
            put_document(cursor, by.tenant, document, body, now, by.key_id)
            append_put(cursor, by.tenant, document.id, document.version, document.digest, now, by.key_id)
            if published is not None:
                id = document_event_id(by.tenant, document.kind, document.digest)
                value = self._sealer.clear(published, id=id, tenant=by.tenant, subject=document.id, time=now)
                message = OutboxMessage(MASTERY_CATALOGUE, log_key(by.tenant, CATALOGUE), id, value)
                outbox.put(cursor, self._log_partitions, [message])
