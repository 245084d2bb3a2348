"""Putting a policy, and activating a version of it: from its place in history on, it judges."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.mastery.documents.library import read_policy
from services.mastery.domain.rules import CompiledPolicy
from services.mastery.storage.controls import Activation, append_activation
from services.mastery.storage.documents import Documents, Listed
from services.mastery.use_cases.answers import Instant
from services.mastery.use_cases.put_document import By, PutDocument
from services.runtime.clock import Clock
from services.runtime.problems import Refusal
from services.runtime.store.database import Database


class PolicyUnknown(Refusal):
    """There is no such policy, or not at this version."""

    status: ClassVar[int] = 404


class PolicyOfAnotherOrganisation(Refusal):
    """The key belongs to an organisation that does not own this policy."""

    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Activated:
    """An activation and its place in the control stream."""

    policy: str
    version: int
    digest: str
    effective_from: Instant
    control_seq: int


class SetPolicy:
    """Policies as a district's office sets them."""

    def __init__(self, database: Database, documents: Documents, put: PutDocument, clock: Clock) -> None:
        self._database, self._documents, self._put, self._clock = database, documents, put, clock

    def put(self, raw: bytes, by: By) -> Listed:
        """Keep a policy that fits the schema and whose references resolve; it judges nobody yet."""
        document = read_policy(raw)
        _check_owner(document.content.policy.organisation, by)
        self._documents.compiled(by.tenant, document)
        return self._put.policy(document, by)

    def activate(self, policy: str, version: int, effective_from: datetime | None, by: By) -> Activated:
        """Bring a version into force: from an instant, from the day the policy names, or from now."""
        compiled = self._compiled(policy, version, by)
        now = self._clock.now()
        effective = effective_from or compiled.effective_from or now
        said = Activation(
            control_seq=0,
            tenant=by.tenant,
            policy=policy,
            version=version,
            digest=compiled.digest,
            effective_from=effective,
            organisation=compiled.organisation,
            cohorts=compiled.cohorts,
        )
        with self._database.write() as cursor:
            control_seq = append_activation(cursor, said, now, by.key_id)
        return Activated(policy, version, compiled.digest, effective, control_seq)

    def _compiled(self, policy: str, version: int, by: By) -> CompiledPolicy:
        document = self._documents.policy(by.tenant, policy, version)
        if document is None:
            raise PolicyUnknown
        _check_owner(document.content.policy.organisation, by)
        return self._documents.rules(by.tenant)[document.digest]


def _check_owner(organisation: str | None, by: By) -> None:
    if None not in (organisation, by.organisation) and organisation != by.organisation:
        raise PolicyOfAnotherOrganisation(pointer="/policy/organisation")
