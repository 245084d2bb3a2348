"""Signs for tenants: composes from what was recorded, so the same decisions under the same keys give the same bytes."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from services.credentials.domain.achievement import Definition
from services.credentials.domain.award import Award
from services.credentials.formats.did_document import did_document
from services.credentials.formats.identity import identity
from services.credentials.formats.issuer import Issuer, issuer_of, urn
from services.credentials.formats.open_badge import Recognition, instant, open_badge
from services.credentials.formats.serialise import to_bytes
from services.credentials.formats.shape import check_badge
from services.credentials.formats.status_list import status_list
from services.credentials.signing.data_integrity import sign
from services.runtime.keys import KeyStore, SigningKey

SUBJECT = "credential-subject"
CONTENT = "credential-content"
STATUS = "status-index"


class Signer:
    """Every tenant as issuer: its identity, its key, its documents."""

    def __init__(
        self, keys: KeyStore, issuer_url: str, *, root_tenant: str | None = None, names: Mapping[str, str] | None = None
    ) -> None:
        self._keys = keys
        self._issuer_url = issuer_url
        self._root_tenant = root_tenant
        self._names = names or {}

    @property
    def root_tenant(self) -> str | None:
        """The tenant whose DID is the host's own."""
        return self._root_tenant

    def issuer(self, tenant: str) -> Issuer:
        """The tenant as issuer, as the settings have it now."""
        return issuer_of(self._issuer_url, tenant, name=self._names.get(tenant), root=tenant == self._root_tenant)

    def key(self, tenant: str) -> SigningKey:
        """The key that signs now."""
        return self._keys.signing_key(tenant)

    def credential_id(self, issuer: Issuer, award_id: UUID) -> str:
        """One award, one credential."""
        return urn(issuer.id_of("credential", award_id))

    def credential(self, issuer: Issuer, award: Award, definition: Definition) -> bytes:
        """The credential of a granted award that has its status place; nothing here but what was recorded, and keys."""
        proposed = award.proposed
        assert proposed is not None
        assert award.granted_at is not None
        assert award.place is not None
        secret = self._keys.tenant_secret(issuer.tenant, SUBJECT)
        badge = open_badge(
            Recognition(
                credential_id=self.credential_id(issuer, proposed.award_id),
                achievement=definition,
                identity=identity(secret, proposed.learner, proposed.award_id),
                achieved=proposed.achieved,
                awarded_at=award.granted_at,
                valid_from=award.granted_at,
                status=award.place,
                valid_until=proposed.valid_until and max(proposed.valid_until, award.granted_at),
            ),
            issuer,
        )
        check_badge(badge)
        return self._signed(issuer, badge, award.granted_at)

    def again(self, tenant: str, award: Award, definition: Definition) -> bytes:
        """The credential made again from what was recorded when it was issued."""
        issued = award.issued
        assert issued is not None
        issuer = Issuer(tenant, issued.issuer, issued.issuer_url, issued.issuer_name)
        return self.credential(issuer, award, definition)

    def content_tag(self, tenant: str, content: bytes) -> str:
        """The address of a credential's bytes: keyed, because a plain digest of guessable content says too much."""
        return hmac.digest(self._keys.tenant_secret(tenant, CONTENT), content, hashlib.sha256).hex()

    def status_list(self, tenant: str, list_id: str, revoked: Iterable[int], at: datetime) -> bytes:
        """A status list, signed by the issuer of the credentials it speaks of."""
        issuer = self.issuer(tenant)
        return self._signed(issuer, status_list(issuer, list_id, revoked, at), at)

    def status_secret(self, tenant: str, list_id: str) -> bytes:
        """The key of one list's permutation."""
        return hmac.digest(self._keys.tenant_secret(tenant, STATUS), list_id.encode(), hashlib.sha256)

    def did_document(self, tenant: str) -> bytes:
        """The tenant's did:web document."""
        key = self.key(tenant)
        return to_bytes(did_document(self.issuer(tenant), {key.id: key.private.public_key()}))

    def _signed(self, issuer: Issuer, document: Mapping[str, object], at: datetime) -> bytes:
        key = self.key(issuer.tenant)
        method = issuer.key_url(key.id)
        return to_bytes(sign(document, key.private, verification_method=method, created=instant(at)))
