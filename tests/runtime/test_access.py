"""Access: a key says who is calling, its role what may be done, and a revoked key stops everywhere."""

import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, get_args
from uuid import UUID

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.cli.keys import key
from services.runtime import problems
from services.runtime.access import Caller, Can, FileRegister, NotAuthenticated, NotPermitted, authorise
from services.runtime.access_register import KeyRefused
from services.runtime.permissions import PERMISSIONS, ROLES, Permission, may

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
ADA = UUID(int=1)


class Now:
    """Both clocks, moved by a test: what time it is, and how much has passed."""

    def __init__(self) -> None:
        self.at = NOON
        self.elapsed = 0.0

    def now(self) -> datetime:
        return self.at

    def __call__(self) -> float:
        return self.elapsed

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.elapsed += seconds


@pytest.fixture
def clock() -> Now:
    return Now()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.json"


@pytest.fixture
def register(path: Path, clock: Now) -> FileRegister:
    return FileRegister(path, clock, elapsed_s=clock)


def operator(register: FileRegister, clock: Now, **said) -> tuple[Caller, str]:
    added = register.add(tenant="nebraska", role="operator", **said)
    clock.passes(1)
    return added


def test_a_key_stands_for_what_it_was_made_with(register, clock):
    caller, token = register.add(tenant="nebraska", role="source", source="nebraska.lms", organisation="lincoln")
    assert register.caller(token) == caller
    assert (caller.tenant, caller.role, caller.source, caller.organisation) == (
        "nebraska", "source", "nebraska.lms", "lincoln",
    )  # fmt: skip
    _, token = register.add(tenant="nebraska", role="learner", learner=ADA)
    clock.passes(1)
    assert register.caller(token).learner == ADA


def test_only_the_whole_token_opens(register, clock):
    (one, token), (_, other) = operator(register, clock), operator(register, clock)
    secret = token.partition(".")[2]
    wrong = [
        "", "wp_", ".", "wp_.", token[:-1], token + "x", token.upper(), f"wp_{one.key_id}", f"wp_{one.key_id}.",
        f"wp_{one.key_id}.{other.partition('.')[2]}", f"wp_nobody.{secret}", secret, "wp_é.ü",
    ]  # fmt: skip
    assert [register.caller(given) for given in wrong] == [None] * len(wrong)
    assert register.caller(token) == one


def test_a_revoked_key_stops_within_ten_seconds_in_every_process(register, path, clock):
    elsewhere = FileRegister(path, clock, elapsed_s=clock)
    caller, token = operator(register, clock)
    assert elsewhere.caller(token) == caller
    register.revoke(caller.key_id)
    clock.elapsed += 10  # the day's clock may stand still, as the demo's does
    assert register.caller(token) is None
    assert elsewhere.caller(token) is None


def test_revoking_one_key_leaves_the_other_of_a_rotation(register, clock):
    (old, old_token), (new, new_token) = operator(register, clock), operator(register, clock)
    assert (register.caller(old_token), register.caller(new_token)) == (old, new)
    for _ in range(2):
        register.revoke(old.key_id)
    clock.passes(1)
    assert (register.caller(old_token), register.caller(new_token)) == (None, new)


def test_a_key_works_up_to_its_last_instant_and_no_longer(register, clock):
    caller, token = operator(register, clock, valid_until=NOON + timedelta(hours=1))
    clock.at = NOON + timedelta(hours=1) - timedelta(microseconds=1)
    assert register.caller(token) == caller
    clock.at = NOON + timedelta(hours=1)
    assert register.caller(token) is None
    clock.at = NOON - timedelta(seconds=1)
    assert register.caller(token) is None


def test_the_file_holds_no_secret_and_only_its_owner_reads_it(register, path, clock):
    _, token = operator(register, clock)
    assert token.partition(".")[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == ["access.json", "access.json.lock"]


@pytest.mark.parametrize("spoilt", ["", "{", '{"version": 2}', '{"keys": [{"id": "x"}]}', "null"])
def test_a_file_that_cannot_be_read_lets_nobody_in(register, path, clock, spoilt):
    caller, token = operator(register, clock)
    assert register.caller(token) == caller
    good = path.read_text()
    path.write_text(spoilt)
    clock.passes(1)
    assert register.caller(token) is None
    path.write_text(good)
    clock.passes(1)
    assert register.caller(token) == caller


def test_a_file_that_is_gone_lets_nobody_in(register, path, clock):
    _, token = operator(register, clock)
    register.caller(token)
    path.unlink()
    clock.passes(1)
    assert register.caller(token) is None


def test_a_file_nobody_may_read_lets_nobody_in(register, path, clock, monkeypatch):
    caller, token = operator(register, clock)
    assert register.caller(token) == caller

    def forbidden(_: Path) -> bytes:
        raise PermissionError

    os.utime(path, (1, 1))
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    clock.passes(1)
    assert register.caller(token) is None


def test_the_file_is_looked_at_once_a_second_however_many_ask(register, path, clock, monkeypatch):
    _, token = operator(register, clock)
    register.caller(token)
    looks = []
    monkeypatch.setattr("services.runtime.access_register._stamp", looks.append)
    for _ in range(50):
        register.caller(token)
    assert looks == []
    clock.passes(1)
    register.caller(token)
    assert looks == [path]


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("source", {}),
        ("source", {"source": "iowa.lms"}),
        ("source", {"source": "lms"}),
        ("learner", {}),
        ("guardian", {"learner": ADA}),
        ("teacher", {"organisation": "lincoln"}),
        ("district", {}),
        ("king", {}),
        ("operator", {"organisation": "No Slug"}),
    ],
)
def test_a_key_that_says_too_little_is_refused(register, role, said):
    with pytest.raises(KeyRefused):
        register.add(tenant="nebraska", role=role, **said)
    assert register.list() == ()


def test_a_key_just_added_works_at_once(register, path, clock):
    elsewhere = FileRegister(path, clock, elapsed_s=clock)
    assert elsewhere.caller("wp_x.y") is None
    caller, token = register.add(tenant="nebraska", role="operator")
    assert elsewhere.caller(token) == caller


def test_revoking_a_key_nobody_has_is_refused(register):
    with pytest.raises(KeyRefused):
        register.revoke("nobody")


def test_every_permission_is_somebodys_and_every_role_has_some():
    assert set(PERMISSIONS) == set(ROLES)
    assert frozenset().union(*PERMISSIONS.values()) == set(get_args(Permission))
    assert all(PERMISSIONS.values())


def test_who_may_do_what_that_matters_most():
    def of(permission: Permission) -> set[str]:
        return {role for role in ROLES if may(role, permission)}

    assert of("evidence:write") == {"source"}
    assert of("observations:write") == {"teacher"}
    assert of("awards:decide") == {"registrar"}
    assert of("policies:manage") == {"district"}
    assert "operator" not in of("standings:read") | of("history:read") | of("credentials:read")
    assert not any(may("king", permission) for permission in get_args(Permission))


@pytest.fixture
def client(register: FileRegister) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    app.state.access = register

    @app.get("/receipts")
    def receipts(caller: Annotated[Caller, Can("receipts:read")]) -> str:
        return caller.key_id

    @app.get("/awards")
    def awards(caller: Annotated[Caller, Can("awards:decide")]) -> str:
        return caller.key_id

    with TestClient(app) as client:
        yield client


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def test_a_key_is_taken_as_a_bearer_token_and_as_basic_credentials(client, register, clock):
    caller, token = operator(register, clock)
    secret = token.partition(".")[2]
    for header in (
        f"Bearer {token}", f"bearer  {token} ", basic(caller.key_id, secret), basic(f"wp_{caller.key_id}", secret)
    ):  # fmt: skip
        answer = client.get("/receipts", headers={"Authorization": header})
        assert (answer.status_code, answer.json()) == (200, caller.key_id)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Bearer", "Bearer ", "Bearer wp_a.b", "Basic", "Basic %%%", "Basic YQ==", basic("a", "b"),
        basic("é", "ü"), "Digest x", "Bearer " + "x" * 10_000, "Basic " + "QUFB" * 5_000,
    ],
)  # fmt: skip
def test_without_a_good_key_the_answer_is_a_problem_401(client, register, clock, header):
    operator(register, clock)
    answer = client.get("/receipts", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.json()["type"] == "/problems/not-authenticated"
    assert "Bearer" in answer.headers["www-authenticate"]


def test_a_role_without_the_permission_gets_a_problem_403(client, register, clock):
    _, token = operator(register, clock)
    answer = client.get("/awards", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-permitted")
    assert token not in answer.text


def test_a_hot_path_is_refused_in_the_same_words(register, clock):
    caller, token = operator(register, clock)
    assert authorise(register, {"authorization": f"Bearer {token}"}, "receipts:read") == caller
    with pytest.raises(NotAuthenticated):
        authorise(register, {}, "receipts:read")
    with pytest.raises(NotPermitted):
        authorise(register, {"authorization": f"Bearer {token}"}, "awards:decide")


def test_the_command_line_adds_lists_and_revokes(tmp_path):
    def wayproof(*said: str):
        answer = CliRunner().invoke(key, ["--data-dir", str(tmp_path), *said, "--json"])
        assert answer.exit_code == 0, answer.output
        return answer.output, json.loads(answer.output)

    clock = Now()
    clock.at = datetime.now(UTC) + timedelta(minutes=1)
    register = FileRegister(tmp_path / "access.json", clock, elapsed_s=clock)
    _, added = wayproof("add", "--tenant", "nebraska", "--role", "source", "--source", "nebraska.lms")
    assert register.caller(added["token"]).source == "nebraska.lms"
    shown, listed = wayproof("list")
    assert [entry["id"] for entry in listed] == [added["id"]]
    assert added["token"].partition(".")[2] not in shown and "sha256" not in shown
    wayproof("revoke", added["token"].partition(".")[0])
    clock.passes(10)
    assert register.caller(added["token"]) is None
    assert "revoked_at" in wayproof("list")[1][0]


@pytest.mark.parametrize(
    "said",
    [
        ["add", "--tenant", "nebraska", "--role", "source"],
        ["add", "--tenant", "No Slug", "--role", "operator"],
        ["add", "--tenant", "nebraska", "--role", "operator", "--valid-until", "tomorrow"],
        ["add", "--tenant", "nebraska", "--role", "king"],
        ["revoke", "nobody"],
    ],
)
def test_the_command_line_refuses_without_writing(tmp_path, said):
    answer = CliRunner().invoke(key, ["--data-dir", str(tmp_path), *said])
    assert answer.exit_code != 0
    assert isinstance(answer.exception, SystemExit)
    assert not (tmp_path / "access.json").exists()
