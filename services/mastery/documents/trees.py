"""Requirement trees of a policy document: names resolved, cycles refused, dependencies first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from services.mastery.documents.canonical import refuse
from services.mastery.documents.policy import Requirement as RequirementDocument
from services.mastery.domain.rules import Group, Leaf, Node, Requirement
from services.runtime.problems import pointer_to

NESTING_MAX = 32
Documents = Mapping[str, RequirementDocument]
Children = tuple[RequirementDocument, ...]
Rule = Literal["all_of", "any_of", "k_of"]
Mark = Callable[[str, str, str], Fraction]  # code, mark, pointer


@dataclass(slots=True)
class Trees:
    """Compiled requirements, dependencies first; for each the leaves it rests on; for each code what rests on it."""

    requirements: dict[str, Requirement] = field(default_factory=dict)
    rests_on: dict[str, tuple[Leaf, ...]] = field(default_factory=dict)
    above: dict[str, tuple[str, ...]] = field(default_factory=dict)


def compile_trees(documents: Documents, codes: Iterable[str], mark: Mark) -> Trees:
    """The requirement trees of a policy."""
    codes = list(codes)
    for name in documents:
        if name in codes:
            raise refuse(pointer_to(("requirements", name)), "a competency has this name")
    trees = Trees()
    for name in _in_order(documents):
        requirement = _Compiler(documents, codes, mark).compile(documents[name], ("requirements", name))
        trees.requirements[name] = requirement
        trees.rests_on[name] = tuple(dict.fromkeys(_leaves(requirement, trees.rests_on)))
    for code in codes:
        resting = (name for name, leaves in trees.rests_on.items() if any(leaf.code == code for leaf in leaves))
        trees.above[code] = tuple(resting)
    return trees


def _in_order(documents: Documents) -> list[str]:
    """Depth first, each after those it names; naming itself, however far round, is refused."""
    depths: dict[str, int] = {}
    for name in documents:
        _visit(name, documents, depths, ())
    return list(depths)


def _visit(name: str, documents: Documents, depths: dict[str, int], path: tuple[str, ...]) -> int:
    """The depth of a requirement: one more than the deepest it names."""
    pointer = pointer_to(("requirements", path[-1] if path else name))
    if name not in documents:
        raise refuse(pointer, "rests on a requirement that is not there")
    if name in path:
        raise refuse(pointer, "requirements rest on one another in a circle")
    if name in depths:
        return depths[name]
    below = 0
    if len(path) < NESTING_MAX:
        below = max((_visit(n, documents, depths, (*path, name)) for n in _named(documents[name])), default=0)
    if len(path) >= NESTING_MAX or below >= NESTING_MAX:
        raise refuse(pointer, f"requirements rest on one another more than {NESTING_MAX} deep")
    depths[name] = below + 1
    return below + 1


def _named(document: RequirementDocument) -> Iterator[str]:
    if document.node is not None:
        yield document.node
    for child in document.all_of or document.any_of or document.of or ():
        yield from _named(child)


def _leaves(requirement: Requirement, below: Mapping[str, tuple[Leaf, ...]]) -> Iterator[Leaf]:
    match requirement:
        case Leaf():
            yield requirement
        case Node(name):
            yield from below[name]
        case Group(_, _, children):
            for child in children:
                yield from _leaves(child, below)


@dataclass(frozen=True, slots=True)
class _Compiler:
    documents: Documents
    codes: list[str]
    mark: Mark

    def compile(self, document: RequirementDocument, path: tuple[object, ...]) -> Requirement:
        if document.node is not None:
            return Node(document.node)
        if document.leaf is not None:
            return self._leaf(document.leaf, document.at_least, path)
        if document.all_of is not None:
            return self._group("all_of", len(document.all_of), document.all_of, (*path, "all_of"))
        if document.any_of is not None:
            return self._group("any_of", 1, document.any_of, (*path, "any_of"))
        return self._group("k_of", document.k_of or 0, document.of or (), (*path, "from"))  # the schema wants both

    def _leaf(self, code: str, at_least: str | None, path: tuple[object, ...]) -> Leaf:
        if code not in self.codes:
            raise refuse(pointer_to((*path, "leaf")), "the policy does not say how this competency is judged")
        return Leaf(code, None if at_least is None else self.mark(code, at_least, pointer_to((*path, "at_least"))))

    def _group(self, rule: Rule, need: int, children: Children, path: tuple[object, ...]) -> Group:
        parts = tuple(self.compile(child, (*path, at)) for at, child in enumerate(children))
        if len(set(parts)) != len(parts):
            raise refuse(pointer_to(path), "the same part twice would count twice")
        return Group(rule, need, parts)
