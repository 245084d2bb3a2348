"""A document to RDF quads, through our term tables: strict, so that nothing in it stays outside the signature.

This is JSON-LD for one shape of document: contexts only at the top and only known ones, no keywords, no
`null`, no floats, no lists in lists, no blank node ids. Whatever else stands there is refused with a pointer.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.credentials.formats.terms import CONTEXTS, OB_XSD, REFERENCE, XSD, Context, Kind, Term
from services.credentials.signing.errors import NotSignable

RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
NODES_MAX = 4_000
DEPTH_MAX = 24
INTEGER_MAX = 2**53
BOOLEANS = frozenset({XSD + "boolean", OB_XSD + "boolean"})

# printable ASCII without what N-Quads would have to escape: every reader sorts and writes it alike
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~]*")
_ODD_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NEEDS_ESCAPE = re.compile(r'[\\"\t\n\r]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r"}

Quad = tuple[str, str, str]  # subject, predicate, object as N-Quads writes them; always the default graph


def to_quads(document: Mapping[str, object], contexts: Mapping[str, Context] = CONTEXTS) -> list[Quad]:
    """Every statement the document makes, blank nodes labelled in order of appearance, no statement twice."""
    active = _active(document.get("@context"), contexts)
    walk = _Walk(active)
    walk.node({key: value for key, value in document.items() if key != "@context"}, "", 0)
    return list(dict.fromkeys(walk.quads))


def check_context(value: object, contexts: Mapping[str, Context] = CONTEXTS) -> tuple[str, ...]:
    """The context URLs in order: known ones, each once."""
    if not isinstance(value, list) or not value:
        raise NotSignable("context-missing", "/@context")
    for place, url in enumerate(value):
        if not isinstance(url, str) or url not in contexts or url in value[:place]:
            raise NotSignable("context-not-known", f"/@context/{place}")
    return tuple(value)


@dataclass(frozen=True, slots=True)
class _Active:
    """The terms and types in force: those of the contexts in order, a later one over an earlier."""

    terms: Mapping[str, Term]
    kinds: Mapping[str, Kind]


def _active(value: object, contexts: Mapping[str, Context]) -> _Active:
    urls = check_context(value, contexts)
    return _merged(urls) if contexts is CONTEXTS else _merge(urls, contexts)


@lru_cache(maxsize=8)
def _merged(urls: tuple[str, ...]) -> _Active:
    return _merge(urls, CONTEXTS)


def _merge(urls: tuple[str, ...], contexts: Mapping[str, Context]) -> _Active:
    terms: dict[str, Term] = {}
    kinds: dict[str, Kind] = {}
    for url in urls:
        terms |= contexts[url].terms
        kinds |= contexts[url].kinds
    return _Active(terms, kinds)


class _Walk:
    """One pass over one document."""

    def __init__(self, active: _Active) -> None:
        self.active = active
        self.quads: list[Quad] = []
        self.nodes = 0
        self.blank = 0

    def node(self, node: Mapping[str, object], path: str, depth: int) -> str:
        """Record what the node says; its subject, for whoever refers to it."""
        self.nodes += 1
        if self.nodes > NODES_MAX or depth > DEPTH_MAX:
            raise NotSignable("too-complex", path)
        if not node:
            raise NotSignable("empty-object", path)
        subject = self._subject(node, path)
        terms = self._types(node, subject, path)
        for name, value in node.items():
            if name not in {"id", "type"}:
                self._property(subject, terms, name, value, f"{path}/{name}", depth)
        return subject

    def _subject(self, node: Mapping[str, object], path: str) -> str:
        if "id" in node:
            return iri(node["id"], f"{path}/id")
        self.blank += 1
        return f"_:b{self.blank - 1}"

    def _types(self, node: Mapping[str, object], subject: str, path: str) -> Mapping[str, Term]:
        """Record the node's types; the terms that have a meaning on it (types apply in the order of their names)."""
        if "type" not in node:
            return self.active.terms
        terms = dict(self.active.terms)
        for name in sorted(self._type_names(node["type"], f"{path}/type")):
            kind = self.active.kinds[name]
            terms.update(kind.terms)
            self.quads.append((subject, RDF_TYPE, f"<{kind.iri}>"))
        return terms

    def _type_names(self, value: object, path: str) -> list[str]:
        names: list[Any] = value if isinstance(value, list) else [value]
        if not names:
            raise NotSignable("empty-array", path)
        for name in names:
            if not isinstance(name, str) or name not in self.active.kinds:
                raise NotSignable("type-not-defined", path)
        return names

    def _property(
        self, subject: str, terms: Mapping[str, Term], name: str, value: object, path: str, depth: int
    ) -> None:
        term = terms.get(name)
        if term is None:
            raise NotSignable("term-not-defined", path)
        predicate = f"<{term.iri}>"
        for item, place in _items(value, path):
            found = self.node(item, place, depth + 1) if isinstance(item, dict) else _value(term, item, place)
            self.quads.append((subject, predicate, found))


def _items(value: object, path: str) -> Iterator[tuple[object, str]]:
    if not isinstance(value, list):
        yield value, path
        return
    if not value:
        raise NotSignable("empty-array", path)
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) > 1 and not all(map(str.isascii, texts)):  # readers sort such a set apart (by unit, by point)
        raise NotSignable("text-many-and-not-ascii", path)
    for place, item in enumerate(value):
        yield item, f"{path}/{place}"


def _value(term: Term, value: object, path: str) -> str:
    if term.words is not None:
        return _word(term.words, value, path)
    if term.kind == REFERENCE:
        return iri(value, path)
    if isinstance(value, str):
        if term.kind in BOOLEANS:
            raise NotSignable("value-not-of-its-type", path)
        return _literal(value, term.kind, path)
    if isinstance(value, bool) and (term.kind is None or term.kind in BOOLEANS):
        return f'"{str(value).lower()}"^^<{term.kind or XSD + "boolean"}>'
    if isinstance(value, int) and not isinstance(value, bool) and term.kind is None and abs(value) <= INTEGER_MAX:
        return f'"{value}"^^<{XSD}integer>'
    raise NotSignable("value-not-signable", path)


def _word(words: Mapping[str, str], value: object, path: str) -> str:
    if not isinstance(value, str) or value not in words:
        raise NotSignable("term-not-defined", path)
    return f"<{words[value]}>"


def _literal(text: str, datatype: str | None, path: str) -> str:
    if _ODD_CHARACTER.search(text):
        raise NotSignable("control-character", path)
    if _NEEDS_ESCAPE.search(text):
        text = _NEEDS_ESCAPE.sub(lambda found: _ESCAPES[found.group()], text)
    return f'"{text}"^^<{datatype}>' if datatype else f'"{text}"'


def iri(value: object, path: str) -> str:
    """An absolute IRI in printable ASCII, as N-Quads writes it."""
    if not isinstance(value, str) or not _IRI.fullmatch(value):
        raise NotSignable("not-an-absolute-iri", path)
    return f"<{value}>"
