"""RDF Dataset Canonicalization (RDFC-1.0) of quads in the default graph, with a bound on its work.

Blank nodes that differ in their own statements are labelled in the order of the hashes of those; only the
others need the costly n-degree hashes, which poison graphs can drive to factorial work: hence the budget.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations

from services.credentials.signing.errors import NotSignable
from services.credentials.signing.quads import Quad

WORK_MAX = 20_000  # blank nodes visited while trying paths; an honest credential needs none


def canonical_nquads(quads: Sequence[Quad]) -> str:
    """The canonical N-Quads document: one sorted line a quad."""
    names = _Canonical(quads).names()
    lines = {_line(quad, names) for quad in quads}
    return "".join(sorted(lines))


def _line(quad: Quad, names: dict[str, str]) -> str:
    subject, predicate, value = quad
    return f"{names.get(subject, subject)} {predicate} {names.get(value, value)} .\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Issuer:
    """Hands out labels in the order they are asked for."""

    def __init__(self, prefix: str, names: dict[str, str] | None = None) -> None:
        self.prefix = prefix
        self.names = dict(names or {})

    def issue(self, blank: str) -> str:
        return self.names.setdefault(blank, f"{self.prefix}{len(self.names)}")

    def copy(self) -> "_Issuer":
        return _Issuer(self.prefix, self.names)


class _Canonical:
    """The canonicalization state: quads by blank node, first-degree hashes, labels issued, work done."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self.quads_of: dict[str, list[Quad]] = defaultdict(list)
        for quad in quads:
            for blank in {part for part in (quad[0], quad[2]) if part.startswith("_:")}:
                self.quads_of[blank].append(quad)
        self.first = {blank: self._first_degree(blank) for blank in self.quads_of}
        self.issuer = _Issuer("_:c14n")
        self.work = 0

    def names(self) -> dict[str, str]:
        """The canonical label of every blank node."""
        by_hash: dict[str, list[str]] = defaultdict(list)
        for blank, digest in self.first.items():
            by_hash[digest].append(blank)
        alike = []
        for digest in sorted(by_hash):
            if len(by_hash[digest]) == 1:
                self.issuer.issue(by_hash[digest][0])
            else:
                alike.append(by_hash[digest])
        for group in alike:
            self._label(group)
        return self.issuer.names

    def _label(self, group: list[str]) -> None:
        """Blank nodes whose own statements are alike: labelled in the order of their n-degree hashes."""
        found = []
        for blank in group:
            if blank not in self.issuer.names:
                issuer = _Issuer("_:b")
                issuer.issue(blank)
                found.append(self._n_degree(blank, issuer))
        for _, issuer in sorted(found, key=lambda result: result[0]):
            for blank in issuer.names:
                self.issuer.issue(blank)

    def _first_degree(self, blank: str) -> str:
        names = dict.fromkeys(self._blanks(blank), "_:z") | {blank: "_:a"}
        return _digest("".join(sorted(_line(quad, names) for quad in self.quads_of[blank])))

    def _blanks(self, blank: str) -> set[str]:
        return {part for quad in self.quads_of[blank] for part in (quad[0], quad[2]) if part.startswith("_:")}

    def _n_degree(self, blank: str, issuer: _Issuer) -> tuple[str, _Issuer]:
        said = []
        related = self._related(blank, issuer)
        for digest in sorted(related):
            path, issuer = self._shortest(related[digest], issuer)
            said.append(digest + path)
        return _digest("".join(said)), issuer

    def _related(self, blank: str, issuer: _Issuer) -> dict[str, list[str]]:
        """The blank nodes beside this one, by a hash of where they stand."""
        found: dict[str, list[str]] = defaultdict(list)
        for subject, predicate, value in self.quads_of[blank]:
            for position, other in (("s", subject), ("o", value)):
                if other.startswith("_:") and other != blank:
                    label = self.issuer.names.get(other) or issuer.names.get(other) or self.first[other]
                    found[_digest(position + predicate + label)].append(other)
        return found

    def _shortest(self, blanks: list[str], issuer: _Issuer) -> tuple[str, _Issuer]:
        """The least path over every order of these blank nodes, and the labels it issued."""
        chosen, chosen_issuer = "", issuer
        for order in permutations(blanks):
            self._spend(len(order))
            path, path_issuer = self._path(order, issuer.copy(), chosen)
            if path is not None and (not chosen or path < chosen):
                chosen, chosen_issuer = path, path_issuer
        return chosen, chosen_issuer

    def _path(self, order: Sequence[str], issuer: _Issuer, chosen: str) -> tuple[str | None, _Issuer]:
        """The path in this order; None as soon as it is longer and greater than the one chosen."""
        path, unseen = "", []
        for other in order:
            if other in self.issuer.names:
                path += self.issuer.names[other]
            else:
                if other not in issuer.names:
                    unseen.append(other)
                path += issuer.issue(other)
            if _worse(path, chosen):
                return None, issuer
        for other in unseen:
            digest, deeper = self._n_degree(other, issuer)
            path += f"{issuer.issue(other)}<{digest}>"
            issuer = deeper
            if _worse(path, chosen):
                return None, issuer
        return path, issuer

    def _spend(self, work: int) -> None:
        self.work += work
        if self.work > WORK_MAX:
            raise NotSignable("too-complex")


def _worse(path: str, chosen: str) -> bool:
    return bool(chosen) and len(path) >= len(chosen) and path > chosen
