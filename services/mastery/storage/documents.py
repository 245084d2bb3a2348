"""Documents by tenant, id and version: never changed once put, parsed and compiled once a process."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel

from services.mastery.documents.canonical import parse
from services.mastery.documents.compiling import compile_policy
from services.mastery.documents.framework import FrameworkDocument
from services.mastery.documents.library import Library, Stored
from services.mastery.documents.policy import PolicyDocument, Reference
from services.mastery.documents.scale import ScaleDocument
from services.mastery.domain.rules import CompiledPolicy, Rules
from services.runtime.clock import to_micros
from services.runtime.store.database import Cursor, Database

Kind = Literal["policy", "framework", "scale"]
Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Listed:
    """A document's name, version and digest."""

    kind: str
    id: str
    version: int
    digest: str


class Documents:
    """What has been put; safe to use from several threads: a document read twice is the same document."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: dict[tuple[str, str, str, int], Stored[BaseModel]] = {}
        self._rules: dict[str, TenantRules] = {}

    def policy(self, tenant: str, id: str, version: int) -> Stored[PolicyDocument] | None:
        """A policy document."""
        return self._stored(PolicyDocument, "policy", tenant, id, version)

    def framework(self, tenant: str, id: str, version: int) -> Stored[FrameworkDocument] | None:
        """A framework document."""
        return self._stored(FrameworkDocument, "framework", tenant, id, version)

    def scale(self, tenant: str, id: str, version: int) -> Stored[ScaleDocument] | None:
        """A scale document."""
        return self._stored(ScaleDocument, "scale", tenant, id, version)

    def library(self, tenant: str, policy: PolicyDocument) -> Library:
        """The documents the policy refers to, those there are."""
        found_frameworks, found_scales = {}, {}
        for reference in policy.frameworks:
            if framework := self.framework(tenant, reference.id, reference.version):
                found_frameworks[_key(reference)] = framework
        for reference in policy.scales:
            if scale := self.scale(tenant, reference.id, reference.version):
                found_scales[_key(reference)] = scale
        return Library(found_frameworks, found_scales)

    def compiled(self, tenant: str, policy: Stored[PolicyDocument]) -> CompiledPolicy:
        """The policy ready to be applied, or a refusal with pointers."""
        return compile_policy(policy, self.library(tenant, policy.content))

    def rules(self, tenant: str) -> Rules:
        """Every policy of the tenant by digest, compiled when it is first asked for."""
        found = self._rules.get(tenant)
        return found if found is not None else self._rules.setdefault(tenant, TenantRules(self, tenant))

    def by_digest(self, tenant: str, digest: str) -> Listed | None:
        """Which document has these bytes."""
        select = "SELECT kind, id, version, digest FROM document WHERE tenant = ? AND digest = ?"
        with self._database.read() as cursor:
            row = cursor.execute(select, (tenant, digest)).fetchone()
        return Listed(*row) if row else None

    def versions(self, tenant: str, kind: Kind, id: str) -> list[Listed]:
        """The versions of a document, from the first."""
        select = (
            "SELECT kind, id, version, digest FROM document WHERE tenant = ? AND kind = ? AND id = ? ORDER BY version"
        )
        with self._database.read() as cursor:
            return [Listed(*row) for row in cursor.execute(select, (tenant, kind, id))]

    def _stored(self, model: type[Content], kind: Kind, tenant: str, id: str, version: int) -> Stored[Content] | None:
        found = self._read.get((tenant, kind, id, version))
        if found is None:
            select = "SELECT body, digest FROM document WHERE tenant = ? AND kind = ? AND id = ? AND version = ?"
            with self._database.read() as cursor:
                row = cursor.execute(select, (tenant, kind, id, version)).fetchone()
            if row is None:
                return None
            found = self._read[tenant, kind, id, version] = Stored(parse(model, json.loads(row[0])), row[0], row[1])
        return found  # type: ignore[return-value]


class TenantRules(Mapping[str, CompiledPolicy]):
    """The policies of one tenant by digest."""

    def __init__(self, documents: Documents, tenant: str) -> None:
        self._documents, self._tenant = documents, tenant
        self._compiled: dict[str, CompiledPolicy] = {}

    def __getitem__(self, digest: str) -> CompiledPolicy:
        compiled = self._compiled.get(digest)
        if compiled is None:
            listed = self._documents.by_digest(self._tenant, digest)
            policy = listed and self._documents.policy(self._tenant, listed.id, listed.version)
            if not policy:
                raise KeyError(digest)
            compiled = self._compiled[digest] = self._documents.compiled(self._tenant, policy)
        return compiled

    def __iter__(self) -> Iterator[str]:
        return iter(self._compiled)

    def __len__(self) -> int:
        return len(self._compiled)


def put_document(cursor: Cursor, tenant: str, document: Listed, body: bytes, at: datetime, by: str) -> None:
    """Keep a document, within the caller's transaction."""
    row = (tenant, document.kind, document.id, document.version, document.digest, body, to_micros(at), by)
    cursor.execute("INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _key(reference: Reference) -> tuple[str, int]:
    return reference.id, reference.version
