"""One learner reckoned again, fact by fact, with the ledger's own arithmetic: which thresholds must be crossed when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

from tests.simulation.school import OWNERS, policy_document
from tests.support.ledger.book import Piece
from tests.support.ledger.policy import Policy, read_policy
from tests.support.ledger.reckoning import requirements, standings

INSTANT = timedelta(microseconds=1)
BEGINNING = datetime.min.replace(tzinfo=UTC)
CAUSES = {"evidence-accepted": "evidence", "evidence-revised": "correction", "evidence-retracted": "retraction"}


class WronglyJudged(AssertionError):
    """Mastery crossed a threshold that is none, or did not cross one that is."""


@dataclass(frozen=True)
class Held:
    """A piece of evidence in force, as mastery holds it."""

    id: str
    counted: tuple[str, str, str, str, str]
    piece: Piece


@dataclass(frozen=True)
class Threshold:
    """A threshold as recorded."""

    id: str
    kind: str
    policy: str
    node: str
    cycle: int
    cause: str
    evidence: frozenset[str]
    at: datetime
    merged_with: str | None
    effective_at: datetime
    valid_until: datetime | None


@cache
def compiled(policy: str, version: int) -> Policy:
    return read_policy(policy_document(policy, version), Fraction(60))


@dataclass
class Learner:
    """What is known of one learner so far, where every node stands, and what is still owed."""

    name: str
    pieces: dict[str, Held] = field(default_factory=dict)
    everything: list[str] = field(default_factory=list)
    adopted: list[tuple[int, str, int, datetime]] = field(default_factory=list)
    enrolled: dict[str, dict[str, Any]] = field(default_factory=dict)
    as_of: datetime = BEGINNING
    recorded_at: datetime = BEGINNING
    stands: dict[tuple[str, str], tuple[bool, int]] = field(default_factory=dict)
    owed: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    thresholds: list[Threshold] = field(default_factory=list)
    judged: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # by which rules, on what, as of when, last
    judges: dict[str, Policy] = field(default_factory=dict)  # at the latest instant

    def told(self, envelope: dict[str, Any], at: datetime) -> None:
        """Something ingest said."""
        occurred = datetime.fromisoformat(envelope.get("occurredat") or envelope["time"])
        self._begins(at, occurred)
        kind, said = envelope["type"].split(".")[-2], envelope["said"]
        gone = said.get("revises") or said.get("retracts")
        if gone is not None and self.pieces.pop(gone, None) is None:
            raise WronglyJudged(f"{self.name}: {kind} names evidence {gone}, which is not in force")
        if said.get("moved_to"):  # who sent it is told of the piece in its place
            self.everything.remove(gone)
        if "content" in said:
            self.everything.append(envelope["id"])
            self.pieces[envelope["id"]] = _held(envelope["id"], said["content"], occurred)
        if "enrolment" in said:
            self.enrolled[said["enrolment"]["id"]] = said["enrolment"]
            self._settle("policy")
        if kind in CAUSES:
            self._settle("merge" if said.get("moved_from") or said.get("moved_to") else CAUSES[kind])

    def adopts(self, said: dict[str, Any], at: datetime) -> None:
        """A policy version comes into force."""
        self._begins(at, at)
        effective = datetime.fromisoformat(said["effective_from"])
        self.adopted = sorted([*self.adopted, (said["control_seq"], said["policy"], said["version"], effective)])
        self._settle("policy")

    def crosses(self, kind: str, said: dict[str, Any], at: datetime) -> None:
        """A threshold mastery recorded: it must be owed."""
        self._comes(datetime.fromisoformat(said["effective_at"]), at)
        evidence = frozenset(said["evidence"])
        found = (said["policy"], said["node"], kind, said["cycle"], said["cause"], evidence)
        if at != self.recorded_at or not self.owed[found]:
            raise WronglyJudged(f"{self.name}: {found} at {at}; owed {self.owed} at {self.recorded_at}")
        self.owed -= Counter([found])
        ends = datetime.fromisoformat(said["valid_until"]) if said.get("valid_until") else None
        if kind == "requirement-met":
            self._check_end(said["policy"], said["node"], ends)
        more = (evidence, at, said.get("merged_with"), datetime.fromisoformat(said["effective_at"]), ends)
        self.thresholds.append(Threshold(said["id"], kind, *found[:2], said["cycle"], said["cause"], *more))

    def _check_end(self, policy: str, node: str, ends: datetime | None) -> None:
        """It is met until then at every instant at which something is too old, and not an instant longer."""
        rules, pieces = self.judges[policy], [held.piece for held in self.pieces.values()]
        ages = {rule.max_age for rule in rules.rules.values() if rule.max_age is not None}
        moves = {datetime.fromisoformat(piece.at) + age + INSTANT for piece in pieces for age in ages}
        for at in sorted(at for at in moves if at > self.as_of):
            met = requirements(rules, pieces, at)[node] == "met"
            if met != (ends is None or at <= ends):
                raise WronglyJudged(f"{self.name}: {policy}/{node} is said to last until {ends}: {met} at {at}")
            if not met:
                return

    def ends(self) -> None:
        if self.owed:
            raise WronglyJudged(f"{self.name}: never recorded {self.owed}")

    def rests(self, now: datetime) -> None:
        """Nothing is owed, nor has any instant up to now crossed something that was not recorded."""
        if now > self.as_of:
            self._pass(now)
        self.ends()

    def _comes(self, instant: datetime, at: datetime) -> None:
        """An instant at which time alone crosses something, before anybody says more; see `_begins` for the others."""
        if instant > self.as_of:
            self._pass(instant)
            self.recorded_at = at

    def _begins(self, at: datetime, occurred: datetime) -> None:
        self._pass(max(self.as_of, at, occurred))
        self.ends()  # what came by then was recorded before it
        self.recorded_at = at

    def _pass(self, instant: datetime) -> None:
        """Whoever began to judge meanwhile crossed nothing by that, or it would have been recorded."""
        changes = [at for *_, at in self.adopted]
        for enrolment in self.enrolled.values():
            begins, ends = enrolment.get("begins_on"), enrolment.get("ends_on")
            changes += [_midnight(begins)] if begins else []
            changes += [_midnight(ends) + timedelta(days=1)] if ends else []
        for at in [*sorted(at for at in changes if self.as_of < at < instant), instant]:
            self.ends()
            self.as_of = at
            self._settle("time")

    def _settle(self, cause: str) -> None:
        judged_by, self.judges = self.judges, self._judging()
        for policy, rules in self.judges.items():
            ages = any(rule.max_age is not None for rule in rules.rules.values())
            judged = (id(rules), tuple(self.pieces), self.as_of if ages else None)
            if self.judged.get(policy) == judged:
                continue  # the same pieces by the same rules stand where they stood
            self.judged[policy] = judged
            cause_here = "policy" if cause == "time" and judged_by.get(policy) is not rules else cause
            pieces = [held.piece for held in self.pieces.values()]
            stands = standings(rules, pieces, self.as_of)
            counted = {code: frozenset(standing.counted) for code, standing in stands.items()}
            for code, standing in stands.items():
                self._cross(policy, code, standing.result == "met", True, cause_here, counted[code])
            for node, result in requirements(rules, pieces, self.as_of).items():
                self._cross(policy, node, result == "met", False, cause_here, self._of(rules, node, counted))

    def _of(self, rules: Policy, node: str, counted: dict[str, frozenset[str]]) -> frozenset[str]:
        leaves = [part for tree in rules.requirements[node].parts for part in _leaves(tree)]
        return frozenset(e for leaf in leaves for e in counted[leaf])

    def _cross(self, policy: str, node: str, met: bool, level: bool, cause: str, evidence: frozenset[str]) -> None:
        was, cycle = self.stands.get((policy, node), (False, 0))
        if met == was:
            return
        cycle += met
        self.stands[policy, node] = (met, cycle)
        kinds = ("level-reached", "level-lost") if level else ("requirement-met", "requirement-lapsed")
        self.owed[policy, node, kinds[not met], cycle, cause, evidence] += 1

    def _judging(self) -> dict[str, Policy]:
        """The last activation of each policy that is in effect, where the learner is enrolled."""
        effective = {policy: version for _, policy, version, at in self.adopted if at <= self.as_of}
        return {policy: compiled(policy, version) for policy, version in effective.items() if self._applies(policy)}

    def _applies(self, policy: str) -> bool:
        day = self.as_of.date().isoformat()
        return policy not in OWNERS or any(
            said["organisation"] == OWNERS[policy]
            and (said.get("begins_on") or day) <= day <= (said.get("ends_on") or day)
            for said in self.enrolled.values()
        )


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _leaves(tree: Any) -> Iterable[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for part in tree.parts:
            yield from _leaves(part)


def _held(id_: str, content: dict[str, Any], occurred: datetime) -> Held:
    rating, code = content["rating"], content["competency"]["code"]
    when = occurred.astimezone(UTC).isoformat(timespec="microseconds")
    source = content["source"].partition(".")[2]
    counted = (source, content["activity"]["artifact"], code, rating["score"], occurred.astimezone(UTC).isoformat())
    return Held(id_, counted, Piece(id_, "", code, Fraction(rating["score"]), when))
