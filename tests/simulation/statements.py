"""What a learning platform says: xAPI statements, among them some that take others back, and some with a flaw."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid5

from tests.simulation.ports import SPACE
from tests.simulation.said import Said
from tests.simulation.school import SCORED

HOME = "https://lms.example"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
LOOKED = "http://adlnet.gov/expapi/verbs/experienced"


@dataclass(frozen=True)
class Statement:
    """A score somebody got; or a statement taken back; or something nobody counts (neither of both)."""

    name: str
    student: str
    about: str
    said: Said | None = None
    voids: str | None = None
    flawed: bool = False  # about a type of object that only the lenient take

    @property
    def id(self) -> str:
        return id_of(self.name)

    def same(self, other: "Statement") -> bool:
        """Whether a receiver can tell them apart."""
        return self.document() == other.document()

    def document(self) -> dict[str, Any]:
        actor = {"account": {"homePage": HOME, "name": self.student}}
        document: dict[str, Any] = {"id": self.id, "actor": actor, "verb": {"id": self._verb()}}
        if self.voids is not None:
            return document | {"object": {"objectType": "StatementRef", "id": id_of(self.voids)}}
        document["object"] = {"objectType": "GroupActivity" if self.flawed else "Activity", "id": self.about}
        if self.said is None:
            return document
        result = {"score": {"raw": json.loads(self.said.score or "0")}, "response": self.said.code}
        return document | {"result": result, "timestamp": self.said.on}

    def _verb(self) -> str:
        return VOIDED if self.voids is not None else LOOKED if self.said is None else SCORED


def id_of(name: str) -> str:
    return str(uuid5(SPACE, f"statement {name}"))


def batch_of(statements: Sequence[Statement]) -> bytes:
    """The body of a POST."""
    return json.dumps([each.document() for each in statements]).encode()
