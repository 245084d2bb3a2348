"""The CloudEvents 1.0 envelope around every public event, with one sealed blob or, for documents, clear data.

Routing attributes are clear (tenant, learner, type, schema, id, times); everything else about a person
is in `data_base64`: AES-256-GCM under the learner's key, bound to the attributes by `sealing_context`.
The producer's (partition, seq) travels beside the envelope in the log record, so these bytes never change.
"""

import re
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

TYPE_GRAMMAR = re.compile(r"^org\.wayproof\.(ingest|mastery|credentials)\.[a-z]+(-[a-z]+)+\.v[1-9][0-9]*$")
SCHEMA_PREFIX = "urn:wayproof:schema:"

Slug = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="A short name of a tenant or document.")
]


class Model(BaseModel):
    """Every shape on the log: immutable, and tolerant of fields a newer producer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PublicEvent(Model):
    """What one service tells the others; `TYPE` is the CloudEvents type and never changes."""

    TYPE: ClassVar[str]

    @classmethod
    def schema_urn(cls) -> str:
        """The `dataschema` attribute: the type without the reversed domain."""
        return SCHEMA_PREFIX + cls.TYPE.removeprefix("org.wayproof.")


class Envelope(Model):
    """CloudEvents attributes; `subject` is the learner's pseudonym, or the id of a published document."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = Field(description="The producing service: /ingest, /mastery or /credentials.")
    type: str
    subject: str
    time: AwareDatetime = Field(description="When the producer decided it (ingest: received_at; mastery: recorded_at).")
    dataschema: str
    datacontenttype: Literal["application/octet-stream", "application/json"]
    tenant: Slug
    occurredat: AwareDatetime | None = Field(
        default=None, description="When the learner showed it, as the source says."
    )
    keyid: str | None = Field(default=None, description="The key the blob is sealed under.")
    data_base64: str | None = Field(default=None, description="The sealed blob.")
    data: dict[str, object] | None = Field(
        default=None, description="Clear data: a document, or that a learner was erased; never what is said of one."
    )


def sealing_context(tenant: str, subject: str, event_id: UUID | str, type_: str, schema: str, key_id: str) -> bytes:
    """The associated data of a sealed blob: a blob moved to another envelope does not open."""
    return f"{tenant}|{subject}|{event_id}|{type_}|{schema}|{key_id}".encode()


def log_key(tenant: str, subject: str) -> str:
    """The log key of everything about one learner (or one tenant's catalogue)."""
    return f"{tenant}/{subject}"
