"""Publish a status list: signed again when a bit was set, or before the last one goes stale."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from services.credentials.use_cases.refusals import StatusListUnknown
from services.credentials.use_cases.work import Tools
from services.runtime.clock import Clock

REFRESH = timedelta(hours=1)  # well within the 24 hours a list is valid for
KEPT_MAX = 512


@dataclass(frozen=True, slots=True)
class Published:
    """A signed list and the tag its readers compare."""

    content: bytes
    etag: str
    revoked: int
    signed_at: datetime


class PublishStatus:
    """Keeps the last signed form of each list in memory: it can always be made again."""

    def __init__(self, tools: Tools, clock: Clock) -> None:
        self._tools = tools
        self._clock = clock
        self._published: dict[str, Published] = {}
        self._lock = Lock()

    def publish(self, list_id: str) -> Published:
        """The list as it stands; a revocation that was committed is always in it."""
        found = self._tools.queries.status_list(list_id)
        if found is None:
            raise StatusListUnknown
        tenant, revoked = found
        now = self._clock.now()
        with self._lock:
            last = self._published.get(list_id)
            if last is None or last.revoked != revoked or not timedelta() <= now - last.signed_at < REFRESH:
                last = self._sign(tenant, list_id, revoked, now)
        return last

    def _sign(self, tenant: str, list_id: str, revoked: int, now: datetime) -> Published:
        positions = self._tools.queries.revoked_in(list_id)
        content = self._tools.signer.status_list(tenant, list_id, positions, now)
        etag = '"' + hashlib.sha256(content).hexdigest()[:32] + '"'
        if len(self._published) >= KEPT_MAX:
            self._published.clear()
        self._published[list_id] = published = Published(content, etag, revoked, now)
        return published
