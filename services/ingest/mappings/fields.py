"""The fields of a claim as functions of a scope, each of which ends the item with a fault that says where and why."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from services.ingest.domain.claims import Fault, NoClaim
from services.ingest.mappings import values
from services.ingest.mappings.operators import Operators
from services.ingest.mappings.paths import Reader, Scope, Where
from services.ingest.mappings.schema import MappingDocument, When

_T = TypeVar("_T")


class Stop(Exception):
    """This item is done: a fault or no claim."""

    def __init__(self, reading: Fault | NoClaim) -> None:
        super().__init__()
        self.reading = reading


def nothing(at: Scope) -> None:
    """A field the mapping does not have."""


class Fields:
    """Every field of a mapping document, compiled; a field that is not there reads as None."""

    def __init__(self, document: MappingDocument, operators: Operators) -> None:
        self._operators = operators
        self.where: dict[str, Where] = {}
        say, maybe = self._required, self._optional
        self.when = self._whens(document.when, "/when")
        self.when_item = self._whens(document.when_item, "/when_item")
        self.withdrawn = self._test("withdrawn", document.withdrawn, "/withdrawn")
        self.not_observed = self._test("not_observed", document.rating.not_observed, "/rating/not_observed")
        self.record_key = say("record_key", document.record_key, "/record_key") if document.record_key else None
        self.learner = say("learner", document.learner.value, "/learner/value")
        self.competency = say("competency", document.competency, "/competency")
        self.framework = maybe("framework", document.framework, "/framework")
        self.scale = say("scale", document.rating.scale, "/rating/scale")
        self.level = say("level", document.rating.level, "/rating/level") if document.rating.level else None
        self.score = self._field("score", document.rating.score, "/rating/score", values.exact)
        self.occurred_at = self._time("occurred_at", document.occurred_at, "/occurred_at")
        self.expires_at = self._expiry(document.expires_at, "/expires_at")
        self.pathway = maybe("pathway", document.pathway, "/pathway")
        self.kind = maybe("kind", document.kind, "/kind")
        self.assessor_id = say("assessor.id", document.assessor.id, "/assessor/id")
        self.assessor_role = say("assessor.role", document.assessor.role, "/assessor/role")
        self.assessor_for = maybe("assessor.organisation", document.assessor.organisation, "/assessor/organisation")
        self.activity = maybe("activity.id", document.activity.id, "/activity/id")
        self.artifact = maybe("activity.artifact", document.activity.artifact, "/activity/artifact")
        self.attempt = self._field("activity.attempt", document.activity.attempt, "/activity/attempt", _whole_or_none)
        self.comment = maybe("comment", document.comment, "/comment")

    def pointers(self, prefix: str) -> Mapping[str, str]:
        """Where each field of the item at `prefix` is read from."""
        return {name: where.of(prefix) for name, where in self.where.items()}

    def _required(self, name: str, shape: object, at: str) -> Callable[[Scope], str]:
        return self._guarded(name, self._operators.expression(shape, at), values.required)

    def _optional(self, name: str, shape: object | None, at: str) -> Callable[[Scope], str | None]:
        return nothing if shape is None else self._field(name, shape, at, values.optional)

    def _field(
        self, name: str, shape: object | None, at: str, convert: Callable[[object], _T]
    ) -> Callable[[Scope], _T | None]:
        if shape is None:
            return nothing
        return self._guarded(name, self._operators.expression(shape, at), convert)

    def _time(self, name: str, shape: Any, at: str) -> Callable[[Scope], datetime]:
        return self._guarded(name, self._operators.time(shape, at), _as_is)

    def _expiry(self, shape: Any, at: str) -> Callable[[Scope], datetime | None]:
        """What is blank does not expire."""
        if shape is None:
            return nothing
        reader = self._operators.time(shape, at)

        def read(scope: Scope) -> object:
            try:
                return reader.read(scope)
            except values.Unreadable as unreadable:
                if unreadable.reason != values.MISSING:
                    raise
                return None

        return self._guarded("expires_at", Reader(read, reader.where), _as_is)

    def _test(self, name: str, shape: Any, at: str) -> Callable[[Scope], bool] | None:
        return None if shape is None else self._guarded(name, self._operators.test(shape, at), _as_is)

    def _whens(self, whens: Sequence[When], at: str) -> list[Callable[[Scope], None]]:
        return [self._when(when, f"{at}/{ordinal}") for ordinal, when in enumerate(whens)]

    def _when(self, when: When, at: str) -> Callable[[Scope], None]:
        test = self._guarded("when", self._operators.test(when.test, f"{at}/test"), _as_is)
        otherwise = NoClaim(when.otherwise)

        def holds(scope: Scope) -> None:
            if not test(scope):
                raise Stop(otherwise)

        return holds

    def _guarded(self, name: str, reader: Reader, convert: Callable[[Any], _T]) -> Callable[[Scope], _T]:
        self.where[name] = reader.where
        read, where = reader.read, reader.where
        if reader.constant is not None:
            with suppress(values.Unreadable):  # then it is a fault of every item
                said = convert(reader.constant)
                return lambda scope: said

        def field(scope: Scope) -> _T:
            try:
                return convert(read(scope))
            except values.Unreadable as unreadable:
                pointer = where.of(scope.prefix)
                raise Stop(Fault(unreadable.reason, pointer, f"{name}: {unreadable.detail}")) from None
            except values.SaysNothing as silent:
                raise Stop(NoClaim(silent.reason)) from None

        return field


def _as_is(value: _T) -> _T:
    return value


def _whole_or_none(value: object) -> int | None:
    return None if values.optional(value) is None else values.whole(value)
