"""Judge a credential somebody sent: with our own keys and lists when it says it is ours."""

import json
from typing import Any

from services.credentials.use_cases.publish_status import PublishStatus
from services.credentials.use_cases.refusals import StatusListUnknown
from services.credentials.use_cases.work import Tools
from services.credentials.verifying.file import is_bundle, verify_bundle
from services.credentials.verifying.verdict import Verdict
from services.credentials.verifying.verify import verify
from services.runtime.clock import Clock

LIST_ID_CHARACTERS_MAX = 100


class Judge:
    """No network: what is not at hand is not believed."""

    def __init__(self, tools: Tools, status: PublishStatus, clock: Clock) -> None:
        self._tools = tools
        self._status = status
        self._clock = clock

    def verdict(self, document: object) -> Verdict:
        """The verdict as of now."""
        now = self._clock.now()
        credential = document["credential"] if is_bundle(document) else document
        tenant = self._own_tenant(credential)
        if tenant is None:
            return verify_bundle(document, now=now)
        did_document = json.loads(self._tools.signer.did_document(tenant))
        return verify(credential, did_document, self._own_list(tenant, credential), now=now, key_from="issuer")

    def _own_tenant(self, credential: Any) -> str | None:
        """The tenant of ours that the credential says issued it."""
        issuer = credential.get("issuer") if isinstance(credential, dict) else None
        did = issuer.get("id") if isinstance(issuer, dict) else issuer
        if not isinstance(did, str):
            return None
        signer = self._tools.signer
        for tenant in {did.rsplit(":", 1)[-1], signer.root_tenant} - {None}:
            assert tenant is not None
            if signer.issuer(tenant).did == did and self._tools.achievements.known_tenant(tenant):
                return tenant
        return None

    def _own_list(self, tenant: str, credential: Any) -> object:
        entry = credential.get("credentialStatus")
        url = entry.get("statusListCredential") if isinstance(entry, dict) else None
        base = self._tools.signer.issuer(tenant).status_url("")
        if not isinstance(url, str) or not url.startswith(base) or len(url) > len(base) + LIST_ID_CHARACTERS_MAX:
            return None
        try:
            return json.loads(self._status.publish(url.removeprefix(base)).content)
        except StatusListUnknown:
            return None
