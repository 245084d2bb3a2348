"""The ledger itself: it knows nothing of the services, and sees each thing that can go wrong."""

import ast
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.ledger.book import Held, Ledger, Piece
from tests.support.ledger.policy import read_policy
from tests.support.ledger.reckoning import requirements, shown, standings, times_met

POLICY = read_policy(
    {
        "competencies": {
            "MEAN": {"estimate": {"method": "mean"}},
            "LAST": {"estimate": {"method": "latest"}, "decide": {"at_least": "70"}},
            "TWO": {"gate": {"count": 2, "at_least": "80"}},
            "RECENT": {"estimate": {"method": "mean_recent", "n": 2}, "gate": {"count": 2, "at_least": "50"}},
        },
        "requirements": {
            "both": {"all_of": [{"leaf": "MEAN"}, {"leaf": "LAST"}]},
            "some": {"k_of": 2, "from": [{"leaf": "TWO"}, {"leaf": "RECENT"}, "both"]},
        },
    },
    Fraction(60),
)


def piece(competency: str, value: int | None, at: str = "2026-01-01", record: str = "") -> Piece:
    observed = None if value is None else Fraction(value)
    return Piece(record or f"{competency}{value}{at}", "ada", competency, observed, at)


def test_the_ledger_imports_nothing_of_what_it_judges():
    imported = set()
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(node.module)
            elif isinstance(node, ast.Name | ast.Attribute):
                assert getattr(node, "id", getattr(node, "attr", "")) not in {"__import__", "import_module"}
    packages = {name.partition(".")[0] for name in imported}
    assert packages.isdisjoint({"services", "contracts", "importlib", "runpy"}), packages
    assert all(name.startswith("tests.support.ledger") for name in imported if name.startswith("tests"))


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (["a", "b"], {}),
        (["a"], {"lost": ["b"]}),
        (["a", "b", "a"], {"doubled": ["a"]}),
        (["a", "b", "x"], {"strangers": ["x"]}),
        (["b", "a"], {"disordered": ["ada"]}),
    ],
)
def test_each_kind_of_disagreement_is_found(held: list[str], found: dict[str, list[str]]):
    ledger = Ledger()
    for record in ("a", "b"):
        ledger.answered(piece("MEAN", 1, record=record), "accepted", f"e-{record}")
    findings = ledger.check({"ada": [Held(record, f"e-{record}") for record in held]})
    assert {name: value for name, value in vars(findings).items() if value} == found
    assert bool(findings) == bool(found)


def test_other_evidence_than_was_told_is_a_contradiction():
    ledger = Ledger()
    ledger.answered(piece("MEAN", 1, record="a"), "accepted", "e-1")
    assert ledger.check({"ada": [Held("a", "e-2")]}).contradictory == ["a"]


def test_what_only_a_repeat_was_answered_for_is_expected_too():
    ledger = Ledger()
    ledger.answered(piece("MEAN", 1, record="a"), "duplicate")
    assert ledger.check({}).lost == ["a"]


def test_standings_are_reckoned_by_hand():
    said = [piece("MEAN", 55), piece("MEAN", 66, "2026-01-02"), piece("LAST", 70, "2026-03-01"), piece("LAST", 90)]
    said += [piece("TWO", 79), piece("TWO", 80), piece("RECENT", 100), piece("RECENT", None, "2026-02-01")]
    found = {code: (each.result, each.value) for code, each in standings(POLICY, said).items()}
    assert found == {
        "MEAN": ("met", "60.5"),
        "LAST": ("met", "70"),
        "TWO": ("not_met", "80"),
        "RECENT": ("not_met", "100"),
    }
    assert requirements(POLICY, said) == {"both": "met", "some": "not_met"}


def test_of_one_day_the_last_to_be_known_is_the_latest():
    said = [piece("LAST", 90, record="first"), piece("LAST", 10, record="second")]
    assert standings(POLICY, said)["LAST"].counted == ("first", "second")
    assert standings(POLICY, said)["LAST"].value == "10"


def test_every_passage_into_met_is_told():
    said = [piece("LAST", value, f"2026-01-{day:02}") for day, value in enumerate((80, 60, 90, 95, 10), 1)]
    assert times_met(POLICY, "both", [piece("MEAN", 100), *said]) == 2


def test_nothing_seen_is_not_a_failure():
    assert requirements(POLICY, []) == {"both": "insufficient", "some": "insufficient"}


@pytest.mark.parametrize(("value", "text"), [("60", "60"), ("200/3", "66.67"), ("1/8", "0.13"), ("62.5", "62.5")])
def test_values_are_shown_with_two_places_at_most(value: str, text: str):
    assert shown(Fraction(value)) == text
