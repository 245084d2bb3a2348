"""OneRoster 1.2 packages through the file door, roster first: the valid one, the one with nine faults, and mended."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.support.answers import standings_of
from tests.support.documents import SHOP_SCALE, mapping, policy
from tests.support.ledger.book import Ledger, Piece
from tests.support.ledger.oneroster import read_pieces, results_of, sourced_ids
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, standings, told
from tests.support.office import ORGANISATION, Office, Source
from tests.support.paths import SHARED_DATA
from tests.support.processes import wait_for
from tests.support.watch import at_rest

PACKAGE = (SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes()
FAULTY = (SHARED_DATA / "oneroster" / "gradebook-9-faults.zip").read_bytes()
POLICY = policy("shop")
LEVELS, RESULTS, STUDENTS = 720, 240, 40  # a result itself says nothing about a competency
FAULTS = {  # as the data's README names them: file, sourcedId, and the column at fault
    ("results", "res-01-stu-008", "scoreStatus"): "not-in-vocabulary",
    ("results", "res-01-stu-019", "score"): "not-a-number",
    ("results", "res-01-stu-030", "scoreDate"): "not-a-date",
    ("results", "res-02-stu-001", "studentSourcedId"): "unknown-reference",
    ("results", "res-02-stu-012", "lineItemSourcedId"): "missing",
    ("results", "res-03-stu-016", "sourcedId"): "duplicate-sourced-id",
    ("resultLearningObjectiveIds", "rlo-01-2-stu-021", "learningObjectiveId"): "not-a-case-id",
    ("resultLearningObjectiveIds", "rlo-01-1-stu-025", "source"): "not-in-vocabulary",
    ("resultLearningObjectiveIds", "rlo-01-0-stu-029", "resultSourcedId"): "unknown-reference",
}
FAULTY_OUTCOMES = {"accepted": 699, "held": 18, "no_claim": 234, "quarantined": 9}


def test_the_valid_package_counts_once_and_as_the_ledger_reckons(office: Office):
    pieces, source = _prepared(office)

    first = _import(office, source, PACKAGE)
    assert (first["state"], first["outcomes"], first["faults"]) == (
        "done",
        {"accepted": LEVELS, "no_claim": RESULTS},
        [],
    )
    ledger = _told(office, first["receipt"], pieces)
    learners = _learners(office, sorted(ledger.order))
    assert _disagreements(office, learners, ledger) == []

    again = _import(office, source, PACKAGE)
    assert (again["state"], again["outcomes"]) == ("done", {"duplicate": LEVELS, "no_claim": RESULTS})
    assert again["import"] != first["import"]
    assert office.outcomes(source) == {"accepted": LEVELS, "duplicate": LEVELS, "no_claim": 2 * RESULTS}
    assert _disagreements(office, learners, ledger) == []
    assert office.import_people(PACKAGE, organisation=ORGANISATION)["registered"] == 0


def test_nine_faults_hold_eighteen_rows_and_the_mended_package_counts_them_exactly_once(office: Office):
    pieces, source = _prepared(office)
    lost, result = {sourced_id for _, sourced_id, _ in FAULTS}, results_of(PACKAGE)
    held = {piece.record: result[piece.record] for piece in pieces if result[piece.record] in lost}
    sound = [piece for piece in pieces if piece.record not in {*held, *lost}]
    assert (len(sound), len(held)) == (699, 18)

    first = _import(office, source, FAULTY)
    assert (first["state"], first["outcomes"]) == ("done", FAULTY_OUTCOMES)
    assert sum(FAULTY_OUTCOMES.values()) == first["rows_total"] == LEVELS + RESULTS
    assert _faults(first) == FAULTS
    assert _causes(office, first["receipt"]) == held
    ledger = _told(office, first["receipt"], sound)
    learners = _learners(office, sorted({piece.learner for piece in pieces}))
    assert _disagreements(office, learners, ledger) == []

    again = _import(office, source, FAULTY)
    assert again["outcomes"] == {"duplicate": 699, "held": 18, "no_claim": 234, "quarantined": 9}
    assert _disagreements(office, learners, ledger) == []

    mended = _import(office, source, PACKAGE)
    assert (mended["outcomes"], mended["faults"]) == ({"accepted": 21, "duplicate": 699, "no_claim": RESULTS}, [])
    for piece, said in zip(pieces, _levels(office, mended["receipt"]), strict=True):
        ledger.answered(piece, said["outcome"], said.get("evidence"))
    assert _disagreements(office, learners, ledger) == []

    assert _import(office, source, PACKAGE)["outcomes"] == {"duplicate": LEVELS, "no_claim": RESULTS}
    assert _disagreements(office, learners, ledger) == []


def _prepared(office: Office) -> tuple[list[Piece], Source]:
    """The documents, the people of the package and its source; what the valid package says, by code."""
    pieces, codes = _coded(read_pieces(PACKAGE))
    office.publish_framework("shop", codes)
    office.publish_scale(SHOP_SCALE)
    office.activate(POLICY)
    roster = office.import_people(PACKAGE, organisation=ORGANISATION)
    assert (roster["registered"], roster["faults"]) == (STUDENTS, [])
    return pieces, office.source("gradebook", mapping("oneroster-results"), "classroom")


def _coded(read: list[Piece]) -> tuple[list[Piece], dict[str, str]]:
    """Codes for the objectives, in the order in which they first appear."""
    assert len(read) == LEVELS
    identifiers = list(dict.fromkeys(piece.competency for piece in read))
    codes = {f"SHOP.{number}": identifier for number, identifier in enumerate(identifiers, 1)}
    assert set(codes) == set(POLICY["competencies"])
    named = {identifier: code for code, identifier in codes.items()}
    return [replace(piece, competency=named[piece.competency]) for piece in read], codes


def _import(office: Office, source: Source, package: bytes) -> dict[str, Any]:
    """The import once it is settled and mastery has taken it in."""
    taken = office.call("ingest", source.token, "POST", f"/v1/files/{source.id}", content=package)

    def progress() -> dict[str, Any]:
        said: dict[str, Any] = office.call("ingest", source.token, "GET", f"/v1/imports/{taken['import']}")
        return said

    wait_for(lambda: progress()["state"] in {"done", "refused"}, 60, "the import is settled")
    wait_for(lambda: at_rest(office.system.data), 60, "the services are at rest")
    return progress()


def _learners(office: Office, students: list[str]) -> dict[str, str]:
    asked = {"identifiers": [{"scheme": "sourcedid", "value": student} for student in students]}
    found = office.call("ingest", office.registrar, "POST", "/v1/learners/lookup", json=asked)["learners"]
    assert None not in found
    return dict(zip(students, found, strict=True))


def _told(office: Office, receipt: str, pieces: list[Piece]) -> Ledger:
    """The receipt's items are the rows of the package, in order: those of levels name their evidence."""
    ledger = Ledger()
    for piece, said in zip(pieces, (said for said in _levels(office, receipt) if "evidence" in said), strict=True):
        ledger.answered(piece, said["outcome"], said["evidence"])
    assert ledger.outcomes() == {"accepted": len(pieces)}
    return ledger


def _levels(office: Office, receipt: str) -> list[dict[str, Any]]:
    """What became of each objective level, in the order of their file."""
    said: list[dict[str, Any]] = office.call("ingest", office.auditor, "GET", f"/v1/receipts/{receipt}")["items"]
    return said[RESULTS:]


def _faults(settled: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    """By file, the sourcedId that stands on the line in the package without faults, and column."""
    found = {}
    for fault in settled["faults"]:
        if fault["outcome"] == "quarantined":
            file, line, column = _place(fault["pointer"])
            found[file, sourced_ids(PACKAGE, file)[line], column] = fault["reason"]
    return found


def _causes(office: Office, receipt: str) -> dict[str, str]:
    """Which result each held level waits for, both by the sourcedId on their lines."""
    results = sourced_ids(PACKAGE, "results")
    levels = sourced_ids(PACKAGE, "resultLearningObjectiveIds")
    held = [said for said in _levels(office, receipt) if said["outcome"] == "held"]
    return {levels[said["line"]]: results[_place(said["pointer"])[1]] for said in held}


def _place(pointer: str) -> tuple[str, int, str]:
    """File, line and column."""
    _, file, line, column = pointer.split("/")
    return file.removesuffix(".csv"), int(line), column


def _disagreements(office: Office, learners: dict[str, str], ledger: Ledger) -> list[str]:
    """Everybody whose standings are not what the ledger reckons."""
    reckoned = read_policy(POLICY, Fraction(SHOP_SCALE["proficient"]))
    found = []
    with office.reader("mastery") as mastery:
        for student, learner in learners.items():
            own = ledger.order[student]
            held = standings_of(mastery, learner, POLICY["policy"]["id"])
            expected = {code: told(ledger, each) for code, each in standings(reckoned, own).items()}
            if held != (expected, requirements(reckoned, own)):
                found.append(f"{student}: {held} {expected}")
    return found
