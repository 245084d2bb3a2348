"""Status positions look random and never collide."""

from itertools import pairwise

import pytest

from services.credentials.domain.permutation import POSITIONS, place


def test_every_position_of_a_list_is_given_exactly_once() -> None:
    assert sorted(place(b"secret", ordinal) for ordinal in range(POSITIONS)) == list(range(POSITIONS))


def test_neighbours_in_time_are_not_neighbours_in_the_list() -> None:
    places = [place(b"secret", ordinal) for ordinal in range(1000)]
    apart = [abs(a - b) for a, b in pairwise(places)]
    assert min(apart) > 0
    assert sum(apart) / len(apart) == pytest.approx(POSITIONS / 3, rel=0.1)
    assert sum(1 for one in places if one < POSITIONS // 2) == pytest.approx(500, abs=60)


def test_each_list_has_an_order_of_its_own() -> None:
    assert [place(b"one", n) for n in range(20)] != [place(b"two", n) for n in range(20)]


@pytest.mark.parametrize("ordinal", [-1, POSITIONS])
def test_a_full_list_takes_no_more(ordinal: int) -> None:
    with pytest.raises(ValueError):
        place(b"secret", ordinal)
