"""Logs as JSON lines on stderr: a fixed sentence and fields from an allow-list, so that nothing personal slips in."""

import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from uuid import UUID

import orjson

# ids, counts, durations and reasons; a field that is not here is left out and its name reported
FIELDS = frozenset(
    re.findall(
        r"\w+",
        """
    service tenant organisation source role key_id event_id receipt_id evidence_id learner_id award_id credential_id
    policy version digest mapping framework import_id stream_id submission_id worker topic producer partition offset
    seq last_seq expected_seq count records rows bytes status method route reason kind outcome attempt duration_ms
    wait_s port host pid signal exit_code path_name schema_version fence fault at problem started known_to limit lag
    term share members partitions surplus
        """,
    )
)
LEVELS = ("debug", "info", "warning", "error")


class Logger:
    """Says one sentence with fields; the sentence is fixed, whatever varies is a field."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(name)

    def debug(self, sentence: str, **fields: object) -> None:
        self._say(logging.DEBUG, sentence, fields)

    def info(self, sentence: str, **fields: object) -> None:
        self._say(logging.INFO, sentence, fields)

    def warning(self, sentence: str, **fields: object) -> None:
        self._say(logging.WARNING, sentence, fields)

    def error(self, sentence: str, **fields: object) -> None:
        self._say(logging.ERROR, sentence, fields)

    def fault(self, sentence: str, fault: BaseException, **fields: object) -> None:
        """An exception: its class and where it came from, never its words, which may quote what was being read."""
        self._say(logging.ERROR, sentence, {**fields, "fault": describe(fault)})

    def _say(self, level: int, sentence: str, fields: Mapping[str, object]) -> None:
        if self._log.isEnabledFor(level):
            self._log.log(level, sentence, extra={"fields": fields})


def get_logger(name: str) -> Logger:
    """The logger of a module: `get_logger(__name__)`."""
    return Logger(name)


def describe(fault: BaseException) -> str:
    """`sqlite3.OperationalError at sqlite.py:80 in write`: enough to find the line, with nothing of the data."""
    kind = type(fault)
    frames = traceback.extract_tb(fault.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    caused = f"; caused by {describe(fault.__cause__)}" if fault.__cause__ else ""
    return f"{kind.__module__}.{kind.__qualname__}{where}{caused}"


class JsonLines(logging.Formatter):
    """One line a record: at, level, logger, what, and the allowed fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "what": record.msg if hasattr(record, "fields") else _foreign(record),
        }
        line |= {name: _plain(value) for name, value in fields.items() if name in FIELDS}
        if left_out := sorted(fields.keys() - FIELDS):
            line["left_out"] = left_out
        if record.exc_info and record.exc_info[1]:
            line["fault"] = describe(record.exc_info[1])
        return orjson.dumps(line, default=str).decode()


def configure(service: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log of this process to stderr as JSON lines, libraries' included."""
    logging.raiseExceptions = False  # a line that cannot be written is lost; its words are not printed instead
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("httpx", "httpcore", "asyncio", "eventsourcing", "kafka"):
        logging.getLogger(library).setLevel(logging.WARNING)


class Stopwatch:
    """Milliseconds since it was made, for `duration_ms`."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def duration_ms(self) -> float:
        return round((time.perf_counter() - self._began) * 1000, 3)


def _foreign(record: logging.LogRecord) -> str:
    """A library's message before its arguments are put in: those may be anything."""
    return str(record.msg)


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int, float, bool, type(None))) else _text(value)


def _text(value: object) -> object:
    if isinstance(value, (UUID, datetime)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value[:20]]
    return type(value).__name__
