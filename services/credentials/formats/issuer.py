"""Who signs: the tenant's did:web identity, derived from the issuer URL and never from a bound port."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5


@dataclass(frozen=True, slots=True)
class Issuer:
    """A tenant as issuer: `did`, and the URL its documents are published under."""

    tenant: str
    did: str
    url: str
    name: str

    def key_url(self, key_id: str) -> str:
        """The verification method, absolute."""
        return f"{self.did}#{key_id}"

    def status_url(self, list_id: str) -> str:
        """Where a status list is published."""
        return f"{self.url}/status/{list_id}"

    def id_of(self, *parts: object) -> UUID:
        """An id of something this issuer made: the same parts, the same id."""
        return uuid5(NAMESPACE_URL, "|".join((self.did, *map(str, parts))))


@lru_cache(maxsize=1024)  # the same few tenants in every record
def issuer_of(issuer_url: str, tenant: str, *, name: str | None = None, root: bool = False) -> Issuer:
    """The issuer of a tenant: `did:web:host:tenant`, or `did:web:host` for the one tenant at the root."""
    parts = urlsplit(issuer_url)
    segments = [quote(parts.netloc, safe=""), *filter(None, parts.path.split("/")), *([] if root else [tenant])]
    return Issuer(tenant, ":".join(("did:web", *segments)), issuer_url.rstrip("/"), name or tenant)


def urn(identifier: UUID) -> str:
    """A UUID as the URI a credential carries."""
    return f"urn:uuid:{identifier}"
