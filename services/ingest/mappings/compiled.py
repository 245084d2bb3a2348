"""A mapping, compiled once and read many times: documents in; claims, withdrawals, no claims and faults out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

from pydantic import ValidationError

from services.ingest.domain.claims import (
    SUMMATIVE,
    Claim,
    ClaimedAssessor,
    Fault,
    Identifier,
    NoClaim,
    Reading,
    Withdrawal,
)
from services.ingest.domain.records import OnChange
from services.ingest.mappings.columns import columns_of, named_wrongly
from services.ingest.mappings.fields import Fields, Stop
from services.ingest.mappings.operators import Operators
from services.ingest.mappings.paths import Reader, Scope
from services.ingest.mappings.schema import EXPRESSIONS, OPERATORS, MappingDocument
from services.ingest.mappings.values import Unreadable
from services.runtime.problems import Refusal, faults_of, pointer_to

ITEMS_MAX: Final = 1000


class MappingRefused(Refusal):
    """The mapping does not fit the schema of mappings."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a claim takes from the source's registration when the mapping does not say it."""

    organisation: str
    pathway: str
    zone: tzinfo = UTC


class CompiledMapping:
    """Reads documents; never raises, whatever they hold."""

    def __init__(self, document: MappingDocument, fields: Fields, items: Reader | None) -> None:
        self.document = document
        self.label: Final = f"{document.name}@{document.version}"
        self.on_change: Final[OnChange] = document.on_change
        self.columns: Final = columns_of(document)
        self._fields = fields
        self._items = items
        self._scheme = document.learner.scheme
        self._pointers = fields.pointers("")

    def read(self, document: object, *, source: SourceFacts, received_at: datetime) -> list[Reading]:
        """One reading an item, in order; one in all when the mapping has no items."""
        scope = Scope(document, document, received_at, source.zone)
        try:
            for holds in self._fields.when:
                holds(scope)
            if self._items is None:
                return [self._item(scope, source)]
            items = self._listed(scope, self._items)
        except Stop as stop:
            return [self._of_whom(stop.reading, scope)]
        prefix = self._items.where.pointer
        scopes = (Scope(document, item, received_at, source.zone, f"{prefix}/{n}") for n, item in enumerate(items))
        return [self._item(one, source) for one in scopes] or [self._of_whom(NoClaim("no-items"), scope)]

    def _of_whom(self, reading: Withdrawal | NoClaim | Fault, scope: Scope) -> Reading:
        """Whom it is about, also what claims nothing, when that can be told."""
        try:
            learner = Identifier(self._scheme, self._fields.learner(scope))
        except Stop:
            return reading
        if type(reading) is NoClaim:  # most of what a learning platform sends; `replace` takes five times as long
            return NoClaim(reading.reason, learner)
        return replace(reading, learner=learner)

    def _listed(self, scope: Scope, reader: Reader) -> list[object]:
        pointer = reader.where.pointer
        try:
            items = reader.read(scope)
        except Unreadable as unreadable:
            raise Stop(Fault(unreadable.reason, pointer, f"items: {unreadable.detail}")) from None
        if not isinstance(items, list):
            raise Stop(Fault("items-not-a-list", pointer, "items: not a list"))
        if len(items) > ITEMS_MAX:
            raise Stop(Fault("too-many-items", pointer, f"items: at most {ITEMS_MAX}"))
        return items

    def _item(self, scope: Scope, source: SourceFacts) -> Reading:
        fields = self._fields
        try:
            for holds in fields.when_item:
                holds(scope)
            record_key = fields.record_key(scope) if fields.record_key else None
            if fields.withdrawn is not None and fields.withdrawn(scope):
                assert record_key is not None, "a mapping that can withdraw has a record key"
                return self._of_whom(Withdrawal(record_key), scope)
            return self._claim(scope, source, record_key)
        except Stop as stop:
            return self._of_whom(stop.reading, scope)

    def _claim(self, scope: Scope, source: SourceFacts, record_key: str | None) -> Claim:
        fields = self._fields
        observed = fields.not_observed is None or not fields.not_observed(scope)
        return Claim(
            learner=Identifier(self._scheme, fields.learner(scope)),
            record_key=record_key,
            competency=fields.competency(scope),
            framework=fields.framework(scope),
            scale=fields.scale(scope),
            level=fields.level(scope) if observed and fields.level else None,
            score=fields.score(scope) if observed else None,
            observed=observed,
            occurred_at=fields.occurred_at(scope),
            pathway=fields.pathway(scope) or source.pathway,
            assessor=self._assessor(scope, source),
            kind=fields.kind(scope) or SUMMATIVE,
            activity=fields.activity(scope),
            artifact=fields.artifact(scope),
            attempt=fields.attempt(scope),
            comment=fields.comment(scope),
            expires_at=fields.expires_at(scope),
            pointers=fields.pointers(scope.prefix) if scope.prefix else self._pointers,
        )

    def _assessor(self, scope: Scope, source: SourceFacts) -> ClaimedAssessor:
        fields = self._fields
        organisation = fields.assessor_for(scope) or source.organisation
        return ClaimedAssessor(fields.assessor_id(scope), fields.assessor_role(scope), organisation)


def compile_mapping(document: object) -> CompiledMapping:
    """Compile, or refuse with a pointer to everything that is wrong."""
    try:
        shape = MappingDocument.model_validate(document)
    except ValidationError as invalid:
        raise _refused([(_pointer(error["loc"]), _words(error)) for error in invalid.errors()]) from None
    operators = Operators(shape.tables, with_items=shape.items is not None)
    fields = Fields(shape, operators)
    items = _items(shape, operators)
    faults = operators.faults + _contradictions(shape)
    if faults:
        raise _refused(faults)
    return CompiledMapping(shape, fields, items)


def _items(shape: MappingDocument, operators: Operators) -> Reader | None:
    if shape.items is None:
        return None
    reader = operators.path(shape.items, "/items")
    if reader.where.in_item:
        operators.faults.append(("/items", "items are found in doc"))
    return reader


def _contradictions(shape: MappingDocument) -> list[tuple[str, str]]:
    """What the shape allows and sense does not."""
    rating, file = shape.rating, shape.format in {"csv", "oneroster", "edfi", "caliper"}
    return [
        (pointer, detail)
        for wrong, pointer, detail in (
            ((rating.level is None) == (rating.score is None), "/rating", "a level or a score, one of the two"),
            (shape.csv is not None and shape.format != "csv", "/csv", "only with format csv"),
            (shape.format == "csv" and shape.items is not None, "/items", "a row is one item"),
            (named_wrongly(shape), "/csv/columns", "a name twice, or without a column that the mapping reads"),
            (file and shape.record_key is None, "/record_key", "a file's rows need a record key"),
            (shape.withdrawn is not None and shape.record_key is None, "/withdrawn", "needs a record key"),
            (shape.withdrawn is not None and shape.on_change is OnChange.NEW, "/withdrawn", "new: which is withdrawn?"),
            (bool(shape.when_item) and shape.items is None, "/when_item", "needs items; use when"),
        )
        if wrong
    ]


def _refused(faults: Sequence[tuple[str, str]]) -> MappingRefused:
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in faults]
    return MappingRefused(errors[0]["detail"], pointer=errors[0]["pointer"], errors=errors)


def _words(error: object) -> str:
    return faults_of([error])[0]["detail"]


def _pointer(location: Sequence[int | str]) -> str:
    """Pydantic puts the operator's name before each operator's fields; a pointer into the document has it once."""
    steps: list[int | str] = []
    named = False  # the step before is a place for an expression
    for step in location:
        if named and (step in OPERATORS or step == "number"):
            named = False
            continue
        named = step in EXPRESSIONS or (isinstance(step, int) and steps[-1] in {"join", "first_of"})
        if step != "[key]":
            steps.append(step)
        if steps[0] == "tables":
            named = False
    return pointer_to(steps)
