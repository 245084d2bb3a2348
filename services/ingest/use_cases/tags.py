"""Keyed digests: how identifiers, keys and contents are compared without being kept (HMAC-SHA-256, first 128 bits)."""

from dataclasses import dataclass, field

import orjson

from services.ingest.domain.claims import Claim, Identifier
from services.runtime.keyed_digest import KeyedDigest
from services.runtime.keys import KeyStore

TAG_BYTES = 16
INDEXED_KEPT_MAX = 20_000
IDENTIFIED_KEPT_MAX = 20_000
FOLDED_SCHEMES = frozenset({"email", "mbox"})  # mailboxes are compared without regard to case


@dataclass(slots=True)
class Tags:
    """The digests of one tenant; each purpose has a secret of its own, so tags of different kinds never meet."""

    keys: KeyStore
    tenant: str
    _keyed: dict[str, KeyedDigest] = field(default_factory=dict)
    _indexed: dict[str, int] = field(default_factory=dict)
    _identified: dict[str, bytes] = field(default_factory=dict)

    def message(self, source: str, door: str, key: str) -> bytes:
        """Of a message key: the same key from another source or door is another message."""
        return self._tag("message", "\0".join((source, door, key)).encode())

    def record(self, source: str, key: str) -> bytes:
        """Of a record key, within its source."""
        return self._tag("record", f"{source}\0{key}".encode())

    def row(self, source: str, file: str, sourced_id: str) -> bytes:
        """Of a row of a source's packages."""
        return self._tag("package-row", f"{source}\0{file}\0{sourced_id}".encode())

    def identifier(self, identifier: Identifier) -> bytes:
        """Of an identifier of a person."""
        value = identifier.value.strip()
        if identifier.scheme in FOLDED_SCHEMES:
            value = value.casefold()
        name = f"{identifier.scheme}\0{value}"
        found = self._identified.get(name)
        if found is None:
            if len(self._identified) >= IDENTIFIED_KEPT_MAX:
                self._identified.clear()
            found = self._identified[name] = self._tag("identifier", name.encode())
        return found

    def index(self, source: str, kind: str, value: str) -> int:
        """Of a value to find rows by, within its source: 63 bits, which a column keeps as a number."""
        name = f"{source}\0{kind}\0{value}"
        found = self._indexed.get(name)
        if found is None:
            if len(self._indexed) >= INDEXED_KEPT_MAX:
                self._indexed.clear()
            found = self._indexed[name] = int.from_bytes(self._tag("index", name.encode())[:8], "big") >> 1
        return found

    def content(self, content: bytes) -> bytes:
        """Of what was said: grades are guessable, so a plain digest would tell them."""
        return self._tag("content", content)

    def claim(self, claim: Claim) -> bytes:
        """Of a claim's content, which is written here in the same bytes at a tenth of the price."""
        return self._tag("content", orjson.dumps(claim.said()))

    def _tag(self, purpose: str, value: bytes) -> bytes:
        keyed = self._keyed.get(purpose)
        if keyed is None:
            keyed = self._keyed[purpose] = KeyedDigest(self.keys.tenant_secret(self.tenant, purpose))
        return keyed.of(value)[:TAG_BYTES]


@dataclass(slots=True)
class TagBook:
    """The tags of every tenant, made when first asked for."""

    keys: KeyStore
    _tenants: dict[str, Tags] = field(default_factory=dict)

    def of(self, tenant: str) -> Tags:
        """This tenant's."""
        tags = self._tenants.get(tenant)
        if tags is None:
            tags = self._tenants[tenant] = Tags(self.keys, tenant)
        return tags
