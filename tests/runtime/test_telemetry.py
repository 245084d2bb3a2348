"""Logs: JSON lines with allowed fields only; an exception leaves its class and place, never its words."""

import io
import json
import logging
from uuid import UUID

import pytest

from services.runtime import telemetry

SECRET = "Maria Secret"


@pytest.fixture
def stream(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    telemetry.configure("library", "debug", written)
    yield written
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def lines(stream):
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_is_one_json_object_with_its_fields(lines):
    telemetry.get_logger("books").info("book lent", count=2, event_id=UUID(int=5), reason="two\nlines")
    (line,) = lines()
    assert line.items() >= {"level": "info", "service": "library", "logger": "books", "what": "book lent"}.items()
    assert line.items() >= {"count": 2, "event_id": str(UUID(int=5)), "reason": "two\nlines"}.items()


def test_a_field_that_is_not_allowed_is_left_out_and_its_name_reported(lines):
    telemetry.get_logger("books").warning("book lost", name=SECRET, email="m@example.org", count=1)
    (line,) = lines()
    assert line["left_out"] == ["email", "name"]
    assert SECRET not in str(line)


def test_an_allowed_field_holding_an_object_gives_only_its_kind(lines):
    telemetry.get_logger("books").info("book seen", reason={"name": SECRET})
    assert lines()[0]["reason"] == "dict"


def test_an_exception_leaves_its_class_and_place_and_not_its_words(lines):
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError as fault:
        telemetry.get_logger("books").fault("book unreadable", fault)
    (line,) = lines()
    assert line["fault"].startswith("builtins.ValueError at test_telemetry.py:")
    assert "caused by builtins.KeyError" in line["fault"]
    assert SECRET not in str(line)


def test_what_a_library_logs_comes_without_its_arguments_and_traceback(lines):
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("somebody.else").exception("cannot read %s", SECRET)
    (line,) = lines()
    assert line["what"] == "cannot read %s"
    assert line["fault"].startswith("builtins.ValueError")
    assert SECRET not in str(line)


def test_what_is_below_the_level_is_not_said(lines, stream):
    telemetry.configure("library", "warning", stream)
    telemetry.get_logger("books").info("book lent")
    assert lines() == []


def test_a_line_that_cannot_be_written_is_lost_quietly(lines, stream, capsys):
    stream.close()
    telemetry.get_logger("books").info("book lent", reason=SECRET)
    assert capsys.readouterr().err == ""
