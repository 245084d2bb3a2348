"""XML as a stream of its root's children: no document type, so no entities; depth, tags, text and parts are bounded."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from services.ingest.formats.zip_package import PackageRefused, PackageTooLarge

DEPTH_MAX: Final = 32
TAG_BYTES_MAX: Final = 64 * 1024  # of a start tag with its attributes, a comment or an instruction
ATTRIBUTES_MAX: Final = 32
TEXT_CHARACTERS_MAX: Final = 16_000  # of one element
PARTS_MAX: Final = 20_000  # elements within one child of the root
ENCODINGS: Final = frozenset({None, "utf-8", "us-ascii"})
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SEPARATOR: Final = "\n"  # between namespace and name; in neither


class XmlRefused(PackageRefused):
    """The file is not well-formed XML in UTF-8 without a document type."""


@dataclass(slots=True)
class Element:
    """An element by its local name and the line it begins on; attributes are not kept."""

    name: str
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""


class XmlReader:
    """Reads one document, piece by piece; `root` is the root's namespace and name once it was seen."""

    def __init__(self, root: re.Pattern[str]) -> None:
        self._wanted = root
        self._namespace = ""
        self._skipped = 0  # how deep within an element of another namespace
        self._open: list[Element] = []
        self._text: list[str] = []
        self._characters = self._parts = 0
        self._done: list[Element] = []
        self._parser = self._made()

    def read(self, chunks: Iterable[bytes]) -> Iterator[Element]:
        """Each child of the root as soon as it has ended; elements of other namespaces than the root's are left out."""
        fed = 0
        for chunk in chunks:
            if not fed and chunk.startswith(UTF_16):  # which the parser would read, whatever it was told
                raise XmlRefused("UTF-8 is wanted")
            fed += len(chunk)
            self._feed(chunk)
            if fed - self._parser.CurrentByteIndex > TAG_BYTES_MAX + len(chunk):
                raise self._refused("a tag or a comment is too long")
            yield from self._ended()
        self._feed(b"", last=True)
        yield from self._ended()

    def _made(self) -> Any:
        parser = expat.ParserCreate("utf-8", SEPARATOR)
        parser.buffer_text, parser.ordered_attributes = True, True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._characters_of
        return parser

    def _feed(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise XmlRefused(f"not well-formed, or not UTF-8: line {error.lineno}, column {error.offset + 1}") from None

    def _ended(self) -> list[Element]:
        ended, self._done = self._done, []
        return ended

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if (encoding.lower() if encoding else None) not in ENCODINGS:
            raise self._refused("declared in another encoding than UTF-8")

    def _doctype(self, *_: object) -> None:
        raise self._refused("a document type, with which entities could come, is not taken")

    def _start(self, qualified: str, attributes: list[str]) -> None:
        namespace, _, name = qualified.rpartition(SEPARATOR)
        if not self._namespace:
            self._begin(namespace, name)
        if len(attributes) > 2 * ATTRIBUTES_MAX:
            raise self._refused(f"an element has more than {ATTRIBUTES_MAX} attributes")
        if len(self._open) + self._skipped >= DEPTH_MAX:
            raise self._refused(f"more than {DEPTH_MAX} elements deep")
        if self._skipped or namespace != self._namespace:
            self._skipped += 1
            return
        self._parts = self._parts + 1 if len(self._open) > 1 else 1
        if self._parts > PARTS_MAX:
            raise PackageTooLarge(f"more than {PARTS_MAX} elements within one, at line {self._line()}")
        self._text, self._characters = [], 0
        self._open.append(Element(name, self._line()))

    def _begin(self, namespace: str, name: str) -> None:
        if self._wanted.fullmatch(f"{namespace} {name}") is None:
            raise self._refused("the root element is not one that is read here")
        self._namespace = namespace

    def _end(self, _: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        ended = self._open.pop()
        if not ended.children:
            ended.text = "".join(self._text).strip()
        self._text = []
        if len(self._open) > 1:
            self._open[-1].children.append(ended)
        elif self._open:
            self._done.append(ended)

    def _characters_of(self, text: str) -> None:
        if self._skipped or len(self._open) < 2:
            return
        self._characters += len(text)
        if self._characters > TEXT_CHARACTERS_MAX:
            raise PackageTooLarge(f"more than {TEXT_CHARACTERS_MAX} characters in an element, at line {self._line()}")
        self._text.append(text)

    def _line(self) -> int:
        line: int = self._parser.CurrentLineNumber
        return line

    def _refused(self, detail: str) -> XmlRefused:
        return XmlRefused(f"{detail}: line {self._line()}")
