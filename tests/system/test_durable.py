"""No answer that says it was taken leaves before the disk has it; shown by the calls the service makes."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from services.ingest.formats.standard_webhooks import signed_headers
from tests.support.office import Office, Source
from tests.support.processes import running
from tests.system.bad_doors import Premises, message
from tests.system.straced import DOORS, answered, calls_of, not_on_disk, traced

WEBHOOKS, BATCHES, AT_ONCE = 40, 12, 24
CAREFUL = ("-m", "services", "ingest")
CARELESS = ("-m", "tests.system.careless_ingest")


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Premises:
    """Prepared by the three services, which have stopped since."""
    with running(tmp_path_factory.mktemp("durable") / "data") as system:
        return Premises(Office(system)).prepare()


def test_nothing_is_answered_before_it_is_on_disk(premises: Premises, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with traced(premises.office.system.data, trace, *CAREFUL) as url:
        _send(premises, url, "careful")
    calls = calls_of(trace)
    requests = answered(calls)
    by_door = [sum(request.request == door for request in requests) for door in DOORS]
    assert by_door == [WEBHOOKS + 1 + AT_ONCE, BATCHES]
    assert {request.status for request in requests} == {200, 202}
    assert not_on_disk(calls, requests, "ingest.db") == []
    fresh = [request for request in requests if request.status == 202]
    assert not_on_disk(calls, fresh, "keys.db") == [], "nor before the key it is sealed with is"


def test_the_check_notices_a_database_that_does_not_wait_for_the_disk(premises: Premises, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with traced(premises.office.system.data, trace, *CARELESS) as url:
        _send(premises, url, "careless")
    calls = calls_of(trace)
    requests = answered(calls)
    assert len(requests) == WEBHOOKS + 1 + AT_ONCE + BATCHES
    assert not_on_disk(calls, requests, "ingest.db") == requests


def _send(premises: Premises, url: str, name: str) -> None:
    """Webhooks and batches one after the other, the first webhook again, and webhooks all at once."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False, verify=False) as client:
        for number in range(WEBHOOKS):
            assert _webhook(client, premises.forms, f"{name}-{number}") == 202
        assert _webhook(client, premises.forms, f"{name}-0") == 200
        _batches(client, premises.lines, name)
        with ThreadPoolExecutor(8) as pool:
            names = [f"{name}-at-once-{number}" for number in range(AT_ONCE)]
            assert set(pool.map(lambda each: _webhook(client, premises.forms, each), names)) == {202}
    time.sleep(0.1)


def _webhook(client: httpx.Client, source: Source, serial: str) -> int:
    body = json.dumps(message(serial)).encode()
    headers = signed_headers([source.secret], f"m-{serial}", datetime.now(UTC), body)
    return client.post(f"/v1/webhooks/{source.id}", content=body, headers=headers).status_code


def _batches(client: httpx.Client, source: Source, name: str) -> None:
    key = {"Authorization": f"Bearer {source.token}"}
    stream = client.post("/v1/streams", headers=key).json()["stream"]
    for number in range(BATCHES):
        lines = [json.dumps(message(f"{name}-{number}-{line}")) for line in range(20)]
        path = f"/v1/streams/{stream}/lines?first={number * 20 + 1}"
        answer = client.post(path, content="\n".join(lines).encode(), headers=key)
        assert (answer.status_code, answer.content.count(b'"accepted"')) == (200, 20), answer.content
