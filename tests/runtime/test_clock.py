"""Time and ids: exact in the store, and never read where a decision is made."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import RFC_4122
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.clock import (
    RandomIds,
    SeededIds,
    SteppedClock,
    SystemClock,
    format_instant,
    from_micros,
    last_instant,
    parse_instant,
    to_micros,
)

INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_store_to_the_microsecond(at):
    assert from_micros(to_micros(at)) == at
    assert parse_instant(format_instant(at)) == at


@given(INSTANTS.filter(lambda at: 2 < at.year < 9998), INSTANTS.filter(lambda at: 2 < at.year < 9998))
def test_text_order_and_number_order_are_time_order(one, other):
    assert (one < other) == (to_micros(one) < to_micros(other)) == (format_instant(one) < format_instant(other))


def test_the_last_instant_of_a_day_is_one_microsecond_before_the_next():
    assert last_instant(date(2026, 2, 28)) == datetime(2026, 3, 1, tzinfo=UTC) - timedelta(microseconds=1)


def test_the_last_instant_of_a_day_is_that_zones():
    assert last_instant(date(2026, 1, 15), ZoneInfo("America/Chicago")) == datetime(
        2026, 1, 16, 5, 59, 59, 999999, tzinfo=UTC
    )


def test_a_day_whose_end_comes_twice_ends_the_second_time():
    havana = ZoneInfo("America/Havana")  # its clocks go back over midnight
    assert last_instant(date(2025, 11, 1), havana).astimezone(havana).date() == date(2025, 11, 1)
    assert last_instant(date(2025, 11, 1), ZoneInfo("UTC")) < last_instant(date(2025, 11, 1), havana)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_have_a_last_instant_in_every_zone(day):
    for hours in (-12, 14):
        assert last_instant(day, timezone(timedelta(hours=hours))).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "", "now"])
def test_an_instant_without_a_zone_or_sense_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_instant(text)


def test_the_system_clock_is_in_utc():
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_stepped_clock_stands_still_until_it_is_stepped_and_every_reader_follows(tmp_path):
    stepping, reading = SteppedClock(tmp_path / "clock"), SteppedClock(tmp_path / "clock")
    morning = datetime(2026, 3, 2, 8, 0, 0, 1, tzinfo=UTC)
    stepping.step(morning)
    assert reading.now() == reading.now() == morning
    stepping.step(morning + timedelta(hours=1))
    assert reading.now() == morning + timedelta(hours=1)
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


def test_seeded_ids_repeat_for_their_seed_and_for_no_other():
    def first_ten(seed):
        ids = SeededIds(seed)
        return [ids.new() for _ in range(10)]

    assert first_ten("demo/ingest") == first_ten("demo/ingest")
    assert len({*first_ten("demo/ingest"), *first_ten("demo/mastery")}) == 20


def test_random_ids_are_version_4():
    made = [RandomIds().new() for _ in range(100)]
    assert {(each.version, each.variant) for each in made} == {(4, RFC_4122)}
    assert len({each.bytes for each in made}) == len(made)
    for place in range(16):  # every other bit is chance
        assert len({each.bytes[place] for each in made}) > (1 if place in {6, 8} else 30)
