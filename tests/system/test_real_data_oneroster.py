"""The valid OneRoster 1.2 package through the file door: its roster first, then its 720 objective levels."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.support.answers import standings_of
from tests.support.documents import SHOP_SCALE, mapping, policy
from tests.support.ledger.book import Ledger, Piece
from tests.support.ledger.oneroster import read_pieces
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, standings, told
from tests.support.office import ORGANISATION, Office, Source
from tests.support.paths import SHARED_DATA
from tests.support.processes import wait_for
from tests.support.watch import at_rest

PACKAGE = (SHARED_DATA / "oneroster" / "gradebook-valid.zip").read_bytes()
POLICY = policy("shop")
LEVELS, RESULTS, STUDENTS = 720, 240, 40  # a result itself says nothing about a competency


def test_the_valid_package_counts_once_and_as_the_ledger_reckons(office: Office):
    pieces, codes = _coded(read_pieces(PACKAGE))
    office.publish_framework("shop", codes)
    office.publish_scale(SHOP_SCALE)
    office.activate(POLICY)
    roster = office.import_people(PACKAGE, organisation=ORGANISATION)
    assert (roster["registered"], roster["faults"]) == (STUDENTS, [])
    source = office.source("gradebook", mapping("oneroster-results"), "classroom")

    first = _import(office, source)
    assert (first["state"], first["outcomes"], first["faults"]) == (
        "done",
        {"accepted": LEVELS, "no_claim": RESULTS},
        [],
    )
    ledger = _told(office, first["receipt"], pieces)
    learners = _learners(office, sorted(ledger.order))
    assert _disagreements(office, learners, ledger) == []

    again = _import(office, source)
    assert (again["state"], again["outcomes"]) == ("done", {"duplicate": LEVELS, "no_claim": RESULTS})
    assert again["import"] != first["import"]
    assert office.outcomes(source) == {"accepted": LEVELS, "duplicate": LEVELS, "no_claim": 2 * RESULTS}
    assert _disagreements(office, learners, ledger) == []
    assert office.import_people(PACKAGE, organisation=ORGANISATION)["registered"] == 0


def _coded(read: list[Piece]) -> tuple[list[Piece], dict[str, str]]:
    """Codes for the objectives, in the order in which they first appear."""
    assert len(read) == LEVELS
    identifiers = list(dict.fromkeys(piece.competency for piece in read))
    codes = {f"SHOP.{number}": identifier for number, identifier in enumerate(identifiers, 1)}
    assert set(codes) == set(POLICY["competencies"])
    named = {identifier: code for code, identifier in codes.items()}
    return [replace(piece, competency=named[piece.competency]) for piece in read], codes


def _import(office: Office, source: Source) -> dict[str, Any]:
    """The import once it is settled and mastery has taken it in."""
    taken = office.call("ingest", source.token, "POST", f"/v1/files/{source.id}", content=PACKAGE)

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
    items = office.call("ingest", office.auditor, "GET", f"/v1/receipts/{receipt}")["items"]
    for piece, said in zip(pieces, (said for said in items if "evidence" in said), strict=True):
        ledger.answered(piece, said["outcome"], said["evidence"])
    assert ledger.outcomes() == {"accepted": LEVELS}
    return ledger


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
