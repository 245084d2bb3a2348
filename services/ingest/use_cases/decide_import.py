"""A person says whether what a complete package lacks is really gone: it is confirmed, or rejected as a whole."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.ingest.storage import imports, verdicts
from services.ingest.use_cases.group import Draft, Group
from services.ingest.use_cases.registrars_word import Said
from services.runtime.clock import to_micros
from services.runtime.problems import Refusal

PURPOSE = "imports"


class ImportUnknown(Refusal):
    """No import of this id."""

    status: ClassVar[int] = 404


class ImportNotAsking(Refusal):
    """The import does not wait for a person: it was decided otherwise, replaced by a later one, or needs nobody."""

    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Decided:
    """The verdict that stands; `new` unless it was given before."""

    verdict: str
    new: bool


@dataclass(frozen=True, slots=True)
class DecideImport:
    """Work: the verdict, who gave it and why (kept sealed); the source's imports go on, in the order of arrival."""

    alone: ClassVar[bool] = True
    items: ClassVar[int] = 1
    import_id: UUID
    verdict: str
    said: Said

    def ask(self, group: Group) -> None:
        """It must be the tenant's."""
        found = imports.import_by_id(group.cursor, self.import_id)
        if found is None or found.tenant != self.said.tenant:
            raise ImportUnknown

    def decide(self, draft: Draft) -> Decided:
        """The same verdict again changes nothing; another one is refused."""
        group, id_ = draft.group, self.import_id
        found, judged = imports.import_by_id(group.cursor, id_), verdicts.package_import(group.cursor, id_)
        if judged is not None and judged.verdict == self.verdict:
            return Decided(self.verdict, new=False)
        if found is None or found.state != "needs-confirmation":
            raise ImportNotAsking
        sealed = group.keys.tenant_data_key(found.tenant, PURPOSE).seal(self.said.reason.encode(), id_.bytes)
        row = (id_.bytes, self.verdict, to_micros(group.now), self.said.by, sealed)
        draft.writes.add(verdicts.PUT_VERDICT, row)
        draft.writes.add(verdicts.SET_STATE, ("waiting", id_.bytes))
        draft.writes.add(verdicts.GO_ON, (found.source,))
        return Decided(self.verdict, new=True)
