"""xAPI clients in use send to the running service and read it back: PyPI tincan, npm @xapi/xapi and tincanjs."""

from typing import Any

import pytest
from tincan import Activity, Agent, AgentAccount, RemoteLRS, Statement, Verb

from tests.clients.npm import play
from tests.ingest.xapi_world import HOME, MAPPING, SCORED, VOIDED
from tests.support.office import Office, Source


@pytest.fixture
def lms(office: Office) -> Source:
    """A source whose learner is known."""
    office.enrol("student-number", ["100"])
    return office.source("lms", MAPPING, "classroom")


def login(source: Source) -> tuple[str, str]:
    """Id and secret, as Basic wants them."""
    name, _, secret = source.token.removeprefix("wp_").partition(".")
    return name, secret


@pytest.mark.node
@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_npm_xapi_and_tincanjs_send_and_read_back(office: Office, lms: Source, version: str) -> None:
    user, password = login(lms)
    endpoint = f"{office.system.urls['ingest']}/xapi/"

    said = play(endpoint=endpoint, user=user, password=password, student="100", version=version)

    assert said["xapi"] == {
        "about": ["1.0.3"] if version == "1.0.3" else ["1.0.3", "2.0.0"],
        "repeated": True,  # no id was sent: the same again is the same statement
        "sent": 3,
        "read": [61],
        "pages": [[61, 62, 63], [64]],
        "gone": 404,
        "voided": [62],
        "refused": [400, "/verb/id"],
    }
    assert said["tincanjs"] == {"errors": [None] * 3, "read": [71], "pages": [[71, 72, 73], [74]]}
    assert sum(office.outcomes(lms).values()) == 4 + 1 + 1 + 4 + 1  # sent, repeated, voiding; sent, repeated


def test_pypi_tincan_sends_and_reads_back(office: Office, lms: Source) -> None:
    user, password = login(lms)
    lrs = RemoteLRS(endpoint=f"{office.system.urls['ingest']}/xapi/", version="1.0.3", username=user, password=password)
    agent = Agent(account=AgentAccount(home_page=HOME, name="100"))

    def scored(raw: int, **said: Any) -> Statement:
        score = {"score": {"raw": raw}}
        return Statement(actor=agent, verb=Verb(id=SCORED), object=Activity(id=f"{HOME}/py"), result=score, **said)

    named = scored(81, id="6f1c0a5e-0d0f-4a7e-9b0e-000000000081")
    answers = [lrs.save_statement(named), lrs.save_statement(named), lrs.save_statement(scored(82))]
    answers.append(lrs.save_statements([scored(83), scored(84)]))
    assert [answer.success for answer in answers] == [True] * 4
    assert lrs.save_statement(scored(80, id=named.id)).response.status == 409
    assert lrs.about().content.version == ["1.0.3"]

    read = lrs.retrieve_statement(named.id).content
    assert (read.result.score.raw, read.actor.account.name) == (81, "100")
    query = {"agent": agent, "verb": Verb(id=SCORED), "activity": Activity(id=f"{HOME}/py"), "ascending": True}
    page = lrs.query_statements({**query, "limit": 3}).content
    assert [each.result.score.raw for each in page.statements] == [81, 82, 83]
    rest = lrs.more_statements(page).content
    assert [each.result.score.raw for each in rest.statements] == [84]

    about = {"objectType": "StatementRef", "id": named.id}
    assert lrs.save_statement(Statement(actor=agent, verb=Verb(id=VOIDED), object=about)).success
    assert lrs.retrieve_statement(named.id).response.status == 404
    assert lrs.retrieve_voided_statement(named.id).content.result.score.raw == 81
    assert sum(office.outcomes(lms).values()) == 4 + 1 + 1 + 1  # sent, repeated, in conflict, voiding
