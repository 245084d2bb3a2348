"""A district's office as tests play it: keys, documents, sources and people, put over HTTP, each call answered well."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx

from tests.support.processes import Wayproof, wait_for
from tests.support.watch import behind

TENANT, ORGANISATION = "maple", "lincoln"


@dataclass(frozen=True)
class Source:
    """A registered source: its id, its own key, and its webhook secret."""

    id: str
    token: str
    secret: str


@dataclass
class Office:
    """Opens once a running system; sends nothing as evidence."""

    system: Wayproof
    tenant: str = TENANT
    _keys: dict[str, str] = field(default_factory=dict)

    @cached_property
    def district(self) -> str:
        """Manages sources, documents and achievements."""
        return self.system.key("district", self.tenant, organisation=ORGANISATION)

    @cached_property
    def registrar(self) -> str:
        """Manages people, and reads their records."""
        return self.system.key("registrar", self.tenant)

    @cached_property
    def auditor(self) -> str:
        """Reads records and receipts."""
        return self.system.key("auditor", self.tenant)

    def call(self, service: str, key: str, method: str, path: str, **said: Any) -> Any:
        """The answer of a call that has to succeed."""
        with self.system.client(service, key) as client:
            answer = client.request(method, path, **said)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def publish_framework(self, name: str, items: dict[str, str]) -> None:
        """Competencies by code, with their CASE identifiers; waits for nobody."""
        package = {
            "CFDocument": {"identifier": identifier_of(name), "title": name, "uri": f"https://example.org/{name}"},
            "CFItems": [
                {"identifier": identifier, "humanCodingScheme": code, "fullStatement": f"Shows {code}."}
                for code, identifier in items.items()
            ],
        }
        self.call("mastery", self.district, "POST", f"/v1/frameworks?framework={name}&version=1", json=package)

    def publish_scale(self, scale: dict[str, Any]) -> None:
        """A scale as a document."""
        self.call("mastery", self.district, "POST", "/v1/scales", json=scale)

    def activate(self, policy: dict[str, Any]) -> None:
        """Put a policy and bring it into force; returns when ingest knows all that was published before it."""
        self.call("mastery", self.district, "POST", "/v1/policies", json=policy)
        named = policy["policy"]
        path = f"/v1/policies/{named['id']}/activations"
        self.call("mastery", self.district, "POST", path, json={"version": named["version"]})
        wait_for(lambda: not behind(self.system.store, "mastery.catalogue"), 30, "ingest knows the documents")

    def define(self, achievement: str, policy: str, requirement: str) -> None:
        """A micro-credential for whoever meets the requirement."""
        definition = {
            "name": achievement,
            "description": "Shown over and over.",
            "criteria": "The requirement was met.",
            "kind": "MicroCredential",
            "requirement": {"policy": policy, "node": requirement},
        }
        self.call("credentials", self.district, "PUT", f"/v1/achievements/{achievement}", json=definition)

    def source(self, name: str, mapping: dict[str, Any], pathway: str) -> Source:
        """Registered, with a mapping, a key and a webhook secret."""
        said = {"name": name, "organisation": ORGANISATION, "pathway": pathway}
        source = self.call("ingest", self.district, "POST", "/v1/sources", json=said)["source"]
        self.call("ingest", self.district, "POST", f"/v1/sources/{source}/mappings", json=mapping)
        secret = self.call("ingest", self.district, "POST", f"/v1/sources/{source}/keys", json={})["secret"]
        return Source(source, self.system.key("source", self.tenant, source=source), secret)

    def outcomes(self, source: Source) -> dict[str, int]:
        """How all that a source ever sent ended, without the noughts."""
        said = self.call("ingest", self.district, "GET", f"/v1/sources/{source.id}")["outcomes"]
        return {outcome: count for outcome, count in said.items() if count}

    def import_people(self, roster: bytes, **query: str) -> dict[str, Any]:
        """A roster as CSV or package; the answer."""
        answer: dict[str, Any] = self.call("ingest", self.registrar, "POST", "/v1/roster", content=roster, params=query)
        return answer

    def enrol(self, scheme: str, values: list[str]) -> dict[str, str]:
        """One learner an identifier; which learner each means."""
        lines = [f"organisation,id:{scheme}", *(f"{ORGANISATION},{value}" for value in values)]
        answer = self.import_people("\n".join(lines).encode())
        assert not answer["faults"], answer["faults"][:3]
        assert None not in answer["learners"]
        return dict(zip(values, answer["learners"], strict=True))

    def reader(self, service: str) -> httpx.Client:
        """A client that reads learners' records; the caller closes it."""
        return self.system.client(service, self.registrar)


def identifier_of(name: str) -> str:
    """A CASE identifier for a name."""
    return str(uuid5(NAMESPACE_URL, f"https://example.org/case/{name}"))
