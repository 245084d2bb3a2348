"""The frameworks and scales a claim is checked against, as mastery published them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from services.ingest.domain.claims import Claim, Fault


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
    """The latest version of each document; built with `of` once for each change."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    by_name: Mapping[str, tuple[Competency, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, competencies: Iterable[Competency], scales: Iterable[Scale]) -> "Catalogue":
        """Index by identifier (bare, or as OneRoster's CSV writes it) and by code; one name may mean several items."""
        by_name: dict[str, list[Competency]] = {}
        for competency in competencies:
            for name in {competency.identifier, f"urn:uuid:{competency.identifier}", competency.code}:
                by_name.setdefault(name, []).append(competency)
        return cls({scale.id: scale for scale in scales}, {name: tuple(found) for name, found in by_name.items()})

    def competency(self, claim: Claim) -> Competency | Fault:
        """The one assessable competency the claim names; a framework decides between namesakes."""
        named = self.by_name.get(claim.competency, ())
        found = named if claim.framework is None else [item for item in named if item.framework == claim.framework]
        if not found:
            return claim.fault("competency", "unknown-competency", "no published framework has it")
        if len(found) > 1:
            return claim.fault("competency", "ambiguous-competency", "several published frameworks have it")
        if not found[0].assessable:
            return claim.fault("competency", "competency-not-assessable", "its framework says it is only a heading")
        return found[0]

    def scale(self, claim: Claim) -> Scale | Fault:
        """The scale the claim names."""
        return self.scales.get(claim.scale) or claim.fault("scale", "unknown-scale", "no such scale is published")
