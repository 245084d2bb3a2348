"""At rest: nothing a statement says is in a file or a log line in clear, whether its learner is known or not."""

import logging

import pytest

from tests.ingest.house import House
from tests.ingest.test_secrecy import holds
from tests.ingest.xapi_world import HOME, sender, statement

NAME, NUMBER, STRANGER, SCORE, SAID = "Zephyrine", "774411990055", "stranger-8842077", "73.91827", "winch-crew-essay"
PLANTED = (NAME, NUMBER, STRANGER, SCORE, SAID)
BAD = {"actor": {"name": NAME, "mbox": f"not {STRANGER}"}, "verb": {"id": SAID}, "object": {"id": STRANGER}}


@pytest.mark.in_files
def test_nothing_a_statement_says_is_in_clear(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    house.learner(NUMBER)
    lms = sender(house)
    result = {"result": {"score": {"raw": float(SCORE)}, "response": SAID}}
    people = [{"name": NAME, "account": {"homePage": HOME, "name": number}} for number in (NUMBER, STRANGER)]
    about = {"objectType": "Agent", "mbox": f"mailto:{STRANGER}@lms.example"}
    said = [statement(actor=who, **result) for who in people]
    said += [{**each, "object": about} for each in said]
    said.append({**said[0], "result": {"response": SAID}})  # no score: it waits in quarantine

    taken = lms.post(said)
    assert taken.status_code == 200, taken.text
    answers = [taken, lms.post(BAD), lms.get(agent=SAID), lms.get(verb=STRANGER), lms.put(STRANGER, said[0])]
    assert [answer.status_code for answer in answers] == [200, 400, 400, 400, 400]

    quarantine = house.http.get("/v1/quarantine", headers=house.token("district")).text
    logged = " ".join(record.getMessage() for record in caplog.records if record.name != "httpx")  # the test's own
    texts = [*(answer.text for answer in answers), quarantine, logged]
    assert [value for value in PLANTED for text in texts if value in text] == []
    house.close()
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    assert "ingest.db" in {path.name for path in files}
    assert [(path.name, value) for path in files for value in PLANTED if holds(path, value)] == []
    house.open()
