"""What the endpoints call, handed over by the composition root."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.mastery.storage.documents import Documents
from services.mastery.use_cases.history import AnswerHistory
from services.mastery.use_cases.next_steps import AnswerNextSteps
from services.mastery.use_cases.put_document import By, PutDocument
from services.mastery.use_cases.set_policy import SetPolicy
from services.mastery.use_cases.standings import AnswerStandings
from services.mastery.use_cases.why import AnswerWhy
from services.runtime.access import Caller


@dataclass(frozen=True)
class UseCases:
    """Everything mastery can be asked to do over HTTP."""

    put: PutDocument
    set_policy: SetPolicy
    documents: Documents
    standings: AnswerStandings
    why: AnswerWhy
    history: AnswerHistory
    next_steps: AnswerNextSteps


def _use_cases(request: Request) -> UseCases:
    found: UseCases = request.app.state.use_cases
    return found


def by(caller: Caller) -> By:
    """The caller as documents remember who put them."""
    return By(caller.tenant, caller.key_id, caller.organisation)


Use = Annotated[UseCases, Depends(_use_cases)]
