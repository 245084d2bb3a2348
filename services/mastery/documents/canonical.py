"""One form of every document, and its name: the SHA-256 of that form."""

import hashlib
import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from services.mastery.documents.reading import DocumentRefused
from services.runtime.problems import faults_of

Parsed = TypeVar("Parsed", bound=BaseModel)


def canonical(document: BaseModel) -> bytes:
    """UTF-8 JSON, keys sorted, no blanks, defaults written out: the same meaning gives the same bytes."""
    plain = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(body: bytes) -> str:
    """The name of a document by its canonical bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def parse(model: type[Parsed], plain: object) -> Parsed:
    """The document, or a refusal that points at everything that does not fit."""
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        faults = faults_of(error.errors(include_url=False, include_context=False, include_input=False))
        raise DocumentRefused("see errors", errors=faults) from None


def refuse(pointer: str, detail: str) -> DocumentRefused:
    """One fault that the schema alone cannot see."""
    return DocumentRefused("see errors", errors=[{"pointer": pointer, "detail": detail}])
