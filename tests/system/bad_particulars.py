"""Bad inputs that make sense at one door only: signatures, line numbers, and questions."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

from services.ingest.formats.standard_webhooks import sign as signature_of
from services.ingest.formats.standard_webhooks import signed_headers
from tests.system.bad_doors import (
    DOORS,
    MARK,
    OTHER,
    SKILL,
    STUDENT,
    Call,
    Particular,
    Premises,
    message,
    sign,
)

GOOD = {door.name: door.good for door in DOORS}
UNKNOWN = "6f1c2a52-7a3b-4a6f-9f3e-3d0c5a0b1f77"


# ---- signatures


def _signed(
    name: str,
    secret: Callable[[Premises], str] = lambda p: p.forms.secret,
    *,
    late_s: int = 0,
    change: Callable[[dict[str, str]], dict[str, str]] = lambda headers: headers,
    body: Callable[[bytes], bytes] = lambda body: body,
    to: Callable[[Premises], str] = lambda p: p.forms.id,
) -> Particular:
    """A webhook signed with a secret at a time; then its headers or its body are changed."""

    def make(p: Premises, serial: str) -> Call:
        said = json.dumps(message(serial)).encode()
        at = datetime.now(UTC) + timedelta(seconds=late_s)
        headers = change(signed_headers([secret(p)], f"m-{serial}", at, said))
        pairs = tuple((name.partition("#")[0], value) for name, value in headers.items())
        return Call("ingest", "POST", f"/v1/webhooks/{to(p)}", body(said), pairs)

    return Particular(f"webhook: {name}", make)


def _without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def _with(name: str, value: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {**headers, name: value}


def _later(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}


def _resigned(message_id: str) -> Particular:
    """Signed well, under an id that no message may have."""

    def make(p: Premises, serial: str) -> Call:
        body, at = json.dumps(message(serial)).encode(), datetime.now(UTC)
        signed = signature_of(p.forms.secret, message_id, at, body)
        pairs = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signed}
        return Call("ingest", "POST", f"/v1/webhooks/{p.forms.id}", body, tuple(pairs.items()))

    return Particular(f"webhook: id {message_id[:12]!r}", make)


def _replayed(p: Premises, serial: str) -> Call:
    """The id of a message that was taken, and another body, signed as well."""
    first = sign(p, Call("ingest", "POST", f"/v1/webhooks/{p.forms.id}", b'{"nothing": 1}'), "replayed")
    with p.office.system.client("ingest") as client:
        assert client.post(first.path, content=first.content, headers=dict(first.headers)).is_success
    return sign(p, GOOD["webhook"](p, serial), "replayed")


FORGED = "v1," + base64.b64encode(b"f" * 32).decode()
WEBHOOKS = [
    *(_signed(f"no {name}", change=_without(name)) for name in ("webhook-id", "webhook-timestamp")),
    _signed("no signature", change=_without("webhook-signature")),
    _signed("two ids", change=_with("webhook-id#2", "m-other")),
    _signed("signature empty", change=_with("webhook-signature", "")),
    _signed("signature forged", change=_with("webhook-signature", FORGED)),
    _signed("signature is text", change=_with("webhook-signature", f"v1,{MARK}")),
    _signed("1,000 signatures", change=_with("webhook-signature", " ".join([FORGED] * 1000))),
    _signed("50 signatures", change=_with("webhook-signature", " ".join([FORGED] * 50))),
    _signed("v1 sent as v1a", change=lambda h: {**h, "webhook-signature": "v1a" + h["webhook-signature"][2:]}),
    _signed("v1 sent as v2", change=lambda h: {**h, "webhook-signature": "v2" + h["webhook-signature"][2:]}),
    _signed("signature cut short", change=lambda h: {**h, "webhook-signature": h["webhook-signature"][:-4]}),
    _signed("body with one space more", body=lambda body: body + b" "),
    _signed("signed 6 minutes ago", late_s=-360),
    _signed("signed in 6 minutes", late_s=360),
    _signed("signed a year ago", late_s=-365 * 86400),
    _signed("another time than signed", change=_later),
    *(_signed(f"time {time[:12]!r}", change=_with("webhook-timestamp", time))
      for time in ("1e9", "-1", "NaN", "0", "9" * 20, "٣", MARK)),
    _signed("of another tenant's source", lambda p: p.other_secret),
    _signed("of another source", lambda p: p.bare.secret),
    _signed("secret expired", lambda p: p.expired_secret),
    _signed("secret not valid yet", lambda p: p.early_secret),
    _signed("to another tenant's source", to=lambda p: f"{OTHER}.forms"),
    _signed("to an unknown source", to=lambda p: f"{MARK}.nobody"),
    _signed("to a source without a mapping", lambda p: p.bare.secret, to=lambda p: p.bare.id),
    *(_resigned(id_) for id_ in ("", "m.1", "m 1", "m" * 201, f"{MARK}/..", "m\xe9")),
    Particular("webhook: replayed with another body", _replayed),
]  # fmt: skip


# ---- streams and observations


def _lines(name: str, query: str, stream: Callable[[Premises], str], *, content: bytes | None = None) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["stream"](p, serial)
        path = f"/v1/streams/{stream(p)}/lines{query}"
        return replace(call, path=path, content=call.content if content is None else content)

    return Particular(f"stream: {name}", make)


def _own(p: Premises) -> str:
    return p.stream()


def _another_tenants(p: Premises, serial: str) -> Call:
    call = GOOD["stream"](p, serial).without("authorization")
    return call.having("authorization", f"Bearer {p.other_source}")


def _observation(name: str, key: str | None, learner: Callable[[Premises], dict[str, str]] | None = None) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        call = GOOD["observation"](p, serial)
        if learner is not None:
            said = {**json.loads(call.content), "learner": learner(p)}
            return replace(call, content=json.dumps(said).encode())
        bare = call.without("idempotency-key")
        return bare if key is None else bare.having("idempotency-key", key)

    return Particular(f"observation: {name}", make)


LONG_LINE = json.dumps({**message("long"), "note": MARK * 7000}).encode()
MESSAGES = [
    _lines("a gap", "?first=3", _own),
    _lines("first=0", "?first=0", _own),
    _lines("first=-1", "?first=-1", _own),
    _lines("first=10^18", f"?first={10**18}", _own),
    _lines("first is text", f"?first={MARK}", _own),
    _lines("first missing", "", _own),
    _lines("not an id", "?first=1", lambda p: MARK),
    _lines("unknown", "?first=1", lambda p: UNKNOWN),
    _lines("10,001 lines", "?first=1", _own, content=b"{}\n" * 10_001),
    _lines("a line of 64 KiB and more", "?first=1", _own, content=LONG_LINE),
    _lines("no line is JSON", "?first=1", _own, content=f"{MARK}\n{MARK}\n\0\n\n{{]\n".encode()),
    Particular("stream: another tenant's key", _another_tenants),
    _observation("no key", None),
    _observation("key empty", ""),
    _observation("key too long", MARK * 50),
    _observation("key not printable", f"{MARK} \xe9"),
    _observation("another tenant's learner", "", lambda p: {"id": p.other_learner}),
    _observation("unknown learner", "", lambda p: {"id": UNKNOWN}),
    _observation("learner named twice", "", lambda p: {"id": p.learners[STUDENT], "scheme": "s", "value": MARK}),
    _observation("learner not named", "", lambda p: {}),
]


# ---- questions, and what is another tenant's


def _ask(name: str, service: str, path: Callable[[Premises], str], *, at_field: bool = False) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        return Call(service, "GET", path(p), headers=(("authorization", f"Bearer {p.office.registrar}"),))

    return Particular(f"{service}: {name}", make, at_field)


def _when(what: str, name: str, value: str) -> Particular:
    text = quote(value, safe="")
    return _ask(f"{what} {name}={value[:14]!r}", "mastery",
                lambda p: f"/v1/learners/{p.learners[STUDENT]}/{what}?{name}={text}", at_field=True)  # fmt: skip


def _of_other(service: str, path: str, key: Callable[[Premises], str]) -> Particular:
    """The other tenant asks by ids that exist, and is told what it would be told if they did not."""

    def make(p: Premises, serial: str) -> Call:
        return Call(service, "GET", path.format(p=p, ada=p.learners[STUDENT]), headers=(
            ("authorization", f"Bearer {key(p)}"),
        ))  # fmt: skip

    return Particular(f"{service}: another tenant asks {path.partition('?')[0]}", make)


def _changes_other(name: str, service: str, method: str, path: str, said: object) -> Particular:
    def make(p: Premises, serial: str) -> Call:
        headers = (("authorization", f"Bearer {p.other_registrar if 'links' in path else p.other_district}"),)
        place = path.format(p=p, ada=p.learners[STUDENT])
        body = json.dumps(said).encode()
        return Call(service, method, place, body, (*headers, ("content-type", "application/json")))

    return Particular(f"{service}: another tenant changes {name}", make)


def _about_unknown(service: str, path: str) -> Particular:
    return _ask(f"{path} of nobody", service, lambda p: path.format(UNKNOWN))


DAYS = ("0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999-14:00", "10000-01-01",
        "2026-02-30", "2026-13-01", "yesterday", MARK, "", "2026-09-10T12:00:00", "1e400", "2026-09-10\0",
        "٢٠٢٦-٠٩-١٠", "-2026-09-10")  # fmt: skip
NUMBERS = ("-1", str(10**18), "1e3", "NaN", MARK, "٣", "")
QUESTIONS = [
    *(_when("standings", "as_of", day) for day in DAYS),
    *(_when("history", "known_at", day) for day in DAYS),
    *(_when(f"why/{SKILL}", "as_of", day) for day in DAYS[:3]),
    *(_when("next-steps", "known_at", day) for day in DAYS[:3]),
    *(_when("history", "after", number) for number in NUMBERS),
    *(_when("history", "limit", number) for number in ("0", *NUMBERS)),
    *(_when("standings", "policy", text) for text in ("x" * 64,)),
    *(_ask(f"policy={text[:12]!r}", "mastery",
           lambda p, text=text: f"/v1/learners/{p.learners[STUDENT]}/standings?policy={quote(text)}")  # type: ignore[misc]
      for text in (MARK, "../team", "team' OR 1=1 --", "TEAM")),
    *(_ask(f"version={number!r}", "mastery",
           lambda p, number=number: f"/v1/learners/{p.learners[STUDENT]}/standings?policy=team&version={quote(number)}")  # type: ignore[misc]
      for number in ("0", "99", *NUMBERS)),
    _when("standings", "version", "1"),
    _ask("why of an unknown node", "mastery", lambda p: f"/v1/learners/{p.learners[STUDENT]}/why/{MARK}"),
    _ask("why of a long node", "mastery", lambda p: f"/v1/learners/{p.learners[STUDENT]}/why/{MARK * 30}"),
    _ask("not a learner", "mastery", lambda p: f"/v1/learners/{MARK}/standings"),
    _ask("a learner and more", "mastery", lambda p: f"/v1/learners/{p.learners[STUDENT]}%00/standings"),
    _ask("a path upwards", "mastery", lambda p: "/v1/learners/..%2f..%2fetc%2fpasswd/standings"),
    _ask("an older version", "mastery", lambda p: f"/v0/learners/{p.learners[STUDENT]}/standings"),
    *(_about_unknown("mastery", f"/v1/learners/{{}}/{what}")
      for what in ("standings", "history", "next-steps", "why/TEAM")),
    *(_about_unknown("ingest", f"/v1/{what}/{{}}") for what in ("receipts", "quarantine", "imports")),
    _about_unknown("ingest", "/v1/quarantine/{}/raw"),
    _about_unknown("credentials", "/v1/credentials/{}"),
    *(_ask(f"receipts first={number!r}", "ingest", lambda p, n=number: f"/v1/receipts/{UNKNOWN}?first={quote(n)}")  # type: ignore[misc]
      for number in NUMBERS),
    *(_ask(f"quarantine limit={number!r}", "ingest", lambda p, n=number: f"/v1/quarantine?limit={quote(n)}")  # type: ignore[misc]
      for number in ("0", *NUMBERS)),
    *(_ask(f"awards after={text[:12]!r}", "credentials", lambda p, t=text: f"/v1/awards?after={quote(t)}")  # type: ignore[misc]
      for text in (MARK, "1", f"{10**30}.{uuid4().hex}", f"1.{MARK}", "NaN." + "0" * 32, "x" * 81)),
    *(_ask(f"awards limit={number!r}", "credentials", lambda p, n=number: f"/v1/awards?limit={quote(n)}")  # type: ignore[misc]
      for number in ("0", *NUMBERS)),
    _ask("awards standing", "credentials", lambda p: f"/v1/awards?standing={MARK}"),
    *(_ask(f"{what} {text[:12]!r}", "credentials", lambda p, w=what, t=text: f"/v1/{w}/{quote(t, safe='')}")  # type: ignore[misc]
      for what in ("credentials", "achievements") for text in (MARK, "..", "%00", "x" * 300)),
    _ask("status list", "credentials", lambda p: f"/status/{MARK}"),
    _ask("somebody's DID", "credentials", lambda p: f"/{MARK}/did.json"),
    *(_of_other("mastery", f"/v1/learners/{{ada}}/{what}", lambda p: p.other_registrar)
      for what in ("standings", "history", f"why/{SKILL}", "next-steps")),
    _of_other("ingest", "/v1/sources/{p.forms.id}", lambda p: p.other_district),
    _of_other("ingest", "/v1/sources/{p.forms.id}/mappings", lambda p: p.other_district),
    _of_other("mastery", "/v1/policies/team", lambda p: p.other_district),
    _of_other("mastery", "/v1/scales/percent", lambda p: p.other_district),
    _of_other("mastery", "/v1/frameworks/skills", lambda p: p.other_district),
    _of_other("credentials", "/v1/learners/{ada}/credentials", lambda p: p.other_registrar),
    _changes_other("a link", "ingest", "POST", "/v1/learners/{ada}/links", {"scheme": "x", "value": MARK}),
    _changes_other("keys", "ingest", "POST", "/v1/sources/{p.forms.id}/keys", {}),
    _changes_other("a mapping", "ingest", "POST", "/v1/sources/{p.forms.id}/mappings", {"name": "x", "version": 9}),
    _changes_other("an activation", "mastery", "POST", "/v1/policies/team/activations", {"version": 1}),
    _ask("nothing there", "ingest", lambda p: f"/{MARK}"),
]  # fmt: skip
PARTICULARS = WEBHOOKS + MESSAGES + QUESTIONS
