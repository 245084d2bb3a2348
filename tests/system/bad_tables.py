"""Tables (CSV) that are bad: formulas in cells, encodings mixed, a million columns, quoting that goes wrong."""

import re
from collections.abc import Callable
from dataclasses import replace

from tests.system.bad_doors import DAY, MARK, SCORE, SKILL, STUDENT, Call, Particular, Premises
from tests.system.bad_doors_more import GOOD, HEADER, table_row

PLANTED = MARK.encode()


def _cell(name: str, old: str, new: str, at_field: bool = True) -> Particular:
    """Another text in a cell of an otherwise good row."""
    return _text(name, lambda text: text.replace(f",{old},".encode(), f",{new},".encode()), at_field)


def _text(name: str, change: Callable[[bytes], bytes], at_field: bool = False) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["table"](p, serial)
        changed = change(call.content)
        assert changed != call.content, "the input spoils something"
        return replace(call, content=changed)

    return Particular(f"table: {name}", make, at_field)


def _typed(name: str, media_type: str, change: Callable[[bytes], bytes] = lambda text: text) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["table"](p, serial).having("content-type", media_type)
        return replace(call, content=change(call.content))

    return Particular(f"table: {name}", make)


def _keyed(p: Premises, serial: str) -> Call:
    return GOOD["table"](p, serial).having("idempotency-key", "k" * 201)


def _second_row(text: bytes) -> Callable[[bytes], bytes]:
    """In the place of the only row."""
    return lambda whole: HEADER.encode() + b"\n" + text


def _wide(text: bytes) -> bytes:
    """The second half of the file in another encoding."""
    header, _, row = text.partition(b"\n")
    return header + b"\n" + row.decode().encode("utf-16-le")


FORMULAS = (
    "=1+87",
    "=88",
    "@SUM(88)",
    "+88+0",
    "=HYPERLINK(0)",
    "\t88+1",
    "'88",
    "88%",
    "=cmd|' /C calc'!A0",
    "88;2",
    "0x58",
)
OTHER_KINDS = {"ZIP": b"PK\x03\x04", "gzip": b"\x1f\x8b", "PDF": b"%PDF", "Excel": b"\xd0\xcf\x11\xe0"}
TABLES = [
    *(_cell(f"score {formula!r}", SCORE, formula) for formula in FORMULAS),
    *(_cell(f"skill {formula!r}", SKILL, formula) for formula in FORMULAS[:4]),
    *(_cell(f"day {formula!r}", DAY, formula) for formula in FORMULAS[:4]),
    *(_cell(f"score {score[:8]!r}", SCORE, score)
      for score in ("NaN", "1e400", "101", "-1", "1" * 1000, MARK, "٨٨", "88.1234567890123")),
    *(_cell(f"day {day!r}", DAY, day)
      for day in ("0000-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "09/10/2026", "46275", MARK)),
    _cell("no score", SCORE, ""),
    _cell("no day", DAY, ""),
    _cell("no skill", SKILL, ""),
    _cell("an unknown skill", SKILL, MARK),
    _cell("NUL in a cell", MARK, f"{MARK}\0"),
    _cell("DEL in a cell", MARK, f"{MARK}\x7f"),
    _cell("a cell of 20,000 characters", MARK, MARK * 2000),
    _text("no learner", lambda text: text.replace(f"\n{STUDENT},".encode(), b"\n,")),
    _text("no record key", lambda text: re.sub(rb",t-[^,]*,", b",,", text)),
    _cell("a cell too many", DAY, f"{DAY},{MARK}", at_field=False),
    _cell("a cell too few", f"{DAY},{SCORE}", DAY, at_field=False),
    _text("a cell of 200 KB", lambda text: text.replace(PLANTED, PLANTED * 18_000)),
    _text("a million columns", lambda text: b"a," * 1_000_000 + b"\n" + text),
    _text("a million columns of no name", lambda text: b"," * 1_000_000 + b"\n" + text),
    _text("1,001 columns", lambda text: text.replace(b"\n", b"".join(b",c%d" % n for n in range(1000)) + b"\n", 1)),
    _text("a row of a million cells", _second_row(b"a," * 1_000_000)),
    _text("a line of 3 MB", _second_row(PLANTED * 300_000)),
    _text("a quote that never closes", lambda text: text.replace(PLANTED, b'"' + PLANTED)),
    _text("a quote in the middle", lambda text: text.replace(PLANTED, b'"' + PLANTED + b'"x')),
    _text("a quote over 2 MB", lambda text: text.replace(PLANTED, b'"' + b"\n" * 2_000_000)),
    _text("empty", lambda text: b""),
    _text("blank", lambda text: b"\n" * 1000),
    _text("no header", lambda text: text.partition(b"\n")[2]),
    _text("a column twice", lambda text: text.replace(b"Note", b"Skill", 1)),
    _text("a column missing", lambda text: text.replace(b"Score", b"Points", 1)),
    _text("NUL in the header", lambda text: text.replace(b"Note", b"No\0te", 1)),
    _text("a byte that is not UTF-8", lambda text: text.replace(PLANTED, PLANTED + b"\xe9")),
    _text("a byte that is not UTF-8 in the header", lambda text: text.replace(b"Note", b"Not\xe9", 1)),
    _text("half of it in UTF-16", _wide),
    _text("a byte order mark of UTF-16 before UTF-8", lambda text: b"\xff\xfe" + text),
    _text("a byte order mark of UTF-8 before UTF-16", lambda text: b"\xef\xbb\xbf" + text.decode().encode("utf-16-le")),
    _text("a byte order mark within", lambda text: text.replace(SCORE.encode(), b"\xef\xbb\xbf" + SCORE.encode())),
    _text("UTF-16 without its mark", lambda text: text.decode().encode("utf-16-le")),
    _text("UTF-32", lambda text: text.decode().encode("utf-32")),
    _text("half a character", lambda text: text.decode().encode("utf-16").replace(b"8\x008\x00", b"8\0\0\xd8")),
    _text("EBCDIC", lambda text: text.decode().encode("cp037")),
    _typed("said to be UTF-7", "text/csv; charset=utf-7"),
    _typed("said to be of no charset there is", f"text/csv; charset={MARK}"),
    _typed("said to be UTF-16", "text/csv; charset=utf-16"),
    *(_text(f"not CSV but {name}", lambda text, magic=magic: magic + text) for name, magic in OTHER_KINDS.items()),  # type: ignore[misc]
    _text("HTML", lambda text: b"<html><table><tr><td>" + PLANTED + b"</td></tr></table></html>"),
    Particular("table: key too long", _keyed),
]  # fmt: skip
assert table_row("x").count(",") == HEADER.count(",")
