"""Five hundred forged webhooks and five hundred replayed ones: none of them counts, and none is a fault of ours."""

import base64
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.ingest.formats.standard_webhooks import signed_headers
from tests.support.office import Office
from tests.support.processes import running
from tests.system.bad_doors import Premises, message

SEED = int(os.environ.get("WAYPROOF_TEST_SEED", "20261123"))
FORGED, REPLAYED = 500, 500
Headers = dict[str, str]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A district of its own."""
    with running(tmp_path_factory.mktemp("signatures") / "data") as system:
        yield Premises(Office(system)).prepare()


def test_forged_signatures_are_refused(premises: Premises) -> None:
    print(f"WAYPROOF_TEST_SEED={SEED}")
    before, seen = premises.office.outcomes(premises.forms), Counter[int]()
    with premises.office.system.client("ingest") as client:
        for number in range(FORGED):
            chance = random.Random(f"{SEED}/forged/{number}")
            forge = chance.choice(FORGERIES)
            body, headers = forge(*_signed(premises, f"f-{number}"), chance)
            seen[_post(client, premises, body, headers).status_code] += 1
    assert set(seen) <= {400, 401}, seen
    assert premises.office.outcomes(premises.forms) == before


def test_replayed_messages_count_once(premises: Premises) -> None:
    """As they were, at once or late, under another time, to another source, or with another body well signed."""
    print(f"WAYPROOF_TEST_SEED={SEED}")
    chance, seen = random.Random(f"{SEED}/replayed"), Counter[tuple[str, int]]()
    taken = [_signed(premises, f"r-{number}") for number in range(50)]
    with premises.office.system.client("ingest") as client:
        assert {_post(client, premises, *each).status_code for each in taken} == {202}
        before = premises.office.outcomes(premises.forms)
        for _ in range(REPLAYED):
            how = chance.choice(sorted(REPLAYS))
            body, headers = REPLAYS[how](premises, *chance.choice(taken))
            to = premises.bare.id if how == "elsewhere" else premises.forms.id
            seen[how, _post(client, premises, body, headers, to).status_code] += 1
    assert set(seen) == {
        ("as it was", 200), ("late", 401), ("at another time", 401), ("elsewhere", 401), ("another body", 409),
    }  # fmt: skip
    after = premises.office.outcomes(premises.forms)
    assert after["accepted"] == before["accepted"]
    assert after.get("duplicate", 0) - before.get("duplicate", 0) == seen["as it was", 200]
    assert after.get("conflict", 0) - before.get("conflict", 0) == seen["another body", 409]


def _signed(premises: Premises, serial: str, late_s: int = 0) -> tuple[bytes, Headers]:
    body, at = json.dumps(message(serial)).encode(), datetime.now(UTC) - timedelta(seconds=late_s)
    return body, signed_headers([premises.forms.secret], f"m-{serial}", at, body)


def _post(
    client: httpx.Client, premises: Premises, body: bytes, headers: Headers, to: str | None = None
) -> httpx.Response:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return client.post(f"/v1/webhooks/{to or premises.forms.id}", content=body, headers=raw)


# ---- forgeries: of the body, of the headers, of the signature

Forge = Callable[[bytes, Headers, random.Random], tuple[bytes, Headers]]


def _body(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << chance.randrange(8))]) + body[at + 1 :], headers


def _longer(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    return body + chance.choice((b" ", b"\n", b"\0", body)), headers


def _header(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    name = chance.choice(("webhook-id", "webhook-timestamp"))
    wrong = chance.choice(("", "0", "-1", "9" * 30, "NaN", "m.1", "x" * 300, str(chance.randrange(2 * 10**9)), "\xe9"))
    return body, {**headers, name: wrong}


def _left_out(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    gone = chance.choice(sorted(headers))
    return body, {name: value for name, value in headers.items() if name != gone}


def _bit(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    version, _, text = headers["webhook-signature"].partition(",")
    raw = bytearray(base64.b64decode(text))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return body, {**headers, "webhook-signature": f"{version},{base64.b64encode(raw).decode()}"}


def _made_up(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    text = base64.b64encode(chance.randbytes(chance.choice((0, 1, 31, 32, 33, 64)))).decode()
    version = chance.choice(("v1", "v1a", "v2", "V1", "", "v1,v1"))
    return body, {**headers, "webhook-signature": " ".join([f"{version},{text}"] * chance.randint(1, 30))}


def _mangled(body: bytes, headers: Headers, chance: random.Random) -> tuple[bytes, Headers]:
    """Of the signature only."""
    said = headers["webhook-signature"]
    cut = said[: chance.randrange(len(said) - 2)]
    return body, {**headers, "webhook-signature": chance.choice((cut, said[3:], said.replace(",", ";"), said.upper()))}


FORGERIES: list[Forge] = [_body, _longer, _header, _left_out, _bit, _made_up, _mangled]


# ---- replays

Replay = Callable[[Premises, bytes, Headers], tuple[bytes, Headers]]


def _late(premises: Premises, body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return _signed(premises, headers["webhook-id"].removeprefix("m-"), late_s=3600)


def _at_another_time(premises: Premises, body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 60)}


def _another_body(premises: Premises, body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    other = body.replace(b'"88"', b'"99"')
    return other, signed_headers([premises.forms.secret], headers["webhook-id"], datetime.now(UTC), other)


REPLAYS: dict[str, Replay] = {
    "as it was": lambda premises, body, headers: (body, headers),
    "elsewhere": lambda premises, body, headers: (body, headers),
    "late": _late,
    "at another time": _at_another_time,
    "another body": _another_body,
}
