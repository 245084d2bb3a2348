"""Canvas's own expectations for the methods we share with it (C1 to C18), then what is particular to ours."""

from fractions import Fraction

import pytest

from services.mastery.domain.estimators import METHODS, estimator
from services.mastery.domain.rounding import Rounding, fraction, half_up, shown, units

CANVAS = [
    ("C1", "highest", {}, "3 1", "3"),
    ("C2", "highest", {}, "1 2 3 4 5", "5"),
    ("C3", "highest", {}, "0", "0"),
    ("C4", "highest", {}, "", None),
    ("C5", "latest", {}, "4 1 3", "3"),
    ("C6", "latest", {}, "1 2 4 5 3", "3"),
    ("C7", "mean", {}, "1 2 3 4 5", "3"),
    ("C8", "mean", {}, "2 4 3", "3"),
    ("C9", "n_mastery", {"n": 3, "mark": units("3")}, "3 1", None),
    ("C10", "n_mastery", {"n": 3, "mark": units("3")}, "3 1 2", None),
    ("C12", "n_mastery", {"n": 3, "mark": units("3")}, "4 5 1 3 3", "3.75"),
    ("C14", "n_mastery", {"n": 1, "mark": units("3")}, "1 2", None),
    ("C15", "n_mastery", {"n": 1, "mark": units("3")}, "1 2 3", "3"),
    ("C16", "n_mastery", {"n": 1, "mark": units("3")}, "1 2 3 4", "3.5"),
    ("C17", "n_mastery", {"n": 3, "mark": units("3")}, "1 2 3 4 5", "4"),
    ("C18", "n_mastery", {"n": 4, "mark": units("3")}, "1 2 3 4 5", None),
]
OURS = [
    ("a mean of the last n", "mean_recent", {"n": 3}, "1 2 3 4", "3"),
    ("a mean of the last n while there are fewer", "mean_recent", {"n": 3}, "2 3", "2.5"),
    ("a mean that does not end is rounded for display only", "mean", {}, "1 3 4", "2.67"),
    ("nothing of nothing", "mean", {}, "", None),
    ("nothing of nothing", "latest", {}, "", None),
    ("nothing of nothing", "mean_recent", {"n": 3}, "", None),
    (
        "n mastery with a late piece (D2)",
        "n_mastery",
        {"n": 3, "mark": units("3")},
        "5 1 2 3 4 5",
        "4.25",
    ),
    ("n mastery without the newest (D3)", "n_mastery", {"n": 3, "mark": units("3")}, "1 2 3 4", None),
]


@pytest.mark.parametrize(("name", "method", "parameters", "scores", "expected"), CANVAS + OURS)
def test_an_estimate_is_the_documented_number(
    name: str, method: str, parameters: dict[str, int], scores: str, expected: str | None
) -> None:
    value = estimator(method, **parameters)([units(score) for score in scores.split()])
    assert (None if value is None else shown(Rounding()(value))) == expected, name


def test_a_score_of_zero_is_a_score() -> None:
    assert METHODS["mean"]([0, units("3")]) == Fraction(3, 2)


def test_raising_a_score_to_the_mark_can_lower_n_mastery() -> None:
    n_mastery = estimator("n_mastery", n=2, mark=units("3"))
    before, after = (n_mastery([units(score) for score in scores]) for scores in (("2", "5", "5"), ("3", "5", "5")))
    assert before == 5
    assert after == Fraction(13, 3)


ROUNDED = [
    ("4.125", 2, "half_up", "4.13"),
    ("2.675", 2, "half_up", "2.68"),
    ("0.745", 2, "half_up", "0.75"),
    ("-0.745", 2, "half_up", "-0.75"),
    ("2.675", 2, "half_even", "2.68"),
    ("2.665", 2, "half_even", "2.66"),
    ("2.679", 2, "down", "2.67"),
    ("-2.679", 2, "down", "-2.67"),
    ("2.5", 0, "half_up", "3"),
    ("0", 2, "half_up", "0"),
]


@pytest.mark.parametrize(("value", "places", "mode", "expected"), ROUNDED)
def test_rounding_is_exact_and_halves_go_where_the_mode_says(value: str, places: int, mode: str, expected: str) -> None:
    assert shown(Rounding(places, mode)(fraction(value))) == expected


def test_thirds_round_without_passing_through_a_float() -> None:
    assert half_up(Fraction(10**30 + 1, 2)) == (10**30 + 2) // 2


@pytest.mark.parametrize("text", ["0", "3", "-3.25", "0.000000001", "999999999999.999999999"])
def test_a_decimal_text_comes_back_as_it_was(text: str) -> None:
    assert shown(fraction(text)) == text
