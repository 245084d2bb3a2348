"""At rest: what says something of a person is in no file in clear, and no answer or log line quotes it."""

import base64
import logging
from pathlib import Path

import pytest

from tests.ingest.house import House, form, project

NAME, FAMILY, MAIL, NUMBER = "Zephyrine", "Quackenbush", "zephyrine.q@maple.example", "774411990055"
STRANGER, SCORE, COMMENT = "stranger-8842077", "73.91827", "Led the winch crew splendidly"
PLANTED = (NAME, FAMILY, MAIL, NUMBER, STRANGER, SCORE, COMMENT)


@pytest.mark.in_files
def test_no_planted_name_mail_number_score_or_comment_is_in_any_file_or_log_line(
    house: House, school: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    employer = house.source("employer", {**FORM, "version": 1})
    secret = house.secret(employer)
    house.learner(NUMBER, given_name=NAME, family_name=FAMILY, email=MAIL)
    stream = house.stream(school)
    lines = [project("p-1", SCORE, NUMBER), project("p-2", SCORE, STRANGER), project("p-3", SCORE, NUMBER, "NONE")]
    answer = house.lines(school, stream, 1, [*lines, f'{{"broken": "{STRANGER}"'.encode()])
    forms = [form("r-1", NUMBER, TEAM="3"), form("r-2", STRANGER, TEAM="3"), form("r-3", NUMBER, TEAM=SCORE)]
    answers = [house.webhook(employer, secret, f"m-{n}", {**each, "comment": COMMENT}) for n, each in enumerate(forms)]
    quarantine = house.http.get("/v1/quarantine", headers=house.token("district")).text

    texts = [answer.text, *(each.text for each in answers), quarantine, caplog.text]
    assert [value for value in PLANTED for text in texts if value in text] == []
    house.close()
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    assert {"ingest.db", "keys.db", "access.json"} <= {path.name for path in files}
    assert [(path.name, value) for path in files for value in PLANTED if holds(path, value)] == []
    house.open()


def holds(path: Path, value: str) -> bool:
    """In clear, or merely in base64 or hex."""
    raw, plain = path.read_bytes(), value.encode()
    encoded = base64.b64encode(plain * 3)[4:-8]
    return plain in raw or plain.hex().encode() in raw or encoded in raw or value.encode("utf-16-le") in raw


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    for encoded in (SCORE.encode(), SCORE.encode().hex().encode(), SCORE.encode("utf-16-le")):
        (tmp_path / "file").write_bytes(b"\x00\x01" + encoded + b"\xff")
        assert holds(tmp_path / "file", SCORE)


FORM = {
    "name": "internship",
    "format": "json",
    "items": "doc.ratings",
    "record_key": {"join": [{"path": "doc.response"}, {"path": "item.skill"}], "with": "#"},
    "learner": {"scheme": "student-number", "value": {"path": "doc.student"}},
    "competency": {"path": "item.skill"},
    "rating": {"scale": {"const": "four"}, "level": {"path": "item.rating"}},
    "occurred_at": {"date": {"path": "doc.on"}},
    "assessor": {"id": {"path": "doc.mentor"}, "role": {"const": "mentor"}},
    "comment": {"path": "doc.comment"},
}
