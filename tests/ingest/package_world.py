"""A source of packages as tests hold it: sent, settled, decided, and what counts by what was published."""

from dataclasses import dataclass
from typing import Any

from contracts.evidence_v1 import EvidenceAcceptedV1, EvidenceRetractedV1, EvidenceRevisedV1
from tests.ingest.house import SAFE, TEAM, House

PACKAGE_MAPPING: dict[str, Any] = {
    "name": "levels",
    "version": 1,
    "format": "oneroster",
    "when": [{"test": {"equals": {"path": "doc.result.scoreStatus"}, "to": "fully graded"}, "otherwise": "not-graded"}],
    "record_key": {"path": "doc.objective.sourcedId"},
    "learner": {"scheme": "student-number", "value": {"path": "doc.result.studentSourcedId"}},
    "competency": {"path": "doc.objective.learningObjectiveId"},
    "rating": {"scale": {"const": "percent"}, "score": {"path": "doc.objective.score"}},
    "occurred_at": {"date": {"path": "doc.result.scoreDate"}, "formats": ["date"]},
    "assessor": {
        "id": {"first_of": [{"path": "doc.teacher"}, {"const": "unnamed"}]},
        "role": {"const": "teacher"},
    },
    "activity": {"artifact": {"path": "doc.objective.sourcedId"}},
}
COMPETENCIES = (TEAM, SAFE)


@dataclass
class Packages:
    """One source, in a house that may have others."""

    house: House
    name: str = "sis"

    def __post_init__(self) -> None:
        self.source = self.house.source(self.name, PACKAGE_MAPPING, "classroom")

    def send(self, raw: bytes) -> str:
        """Taken; the import's id."""
        key = self.house.token("source", source=self.source)
        answer = self.house.http.post(f"/v1/files/{self.source}", content=raw, headers=key)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["import"])

    def rest(self) -> None:
        """Until nothing of any source is under way."""
        self.house.wait(lambda: self.house.parts.importer.pending() == 0)

    def told(self, import_id: str) -> dict[str, Any]:
        """The import as it is now."""
        answer = self.house.http.get(f"/v1/imports/{import_id}", headers=self.house.token("auditor"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def settle(self, raw: bytes) -> dict[str, Any]:
        """Sent, and as it is once nothing is under way."""
        import_id = self.send(raw)
        self.rest()
        return self.told(import_id)

    def try_out(self, raw: bytes) -> dict[str, Any]:
        """What it would do."""
        key = self.house.token("source", source=self.source)
        answer = self.house.http.post(f"/v1/files/{self.source}/dry-run", content=raw, headers=key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def decide(self, import_id: str, decision: str, reason: str = "the school moved") -> Any:
        """A registrar's word; the response."""
        said = {"decision": decision, "reason": reason}
        key = self.house.token("registrar", person="clerk-7")
        return self.house.http.post(f"/v1/imports/{import_id}/decision", json=said, headers=key)

    def counted(self) -> dict[str, tuple[str, str]]:
        """Score and day of each level in force by the events published, by its sourcedId; nothing twice."""
        in_force: dict[Any, tuple[str, tuple[str, str]]] = {}
        for envelope, event in self.house.published(EvidenceAcceptedV1, EvidenceRevisedV1, EvidenceRetractedV1):
            gone = getattr(event, "revises", None) or getattr(event, "retracts", None)
            if hasattr(event, "content") and event.content.source != self.source:
                continue
            if gone is not None and (in_force.pop(gone, None) is None) and hasattr(event, "content"):
                raise AssertionError("revised what was not in force")
            if hasattr(event, "content"):
                said = (str(event.content.rating.score), f"{envelope.occurredat:%Y-%m-%d}")
                in_force[envelope.id] = (str(event.content.activity.artifact), said)
        assert len({name for name, _ in in_force.values()}) == len(in_force), "counted twice"
        return dict(in_force.values())
