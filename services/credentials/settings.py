"""What the credential service is told when it starts."""

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from services.runtime.settings import RuntimeSettings


class CredentialsSettings(RuntimeSettings):
    """The credential service's own settings."""

    SERVICE: ClassVar[str] = "credentials"

    port: int = Field(8803, ge=0, le=65535, description="The port the credential service listens on.")
    issuer_url: str = Field(
        "https://credentials.example.org",
        description="Where the world reaches this service: DIDs and status list URLs derive from it.",
    )
    issuer_names: dict[str, str] = Field({}, description="The name each tenant issues under; its id when it has none.")
    root_tenant: str | None = Field(None, description="The one tenant whose DID is the host's own, without a path.")
    revocations_per_hour_max: int = Field(
        50, ge=0, description="A tenant's revocations by rule in an hour; beyond it they are only proposed."
    )
    document_bytes_max: int = Field(1024 * 1024, ge=1024, description="The largest document to verify.")

    @field_validator("issuer_url")
    @classmethod
    def _is_a_base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = parts.scheme in {"https", "http"} and parts.netloc and not (parts.query or parts.fragment)
        if not plain or not value.isascii() or "@" in parts.netloc:
            raise ValueError("an http(s) URL without query or fragment is wanted")
        return value.rstrip("/")
