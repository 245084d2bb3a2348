"""Which columns of a table a mapping cannot do without."""

from collections.abc import Iterator

from services.ingest.mappings import schema
from services.ingest.mappings.paths import PathRefused, column_of

# What is not there may be what they ask, or one of several ways to say it.
MAY_BE_ABSENT = (schema.FirstOf, schema.OneOf, schema.Equals, schema.Not, schema.When, schema.CsvShape)


def columns_of(document: schema.MappingDocument) -> frozenset[str]:
    """Every column that is read outright; a header without one of them is of another file."""
    return frozenset(_read(document)) if document.format == "csv" else frozenset()


def named_wrongly(document: schema.MappingDocument) -> bool:
    """Are the columns the mapping gives to a file without a header not those it reads?"""
    named = document.csv.columns if document.csv else None
    return named is not None and not (len(set(named)) == len(named) and columns_of(document) <= set(named))


def _read(shape: object) -> Iterator[str]:
    if isinstance(shape, MAY_BE_ABSENT) or (isinstance(shape, schema.Lookup) and shape.default is not None):
        return
    if isinstance(shape, schema.Column):
        yield shape.column
    elif isinstance(shape, schema.Path):
        yield from _plain(shape.path)
    elif isinstance(shape, list):
        for part in shape:
            yield from _read(part)
    elif isinstance(shape, schema.Shape):
        for name in type(shape).model_fields:
            yield from _read(getattr(shape, name))


def _plain(path: str) -> Iterator[str]:
    try:
        column = column_of(path)
    except PathRefused:  # the mapping is refused for it elsewhere
        return
    if column is not None:
        yield column
