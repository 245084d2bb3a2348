"""The frameworks and scales a claim is checked against, as mastery published them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from services.ingest.domain.claims import Fault


@dataclass(frozen=True, slots=True)
class Competency:
    """One item of a framework: `identifier` is the CASE CFItem's, `code` its human coding scheme."""

    framework: str
    identifier: str
    code: str
    assessable: bool = True


@dataclass(frozen=True, slots=True)
class Scale:
    """Ordered level codes or a range of scores (both ends included), and codes that are states, never values."""

    id: str
    version: int
    levels: frozenset[str] = frozenset()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    not_values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The latest version of each document; build it with `of`, once for each change of the tables."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    by_name: Mapping[str, tuple[Competency, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, competencies: Iterable[Competency], scales: Iterable[Scale]) -> "Catalogue":
        """Index competencies by identifier and by code (the same name may mean several, in different frameworks)."""
        by_name: dict[str, tuple[Competency, ...]] = {}
        for competency in competencies:
            for name in {competency.identifier, competency.code, f"urn:uuid:{competency.identifier}"}:
                by_name[name] = (*by_name.get(name, ()), competency)
        return cls({scale.id: scale for scale in scales}, by_name)

    def resolve(self, name: str, framework: str | None = None) -> Competency | Fault:
        """The one assessable competency of this identifier or code; a framework decides between namesakes."""
        named = self.by_name.get(name, ())
        found = named if framework is None else tuple(item for item in named if item.framework == framework)
        if not found:
            return Fault("unknown-competency", "", "no published framework has this competency")
        if len(found) > 1:
            return Fault("ambiguous-competency", "", "several published frameworks have it; the mapping names none")
        if not found[0].assessable:
            return Fault("competency-not-assessable", "", "its framework says it is a heading, not to be assessed")
        return found[0]

    def scale(self, name: str) -> Scale | Fault:
        """The scale of this id."""
        return self.scales.get(name) or Fault("unknown-scale", "", "no scale of this id is published")
