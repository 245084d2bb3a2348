"""The named operators, each compiled to a function of one scope; faults of the mapping are gathered with pointers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from services.ingest.mappings import schema
from services.ingest.mappings.paths import PathRefused, Reader, Scope, cell, compile_path
from services.ingest.mappings.values import (
    DIRECTIVES,
    SaysNothing,
    Unreadable,
    as_text,
    days_after,
    decimal_text,
    directives_of,
    instant,
    number,
    optional,
    plain_date,
    required,
    whole,
)

ReadTime = Callable[[Scope], datetime]
ReadTest = Callable[[Scope], bool]
NOTHING = Reader(lambda at: None)


class Operators:
    """Compiles expressions against the mapping's tables; `faults` says what is wrong with the mapping and where."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]], *, with_items: bool) -> None:
        self._tables = tables
        self._with_items = with_items
        self.faults: list[tuple[str, str]] = []

    def expression(self, shape: object, at: str) -> Reader:
        """Any expression; `at` is the pointer to it in the mapping."""
        match shape:
            case schema.Path():
                return self.path(shape.path, f"{at}/path")
            case schema.Column():
                return cell(shape.column)
            case schema.Const():
                text = shape.const
                return Reader(lambda _: text, constant=text)
            case schema.Lookup():
                return self._lookup(shape, at)
            case schema.Rescale():
                return self._rescale(shape, at)
            case schema.Join():
                return self._join([self.expression(part, f"{at}/join/{n}") for n, part in enumerate(shape.join)], shape)
            case schema.FirstOf():
                return _first_of([self.expression(one, f"{at}/first_of/{n}") for n, one in enumerate(shape.first_of)])
            case schema.Strip():
                return _texted(self.expression(shape.strip, f"{at}/strip"), str.strip)
            case schema.Lower():
                return _texted(self.expression(shape.lower, f"{at}/lower"), str.lower)
        raise AssertionError("the schema knows no other expression")

    def path(self, expression: str, at: str) -> Reader:
        """A path, or a fault of the mapping."""
        try:
            return compile_path(expression, with_items=self._with_items)
        except PathRefused as refused:
            self.faults.append((at, str(refused)))
            return NOTHING

    def time(self, shape: schema.DateOf | schema.DaysAfter | schema.ReceivedAt, at: str) -> Reader:
        """Any operator that makes an instant."""
        match shape:
            case schema.DateOf():
                return self._date(shape, at)
            case schema.DaysAfter():
                return self._days_after(shape, at)
            case schema.ReceivedAt():
                return Reader(lambda scope: scope.received_at)

    def test(self, shape: schema.OneOf | schema.Equals | schema.Not, at: str) -> Reader:
        """Any operator that is true or false."""
        match shape:
            case schema.OneOf():
                return _one_of(self.expression(shape.one_of, f"{at}/one_of"), frozenset(shape.values))
            case schema.Equals():
                return _one_of(self.expression(shape.equals, f"{at}/equals"), frozenset({shape.to}))
            case schema.Not():
                inner = self.test(shape.not_, f"{at}/not")
                return Reader(lambda scope: not inner.read(scope), inner.where)

    def _lookup(self, shape: schema.Lookup, at: str) -> Reader:
        key, default = self.expression(shape.lookup, f"{at}/lookup"), shape.default
        if shape.table not in self._tables:
            self.faults.append((f"{at}/table", "no table of this name"))
            return NOTHING
        if default is not None and shape.missing != "fault":
            self.faults.append((f"{at}/missing", "a default is used instead; say one of the two"))
        table, silent, read_key = self._tables[shape.table], shape.missing == "no_claim", key.read

        def read(scope: Scope) -> object:
            name = as_text(read_key(scope))
            found = default if name is None else table.get(name, default)
            if found is None:
                raise SaysNothing("not-in-table") if silent else Unreadable("not-in-table", "not in the table")
            return found

        return Reader(read, key.where)

    def _rescale(self, shape: schema.Rescale, at: str) -> Reader:
        value = self.expression(shape.rescale, f"{at}/rescale")
        ends = self._ends(shape.from_, f"{at}/from") + self._ends(shape.to, f"{at}/to")
        clamp, decimals = shape.beyond == "clamp", shape.decimals

        def read(scope: Scope) -> object:
            given = optional(value.read(scope))
            if given is None:
                return None
            low, high, to_low, to_high = (end(scope) for end in ends)
            return decimal_text(_linear(number(given), low, high, to_low, to_high, clamp=clamp), decimals)

        return Reader(read, value.where)

    def _ends(self, span: schema.Span, at: str) -> list[Callable[[Scope], Fraction]]:
        return [self._end(span.low, f"{at}/low"), self._end(span.high, f"{at}/high")]

    def _end(self, end: object, at: str) -> Callable[[Scope], Fraction]:
        if isinstance(end, str):
            fixed = Fraction(end)
            return lambda _: fixed
        reader = self.expression(end, at)
        return lambda scope: number(reader.read(scope))

    def _join(self, parts: Sequence[Reader], shape: schema.Join) -> Reader:
        reads, between = [part.read for part in parts], shape.with_
        return Reader(lambda scope: between.join([required(read(scope)) for read in reads]), parts[0].where)

    def _date(self, shape: schema.DateOf, at: str) -> Reader:
        value, formats = self.expression(shape.date, f"{at}/date"), tuple(shape.formats)
        for ordinal, wanted in enumerate(formats):
            if not _is_format(wanted):
                self.faults.append((f"{at}/formats/{ordinal}", "rfc3339, date, or a strptime pattern with a day"))
        return Reader(lambda scope: instant(value.read(scope), formats, scope.zone), value.where)

    def _days_after(self, shape: schema.DaysAfter, at: str) -> Reader:
        days, after = self.expression(shape.days, f"{at}/days"), self.expression(shape.after, f"{at}/after")

        def read(scope: Scope) -> object:
            return days_after(plain_date(after.read(scope)), whole(days.read(scope)), scope.zone)

        return Reader(read, days.where)


def _texted(inner: Reader, change: Callable[[str], str]) -> Reader:
    def read(scope: Scope) -> object:
        text = as_text(inner.read(scope))
        return None if text is None else change(text)

    return Reader(read, inner.where)


def _first_of(options: Sequence[Reader]) -> Reader:
    def read(scope: Scope) -> object:
        return next((text for option in options if (text := optional(option.read(scope))) is not None), None)

    return Reader(read, options[0].where)


def _one_of(inner: Reader, values: frozenset[str | None]) -> Reader:
    return Reader(lambda scope: as_text(inner.read(scope)) in values, inner.where)


def _linear(
    value: Fraction, low: Fraction, high: Fraction, to_low: Fraction, to_high: Fraction, *, clamp: bool
) -> Fraction:
    if low >= high:
        raise Unreadable("range-is-empty", "the range it is rescaled from has no extent")
    if clamp:
        value = min(max(value, low), high)
    if not low <= value <= high:
        raise Unreadable("score-out-of-range", "outside the range it is rescaled from")
    return to_low + (value - low) * (to_high - to_low) / (high - low)


def _is_format(wanted: str) -> bool:
    if wanted in {"rfc3339", "date"}:
        return True
    used = directives_of(wanted)
    dated = bool(used & {"Y", "y"} and used & {"m", "b", "B"} and "d" in used) or {"Y", "j"} <= used
    return dated and used <= DIRECTIVES
