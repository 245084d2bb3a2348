"""How a registrar's word on a learner comes: a reason, and whose key it is."""

from services.ingest.api.shapes import Reason, Strict
from services.ingest.use_cases.registrars_word import Said
from services.runtime.access import Caller


class Why(Strict):
    """Why: by which request, for example. It is kept sealed."""

    reason: Reason


def said_by(caller: Caller, reason: str) -> Said:
    """Who says so: the person of the key, or the key."""
    return Said(caller.tenant, caller.person or caller.key_id, reason)
