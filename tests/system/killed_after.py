"""What must hold when everything was sent, killed, and has come to rest; each check raises with what it found."""

import random
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.answers import MET, REACHED, changes_in, get, of_each
from tests.support.ledger.chronicle import Change
from tests.support.ledger.reckoning import Standing, requirements, standings, times_met_over
from tests.support.replaying import replayed
from tests.system.killed_school import POLICY_ID, RECKONED, REQUIREMENT, Judged, School

RECEIPTS, PIECES_A_RECEIPT = 1_000, 20  # so many are asked for, or one for so many pieces
PIECES_A_CREDENTIAL = 40  # or fewer


@dataclass
class After:
    """The school when everything was sent and all is at rest."""

    school: School

    @cached_property
    def histories(self) -> dict[str, list[dict[str, Any]]]:
        """Every learner's events."""
        return self.school.histories()

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        """What mastery recorded, by learner."""
        return {student: changes_in(history) for student, history in self.histories.items()}

    @cached_property
    def standings(self) -> dict[str, dict[str, Judged]]:
        """What mastery says of every learner, by policy."""
        return self.school.standings()


def each_piece_is_held_once_and_in_order(after: After) -> None:
    """Nothing lost, nothing twice, nothing nobody sent, in the order acknowledged."""
    findings = after.school.book.chronicle.check(after.changes)
    assert not findings, findings
    assert sum(map(len, after.changes.values())) == sum(map(len, after.school.book.chronicle.changes.values()))


def outcomes_sum_to_what_was_sent(after: After) -> None:
    """Accepted is each change once; of duplicates there may be more than were heard of, as some answers were lost."""
    school, chronicle = after.school, after.school.book.chronicle
    files = (school.premises.packages, school.premises.tables)
    for source in (school.premises.forms, school.premises.lines, school.premises.statements, *files):
        tally = school.office.outcomes(source)
        assert set(tally) <= {"accepted", "duplicate", "no_claim"}
        assert tally.get("no_claim", 0) == 0 or source is school.premises.packages, "results say it by their objectives"
        assert tally["accepted"] == chronicle.accepted[source.id], source.id
        if source not in files:  # a file's key finds its import, and no row is looked at again
            assert tally["duplicate"] >= chronicle.said[source.id] - chronicle.accepted[source.id]


def receipts_name_the_evidence(after: After) -> None:
    """A sample of them; of each the outcomes sum to what was sent."""
    school = after.school
    receipts, count = sorted(school.book.receipts), min(RECEIPTS, school.plan.pieces // PIECES_A_RECEIPT)
    sample = random.Random(f"{school.plan.seed}/receipts").sample(receipts, min(count, len(receipts)))
    with school.office.system.client("ingest", school.office.auditor) as ingest:
        answers = of_each({each: each for each in sample}, lambda receipt: get(ingest, f"/v1/receipts/{receipt}"))
    for receipt, told in answers.items():
        said = school.book.receipts[receipt]
        assert sum(told["outcomes"].values()) == len(told["items"]) == len(said)
        for each, item in zip(said, told["items"], strict=True):
            if "evidence" in item:
                school.book.learned(each.record, item["evidence"])
    assert not school.book.chronicle.check(after.changes).contradictory


def standings_are_as_reckoned(after: After) -> None:
    """Results, values and what was counted, of every learner under every policy."""
    school, wrong = after.school, []
    for name, reckoned in RECKONED.items():
        for student, found in after.standings[name].items():
            pieces, ids = school.book.chronicle.standing(student), _ids(after.changes[student])
            expected = {code: _named(ids, each) for code, each in standings(reckoned, pieces).items()}
            if found != (expected, requirements(reckoned, pieces)):
                wrong.append(f"{name} {student}")
    assert wrong == []


def there_is_one_credential_a_threshold(after: After) -> None:
    """And no threshold that the evidence does not make."""
    school, issued = after.school, 0
    for student, held in school.credentials().items():
        states = school.book.chronicle.states(student)
        expected = times_met_over(RECKONED[POLICY_ID], REQUIREMENT, states)
        met = [event for event in after.histories[student] if _is(event, (MET,), REQUIREMENT)]
        assert sorted(said["cycle"] for said in held) == list(range(1, expected + 1)), student
        assert sorted(said["met_by"] for said in held) == sorted(event["id"] for event in met), student
        issued += len(held)
    print(f"{issued} credentials")
    assert issued > school.plan.pieces // PIECES_A_CREDENTIAL, "the traffic meets the requirement again and again"


def a_replay_of_the_events_agrees(after: After, scratch: Path) -> None:
    """A fresh process makes the same standings and the same thresholds of the events alone."""
    found = replayed(after.school.office.system, scratch)
    assert not any(found["differences"].values()), found["differences"]
    for name, judged in after.standings.items():
        for student, (competencies, met) in judged.items():
            results = {code: standing.result for code, standing in competencies.items()} | met
            for node, result in results.items():
                reached = [event for event in after.histories[student] if _is(event, (MET, REACHED), node, name)]
                replay = found["standings"][after.school.learners[student]]
                said = replay.get(f"{name}/{node}", {"met": False, "cycle": 0})
                assert said == {"met": result == "met", "cycle": len(reached)}, f"{student} {name} {node}"


def no_final_answer_changed(after: After) -> None:
    """What was said to be final while everything happened is said again."""
    assert len(after.school.auditor.kept) > 50
    assert after.school.auditor.changed() == []


def _ids(changes: list[Change]) -> dict[str, str]:
    """The evidence that a record is by now."""
    return {change.record: change.evidence for change in changes}


def _named(ids: dict[str, str], standing: Standing) -> Standing:
    return replace(standing, counted=tuple(ids[record] for record in standing.counted))


def _is(event: dict[str, Any], kinds: tuple[str, ...], node: str, name: str = POLICY_ID) -> bool:
    """A threshold of this node under this policy."""
    return bool(event["what"] in kinds and event["said"]["node"] == node and event["said"]["policy"] == name)
