"""Every award against the thresholds it rests on: made, handed on, revoked or kept as they say, and nothing beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.simulation.books import Book
from tests.simulation.promises import must
from tests.simulation.reckoned import Learner, Threshold

RULES = {  # achievement -> requirement, causes of a lapse that revoke without a person
    "badge": (("work", "work-ready"), {"retraction", "correction"}),
    "diploma": (("work", "work-ready"), set()),
    "safe": (("safety", "safe"), {"retraction"}),
}
AGAIN = {"award-transferred", "revocation-proposed"}  # steps an award may take more than once
Step = tuple[str, dict[str, Any]]


@dataclass
class Answers:
    """What an award answers to: whose meeting of the requirement, and what happened since it does."""

    achievement: str
    learner: str
    met: Threshold
    history: list[tuple[str, str]] = field(default_factory=list)  # achievement and threshold, of old too
    since: dict[str, dict[str, Any]] = field(default_factory=dict)


class Awards:
    """The credential service's book against mastery's thresholds."""

    def __init__(self, book: Book, learners: Mapping[str, Learner], defined: set[str], defined_first: set[str]) -> None:
        self._book, self._defined, self._defined_first = book, defined, defined_first
        self._met: dict[str, tuple[str, Threshold]] = {}
        self._lapsed: dict[tuple[str, str, str, int], Threshold] = {}
        for name, learner in learners.items():
            for threshold in learner.thresholds:
                if threshold.kind == "requirement-met":
                    self._met[threshold.id] = (name, threshold)
                elif threshold.kind == "requirement-lapsed":
                    self._lapsed[name, threshold.policy, threshold.node, threshold.cycle] = threshold
        self._streams = book.streams()

    def check(self) -> None:
        made, found = Counter[tuple[str, str]](), set[tuple[str, str]]()
        kinds = Counter[str]()
        for id_, learner, holder, standing in self._book.rows("SELECT id, learner, holder, standing FROM award"):
            name = str(UUID(bytes=learner))
            steps = [(row.name, row.plain(name, str(UUID(bytes=id_)))) for row in self._streams[id_]]
            answers = self._check_award(name, standing, steps)
            must(answers.learner == str(UUID(bytes=holder)), "an award is whose it says", answers.learner)
            made[answers.history[0]] += 1
            found |= set(answers.history)
            kinds.update(kind for kind, _ in steps)
            self._check_credential(id_, steps)
        must(not made or max(made.values()) == 1, "one award for each threshold and achievement", made)
        self._check_complete(found)
        self._check_lists()
        said = Counter(envelope["type"].split(".")[-2] for envelope in self._book.published("credentials.learner"))
        for kind in ("credential-issued", "credential-revoked"):
            must(said[kind] == kinds[kind], "told to the others", kind, said[kind], kinds[kind])

    def _check_award(self, name: str, standing: str, steps: list[Step]) -> Answers:
        kinds = [kind for kind, _ in steps]
        once = [kind for kind in kinds if kind not in AGAIN]
        must(kinds[0] == "award-proposed" and len(set(once)) == len(once), "each step once", kinds)
        proposed = steps[0][1]
        answers = self._answers_to(name, proposed["achievement"], steps)
        evidence = {e for level in proposed["achieved"] for e in level["evidence"]}
        first = self._met[proposed["met_by"]][1]
        must(evidence <= first.evidence, "evidence stated is evidence counted", evidence - first.evidence)
        met = answers.met
        lapsed = self._lapsed.get((answers.learner, met.policy, met.node, met.cycle))
        at_once, diploma = RULES[answers.achievement][1], answers.achievement == "diploma"
        expired = "award-granted" in kinds and _expired(first, lapsed)  # what nobody granted yet has no end of its own
        expected = _standings(set(kinds), answers.since, None if expired else lapsed, at_once, diploma=diploma)
        must(standing in expected, "an award stands as its threshold does", standing, expected, lapsed, kinds)
        if standing == "revocation_proposed" and lapsed is not None and lapsed.cause == "merge":
            self._check_nobody_inherits(answers, lapsed)
        return answers

    def _check_nobody_inherits(self, answers: Answers, lapsed: Threshold) -> None:
        """An award waits for a person only where the survivor does not meet it by the merge, or no more."""
        met = answers.met
        for name, other in self._met.values():
            by_this_merge = name == lapsed.merged_with and other.merged_with == answers.learner and other.at > met.at
            same = (other.policy, other.node) == (met.policy, met.node)
            still = (name, other.policy, other.node, other.cycle) not in self._lapsed
            must(
                not (by_this_merge and same and still),
                "awards are handed on to who meets it by the merge",
                answers,
                other,
            )

    def _answers_to(self, name: str, achievement: str, steps: list[Step]) -> Answers:
        """From hand to hand: each transfer is from who has it to one who meets the requirement by then."""
        answers = self._answering(name, achievement, steps[0][1])
        for kind, said in steps[1:]:
            if kind == "award-transferred":
                must(said["origin"] == answers.learner, "an award is handed on by who has it", said)
                history = answers.history
                answers = self._answering(said["holder"], achievement, said)
                answers.history[:0] = history
            else:
                answers.since[kind] = said
        return answers

    def _answering(self, name: str, achievement: str, said: dict[str, Any]) -> Answers:
        must(said["met_by"] in self._met, "every award points at a RequirementMet", said["met_by"])
        learner, met = self._met[said["met_by"]]
        must((learner, met.policy, met.node) == (name, *RULES[achievement][0]), "of its learner and requirement", name)
        must(said["cycle"] == met.cycle, "and of the same cycle", said["cycle"], met.cycle)
        return Answers(achievement, learner, met, [(achievement, met.id)])

    def _check_credential(self, award: bytes, steps: list[Step]) -> None:
        said = dict(steps)
        rows = self._book.rows("SELECT id, revoked_at FROM credential WHERE award = ?", award)
        if "credential-issued" not in said:
            must(not rows, "no credential without an award that stands", rows)
            return
        must([row[0] for row in rows] == [said["credential-issued"]["credential_id"]], "one credential an award", rows)
        must((rows[0][1] is not None) == ("credential-revoked" in said), "the bit is set when it is revoked", rows)

    def _check_complete(self, found: set[tuple[str, str]]) -> None:
        """Whoever meets a requirement has what recognises it; whoever met it may have lost it before it was defined."""
        for id_, (name, met) in self._met.items():
            for achievement, (requirement, _) in RULES.items():
                if achievement not in self._defined or requirement != (met.policy, met.node):
                    continue
                lapsed = (name, met.policy, met.node, met.cycle) in self._lapsed
                if not lapsed or achievement in self._defined_first:
                    must((achievement, id_) in found, "whoever meets it is awarded", achievement, name, met)

    def _check_lists(self) -> None:
        for part, list_id, taken, count in self._book.rows(
            "SELECT part, l.list_id, taken, count(c.id) FROM status_list l"
            " LEFT JOIN credential c ON c.list_id = l.list_id GROUP BY l.list_id"
        ):
            must(taken == count, "a place is taken once for each credential", part, list_id, taken, count)


def _expired(first: Threshold, lapsed: Threshold | None) -> bool:
    """Time ended it as its credential says: nothing has to be taken back."""
    ends = first.valid_until
    return lapsed is not None and lapsed.cause == "time" and ends is not None and lapsed.effective_at > ends


def _standings(
    kinds: set[str], since: dict[str, Any], lapsed: Threshold | None, at_once: set[str], *, diploma: bool
) -> set[str]:
    """How the award may stand now, by the threshold it answers to and what happened since it does."""
    if "award-declined" in kinds:
        return {"declined"}
    granted = "award-granted" in kinds
    if lapsed is None:
        return {"issued"} if granted else ({"proposed"} if diploma else set())
    if not granted:
        return {"withdrawn"} if diploma else set()
    if lapsed.cause in at_once:
        return {"revoked"}
    decision = since.get("revocation-decided", {}).get("decision")
    return {"keep": {"kept"}, "revoke": {"revoked"}}.get(decision, {"revocation_proposed"})
