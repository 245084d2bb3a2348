"""The shape of a mapping document: paths and named operators, nothing that runs."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from services.ingest.domain.encodings import ENCODINGS
from services.ingest.domain.records import OnChange

PATH_CHARACTERS_MAX = 500
TABLE_ENTRIES_MAX = 20_000
COLUMNS_MAX = 1_000

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Text = Annotated[str, Field(max_length=500)]
Decimals = Annotated[int, Field(ge=0, le=9)]
Encoding = Annotated[str, Field(pattern=f"^(?:{'|'.join(ENCODINGS)})$")]
Number = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$")]


class Shape(BaseModel):
    """Nothing is converted and nothing unknown is passed over: a slip of the pen is refused, with a pointer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=False)


def operator_of(value: Any) -> str | None:
    """Which operator an expression is: the one of its keys that names one; text, where it may stand, is a number."""
    if isinstance(value, str):
        return "number"
    return next((key for key in OPERATORS if key in value), None) if isinstance(value, dict) else None


class Path(Shape):
    """A JMESPath from `doc` (what was sent) or `item` (one of `items`)."""

    path: Annotated[str, Field(min_length=1, max_length=PATH_CHARACTERS_MAX)]


class Column(Shape):
    """A row's cell in the column of this name; a file whose header lacks it is refused, save inside `first_of`."""

    column: Annotated[str, Field(min_length=1, max_length=200)]


class Const(Shape):
    """Always this text."""

    const: Text


class Lookup(Shape):
    """The table's entry for it; what is not in the table is a fault, no claim, or the default."""

    lookup: "Expr"
    table: Text
    missing: Literal["fault", "no_claim"] = "fault"
    default: Text | None = None


class DateOf(Shape):
    """An instant; a bare date means the last instant of that day where the source is."""

    date: "Expr"
    formats: Annotated[list[Text], Field(min_length=1, max_length=10)] = ["rfc3339", "date"]


class DaysAfter(Shape):
    """The last instant of the day so many days after a date."""

    days: "Expr"
    after: "Expr"


class ReceivedAt(Shape):
    """When it was received, for sources that say no date."""

    received_at: Literal[True]


class Span(Shape):
    """The two ends of a range; they may come from the document."""

    low: "End"
    high: "End"


class Rescale(Shape):
    """From one range to another, exactly, then rounded half to even at `decimals`."""

    rescale: "Expr"
    from_: Annotated[Span, Field(alias="from")]
    to: Span
    decimals: Decimals
    beyond: Literal["fault", "clamp"] = "fault"


class Join(Shape):
    """The parts in order; a missing part is a fault."""

    join: Annotated[list["Expr"], Field(min_length=1, max_length=10)]
    with_: Annotated[str, Field(alias="with", max_length=10)] = ""


class FirstOf(Shape):
    """The first that is there and not blank."""

    first_of: Annotated[list["Expr"], Field(min_length=1, max_length=10)]


class Strip(Shape):
    """Without white space around it."""

    strip: "Expr"


class Lower(Shape):
    """In lower case."""

    lower: "Expr"


class OneOf(Shape):
    """True when it is one of these; null is what is not there."""

    one_of: "Expr"
    values: Annotated[list[Text | None], Field(min_length=1, max_length=100)]


class Equals(Shape):
    """True when it is this."""

    equals: "Expr"
    to: Text | None


class Not(Shape):
    """True when the condition is not."""

    not_: Annotated["Test", Field(alias="not")]


# A document that names two operators is refused whichever is taken: each forbids what it does not know.
OPERATORS = (
    *("path", "column", "const", "lookup", "rescale", "join", "first_of", "strip", "lower"),
    *("date", "days", "received_at", "one_of", "equals", "not"),
)

# Where expressions, times and tests stand (besides the lists of join and first_of).
EXPRESSIONS = frozenset(
    [
        *("lookup", "days", "after", "rescale", "low", "high", "strip", "lower", "one_of", "equals", "not", "date"),
        *("test", "value", "scale", "level", "score", "not_observed", "record_key", "withdrawn", "competency"),
        *("framework", "occurred_at", "expires_at", "pathway", "kind", "id", "role", "organisation", "artifact"),
        *("attempt", "comment"),
    ]
)

Expr: TypeAlias = Annotated[
    Annotated[Path, Tag("path")]
    | Annotated[Column, Tag("column")]
    | Annotated[Const, Tag("const")]
    | Annotated[Lookup, Tag("lookup")]
    | Annotated[Rescale, Tag("rescale")]
    | Annotated[Join, Tag("join")]
    | Annotated[FirstOf, Tag("first_of")]
    | Annotated[Strip, Tag("strip")]
    | Annotated[Lower, Tag("lower")],
    Discriminator(operator_of),
]
End: TypeAlias = Annotated[
    Annotated[Number, Tag("number")]
    | Annotated[Path, Tag("path")]
    | Annotated[Column, Tag("column")]
    | Annotated[Const, Tag("const")]
    | Annotated[Lookup, Tag("lookup")]
    | Annotated[FirstOf, Tag("first_of")],
    Discriminator(operator_of),
]
Time: TypeAlias = Annotated[
    Annotated[DateOf, Tag("date")] | Annotated[DaysAfter, Tag("days")] | Annotated[ReceivedAt, Tag("received_at")],
    Discriminator(operator_of),
]
Test: TypeAlias = Annotated[
    Annotated[OneOf, Tag("one_of")] | Annotated[Equals, Tag("equals")] | Annotated[Not, Tag("not")],
    Discriminator(operator_of),
]


class When(Shape):
    """Read on only if this holds; otherwise there is no claim, for this reason."""

    test: Test
    otherwise: Slug


class LearnerShape(Shape):
    """The scheme is the mapping's to say; which learner it means is the roster's."""

    scheme: Slug
    value: Expr


class RatingShape(Shape):
    """A level or a score on a scale; `not_observed` says when it is neither."""

    scale: Expr
    level: Expr | None = None
    score: Expr | None = None
    not_observed: Test | None = None


class AssessorShape(Shape):
    """Whose judgement it is; the organisation is the source's unless said."""

    id: Expr
    role: Expr
    organisation: Expr | None = None


class ActivityShape(Shape):
    """What was done."""

    id: Expr | None = None
    artifact: Expr | None = None
    attempt: Expr | None = None


class CsvShape(Shape):
    """How a CSV is written, where the file does not show it: a byte order mark and the request's charset go first."""

    delimiter: Literal[",", ";", "\t", "|"] | None = None
    encoding: Encoding | None = None
    columns: Annotated[list[Text], Field(min_length=1, max_length=COLUMNS_MAX)] | None = None
    skip_lines: Annotated[int, Field(ge=0, le=100)] = 0


class MappingDocument(Shape):
    """How the documents of one source are read as claims, at one version."""

    name: Slug
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    format: Literal["json", "ndjson", "csv", "oneroster", "xapi", "edfi", "caliper"]
    csv: CsvShape | None = None
    when: Annotated[list[When], Field(max_length=20)] = []
    items: Annotated[str, Field(min_length=1, max_length=PATH_CHARACTERS_MAX)] | None = None
    when_item: Annotated[list[When], Field(max_length=20)] = []
    record_key: Expr | None = None
    on_change: Annotated[OnChange, Field(strict=False)] = OnChange.REVISE
    withdrawn: Test | None = None
    learner: LearnerShape
    competency: Expr
    framework: Expr | None = None
    rating: RatingShape
    occurred_at: Time
    expires_at: Time | None = None
    pathway: Expr | None = None
    kind: Expr | None = None
    assessor: AssessorShape
    activity: ActivityShape = ActivityShape()
    comment: Expr | None = None
    tables: Annotated[
        dict[Text, Annotated[dict[Text, Text], Field(max_length=TABLE_ENTRIES_MAX)]], Field(max_length=50)
    ] = {}


for _model in (Lookup, DateOf, DaysAfter, Span, Rescale, Join, FirstOf, Strip, Lower, OneOf, Equals, Not):
    _model.model_rebuild()
