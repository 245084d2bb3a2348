"""Ahead of the framework or through it: the hot doors give the same answers, to good requests and bad ones."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.ingest.formats.standard_webhooks import signed_headers
from services.runtime.store.database import StoreUnavailable
from tests.ingest.house import FORM_MAPPING, House
from tests.ingest.xapi_world import FIRST, statement
from tests.ingest.xapi_world import sender as xapi_sender

Send = Callable[[httpx.Client, str], httpx.Response]
STATEMENTS, JSON = "/xapi/statements", {"Content-Type": "application/json"}


@pytest.fixture
def ways(house: House) -> dict[str, httpx.Client]:
    """The application as it is, and FastAPI's part of it alone."""
    app = house.service.app
    return {
        "ahead": TestClient(app, raise_server_exceptions=False),
        "framework": TestClient(partial(FastAPI.__call__, app), raise_server_exceptions=False),  # type: ignore[arg-type]
    }


def _xapi(house: House) -> dict[str, Send]:
    lms = xapi_sender(house)
    key = {**lms.headers, **JSON}
    raw = json.dumps(statement()).encode()

    def post(body: Any = None, headers: dict[str, str] = key, path: str = STATEMENTS) -> Send:
        content = raw if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return lambda http, _: http.post(path, content=content, headers=headers)

    return {
        "a statement": lambda http, _: http.post(STATEMENTS, json=statement(str(uuid4())), headers=key),
        "a batch": lambda http, _: http.post(STATEMENTS, json=[statement(str(uuid4())) for _ in "ab"], headers=key),
        "an empty batch": post([]),
        "a put": lambda http, _: http.put(
            STATEMENTS, params={"statementId": str(uuid4())}, json=statement(), headers=key
        ),
        "a put of nothing": lambda http, _: http.put(STATEMENTS, content=b"", headers=key),
        "about": lambda http, _: http.get("/xapi/about"),
        "a query": lambda http, _: http.get(STATEMENTS, params={"limit": "1"}, headers=lms.headers),
        "a wrong query": lambda http, _: http.get(STATEMENTS, params={"limit": "x"}, headers=lms.headers),
        "a parameter twice": lambda http, _: http.get(f"{STATEMENTS}?limit=1&limit=1", headers=lms.headers),
        "an unknown statement": lambda http, _: http.get(STATEMENTS, params={"statementId": str(uuid4())}, headers=key),
        "a head": lambda http, _: http.head(STATEMENTS, headers=lms.headers),
        "no key": post(headers={**FIRST, **JSON}),
        "a wrong key": post(headers={**key, "Authorization": "Bearer wp_x.y"}),
        "another role's key": post(headers={**key, **house.token("auditor")}),
        "no version": post(headers={name: value for name, value in key.items() if name not in FIRST}),
        "a form": post(headers={**key, "Content-Type": "application/x-www-form-urlencoded"}),
        "not JSON": post(b"{"),
        "a key twice": post(b'{"actor": 1, "actor": 1}'),
        "a broken rule": post({**statement(), "verb": {}}),
        "an id twice": post([statement("6f1c0a5e-0d0f-4a7e-9b0e-000000000001")] * 2),
        "too large": post(b" " * 6_000_000),
        "wrongly compressed": post(headers={**key, "Content-Encoding": "gzip"}),
        "an unknown encoding": post(headers={**key, "Content-Encoding": "br"}),
        "a post with parameters": post(path=f"{STATEMENTS}?statementId=x"),
        "a slash too many": post(path=f"{STATEMENTS}/"),
        "a method nobody has": lambda http, _: http.delete(STATEMENTS, headers=key),
    }


def _webhooks(house: House) -> dict[str, Send]:
    source = house.source("forms", FORM_MAPPING)
    secret = house.secret(source)
    unread = house.source("unread", FORM_MAPPING)
    secrets = {source: secret, unread: house.secret(unread)}
    house.http.put(f"/v1/sources/{unread}/enabled", json={"enabled": False}, headers=house.token("district"))

    def hook(path: str = f"/v1/webhooks/{source}", message: str = "", body: bytes = b"{}", **headers: str) -> Send:
        def send(http: httpx.Client, way: str) -> httpx.Response:
            signed = signed_headers(
                [secrets.get(path.rpartition("/")[2], secret)], message or f"{way}-{uuid4()}", house.clock.at, body
            )
            return http.post(path, content=body, headers={**signed, **headers})

        return send

    return {
        "a webhook": hook(),
        "a webhook that is not JSON": hook(body=b"{"),
        "a source nobody has": hook("/v1/webhooks/maple.nobody"),
        "a source that may not send": hook(f"/v1/webhooks/{unread}"),
        "no source": hook("/v1/webhooks/"),
        "more than a source": hook(f"/v1/webhooks/{source}/more"),
        "an escaped slash": hook(f"/v1/webhooks/{source}%2Fmore"),
        "a wrong signature": hook(**{"webhook-signature": "v1," + "A" * 43 + "="}),
        "an id with a dot": hook(message="a.b"),
        "a webhook that is too large": hook(body=b" " * 3_000_000),
        "no headers": lambda http, _: http.post(f"/v1/webhooks/{source}", content=b"{}"),
        "a get": lambda http, _: http.get(f"/v1/webhooks/{source}"),
    }


SAID_EACH_TIME_ANEW = {"receipt", "wayproof-receipt"}


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    headers = {name: value for name, value in answer.headers.items() if name not in SAID_EACH_TIME_ANEW}
    is_list = answer.status_code == 200 and answer.text.startswith('["')
    body = len(answer.json()) if is_list else answer.json() if answer.content else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in SAID_EACH_TIME_ANEW}
    return answer.status_code, headers, body


EXPECTED = {_xapi: {200, 204, 400, 401, 403, 404, 405, 413, 415}, _webhooks: {202, 400, 401, 403, 404, 405, 413}}


@pytest.mark.parametrize("requests", [_xapi, _webhooks])
def test_both_ways_give_the_same_answers(
    house: House, ways: dict[str, httpx.Client], requests: Callable[[House], dict[str, Send]]
) -> None:
    statuses = set()
    for name, send in requests(house).items():
        told = {way: _told(send(http, way)) for way, http in ways.items()}
        assert told["ahead"] == told["framework"], name
        statuses.add(told["ahead"][0])
    assert statuses >= EXPECTED[requests]


def test_refusals_are_counted_either_way(house: House, ways: dict[str, httpx.Client]) -> None:
    for http in ways.values():
        assert http.post(STATEMENTS, content=b"{}").status_code == 401
    assert 'wayproof_problems_total{status="401"} 2.0' in house.http.get("/metrics").text


@pytest.mark.parametrize(("fault", "status"), [(StoreUnavailable("away"), 503), (ZeroDivisionError(), 500)])
def test_faults_are_answered_either_way(
    house: House, ways: dict[str, httpx.Client], monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(house.parts.commits, "check", fail)
    answers = [http.post("/v1/webhooks/maple.any", content=b"{}") for http in ways.values()]
    assert [each.status_code for each in answers] == [status, status]
    assert answers[0].json() == answers[1].json()


def test_the_framework_is_not_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lms, asked = xapi_sender(house), list[str]()
    usual = FastAPI.__call__

    async def noted(self: FastAPI, scope: Any, *rest: Any) -> None:
        asked.append(scope["path"])
        await usual(self, scope, *rest)

    monkeypatch.setattr(FastAPI, "__call__", noted)
    assert lms.post(statement()).status_code == 200
    assert lms.get(limit="1").status_code == 200
    assert house.http.post("/v1/webhooks/maple.any", content=b"{}").status_code == 404
    assert house.http.get("/health/live").status_code == 200
    assert asked == ["/health/live"]
