"""The roster: who the learners are and where they are enrolled, as JSON, CSV or a OneRoster package."""

import time
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError

from contracts.envelope import Slug
from services.ingest.api.dependencies import Parts, Shared, json_response
from services.ingest.api.imports import fault_of, told_of
from services.ingest.api.learners import Value, teller
from services.ingest.api.shapes import Strict
from services.ingest.domain.claims import Identifier
from services.ingest.domain.roster import Roster, RosterEnrolment, RosterEntry
from services.ingest.formats.oneroster_people import open_people
from services.ingest.formats.roster_csv import RosterRefused, read_roster_csv
from services.ingest.formats.zip_package import PackageRefused
from services.ingest.storage import imports, inbox, rosters, vault
from services.ingest.storage.rosters import RosterImport
from services.ingest.use_cases.group_commit import LogBehind, NotDurable, TooBusy
from services.ingest.use_cases.roster import RosterResult, import_roster
from services.runtime.access import Caller, Can
from services.runtime.limits import BodyTooLarge, read_body
from services.runtime.problems import InvalidRequest, faults_of, problems
from services.runtime.strict_json import MalformedJson, parse_json

router = APIRouter(prefix="/v1", tags=["learners"])
KEYS_MAX = 2_000_000
FAULTS_SHOWN_MAX = 1000
ANSWER_AFTER_MAX_S, LOOK_S = 240.0, 0.02
UNDER_WAY = {"waiting", "running"}
ZIP = b"PK\x03\x04"
REFUSALS = problems(PackageRefused, RosterRefused, BodyTooLarge, MalformedJson, TooBusy, LogBehind, NotDurable)
Name = Annotated[str | None, Field(max_length=200)]


@dataclass(frozen=True)
class Asked:
    """Whose roster it is, and how its people are taken."""

    organisation: Annotated[
        Slug | None, Query(description="Where a OneRoster school is enrolled, whatever its id.")
    ] = None
    source: Annotated[
        Slug | None,
        Query(
            description="Whose package it is: what its complete files no longer have ends. Otherwise the organisation."
        ),
    ] = None
    link_email: Annotated[bool, Query(description="E-mail addresses identify learners too.")] = False

    @property
    def sender(self) -> str | None:
        return self.source or self.organisation

    def told(self, caller: Caller) -> RosterImport:
        """Two senders nobody can tell apart must not end each other's enrolments: one without a name ends none."""
        return RosterImport(self.organisation, self.link_email, self.sender is not None, teller(caller))


class EnrolmentIn(Strict):
    """From the first to the last day (inclusive) at an organisation, perhaps in a cohort."""

    organisation: Slug
    cohort: Annotated[str | None, Field(max_length=200)] = None
    begins_on: date | None = None
    ends_on: date | None = None


class PersonIn(Strict):
    """One learner: identifiers by scheme (they link), names and e-mail for the vault, enrolments."""

    identifiers: Annotated[dict[Slug, Value], Field(min_length=1, max_length=20)]
    given_name: Name = None
    family_name: Name = None
    email: Name = None
    enrolments: Annotated[tuple[EnrolmentIn, ...], Field(max_length=50)] = ()


PEOPLE: TypeAdapter[list[PersonIn]] = TypeAdapter(list[PersonIn])


@router.post("/roster", responses=REFUSALS)
async def put_roster(
    request: Request, shared: Shared, caller: Annotated[Caller, Can("roster:write")], asked: Annotated[Asked, Depends()]
) -> Response:
    """A JSON list, CSV or OneRoster ZIP; repeating it changes nothing. What was parked for anyone in it is released.

    A package that waits for a person, or takes longer than an answer may, is answered 202 with its import.
    """
    shared.commits.check()
    raw = await _body(request, shared)
    if raw.startswith(ZIP):
        return await run_in_threadpool(_package, shared, caller, asked, raw)
    return json_response(_told(await run_in_threadpool(_import, shared, caller, asked, raw)))


@router.post("/roster/dry-run", responses=REFUSALS)
async def try_roster(
    request: Request, shared: Shared, caller: Annotated[Caller, Can("roster:write")], asked: Annotated[Asked, Depends()]
) -> Response:
    """What a OneRoster ZIP would do: how its rows would end, its effect on enrolments, whether a person is asked."""
    raw, now = await _body(request, shared), shared.clock.now()
    how = (caller.tenant, asked.sender, asked.told(caller))
    return json_response(await run_in_threadpool(shared.people.preview, *how, raw, now))


async def _body(request: Request, shared: Parts) -> bytes:
    return await read_body(request, shared.settings.file_bytes_max, timeout_s=shared.settings.file_timeout_s)


def _package(shared: Parts, caller: Caller, asked: Asked, raw: bytes) -> Response:
    import_id = shared.people.take(caller.tenant, asked.sender, asked.told(caller), raw)
    give_up_at = time.monotonic() + ANSWER_AFTER_MAX_S
    while True:
        with shared.database.read() as cursor:
            found = imports.import_by_id(cursor, import_id)
        assert found is not None, "it was taken"
        if found.state == "refused":
            raise PackageRefused(found.fault or "")
        if found.state not in UNDER_WAY or time.monotonic() > give_up_at:
            break
        time.sleep(LOOK_S)
    return json_response(_settled(shared, caller, import_id, raw), 200 if found.state == "done" else 202)


def _settled(shared: Parts, caller: Caller, import_id: UUID, raw: bytes) -> dict[str, Any]:
    """As other rosters are answered, with the import and the outcome of every row."""
    tags = shared.tags.of(caller.tenant)
    users = [tags.identifier(Identifier("sourcedid", unit.sourced_id)) for unit in open_people(raw).units]
    with shared.database.read() as cursor:
        found, counts = imports.import_by_id(cursor, import_id), rosters.roster_import(cursor, import_id)
        assert found is not None, "it was taken"
        assert counts is not None, "and is a roster"
        told = told_of(cursor, found)
        faults = [fault_of(row) for row in inbox.faults_of(cursor, found.receipt, 0, FAULTS_SHOWN_MAX)]
        known = vault.learners_by_tag(cursor, users)
    learners = [str(known[tag]) if tag in known else None for tag in users]
    said = {"registered": counts.registered, "linked": counts.linked, "enrolled": counts.enrolled}
    return {**told, **said, "released": counts.released, "faults": faults, "learners": learners}


def _import(shared: Parts, caller: Caller, asked: Asked, raw: bytes) -> RosterResult:
    roster = _read(raw)
    result = RosterResult(faults=[(0, fault) for fault in roster.faults])
    entries = [_adapted(entry, asked) for entry in roster.entries if entry.role == "student"]
    return import_roster(shared.commits.do, shared.linking(caller.tenant), entries, teller(caller), result)


def _read(raw: bytes) -> Roster:
    """By its first bytes: a JSON list, or CSV."""
    if raw.lstrip()[:1] not in {b"[", b"{"}:
        return read_roster_csv(raw)
    try:
        people = PEOPLE.validate_python(parse_json(raw, keys_max=KEYS_MAX))
    except ValidationError as invalid:
        faults = faults_of([{**error, "loc": ("body", *error["loc"])} for error in invalid.errors()])
        raise InvalidRequest(pointer=faults[0].get("pointer"), errors=faults) from None
    return Roster(tuple(_entry(row, person) for row, person in enumerate(people)))


def _entry(row: int, person: PersonIn) -> RosterEntry:
    identifiers = tuple(Identifier(scheme, value) for scheme, value in person.identifiers.items())
    enrolments = tuple(_enrolment(each) for each in person.enrolments)
    names = (person.given_name, person.family_name, person.email)
    return RosterEntry(row, identifiers, "student", *names, enrolments)


def _enrolment(said: EnrolmentIn) -> RosterEnrolment:
    id_ = f"{said.organisation}|{said.cohort or ''}"
    return RosterEnrolment(id_, said.organisation, said.cohort, said.begins_on, said.ends_on)


def _adapted(entry: RosterEntry, asked: Asked) -> RosterEntry:
    identifiers = entry.identifiers
    if asked.link_email and entry.email and not any(each.scheme == "email" for each in identifiers):
        identifiers = (*identifiers, Identifier("email", entry.email))
    enrolments = tuple(replace(each, withdrawn=each.withdrawn or entry.withdrawn) for each in entry.enrolments)
    if (school := asked.organisation) is not None:
        enrolments = tuple(replace(each, organisation=school) for each in enrolments)
        enrolments = enrolments or (RosterEnrolment(school, school),)
    return replace(entry, identifiers=identifiers, enrolments=enrolments)


def _told(result: RosterResult) -> dict[str, Any]:
    counts = {"registered": result.registered, "linked": result.linked, "enrolled": result.enrolled}
    faults = [{"row": row, "reason": f.reason, "pointer": f.pointer, "detail": f.detail} for row, f in result.faults]
    learners = [str(learner) if learner else None for learner in result.learners]
    return {**counts, "released": result.released, "faults": faults, "learners": learners}
