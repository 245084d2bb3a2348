"""What the endpoints share: the service's parts, and answers in JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response

from services.credentials.settings import CredentialsSettings
from services.credentials.use_cases.answer import Answers
from services.credentials.use_cases.decide import DecideAwards
from services.credentials.use_cases.define_achievement import DefineAchievements
from services.credentials.use_cases.judge import Judge
from services.credentials.use_cases.publish_status import PublishStatus
from services.credentials.use_cases.work import Tools


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root made, for the endpoints to use."""

    settings: CredentialsSettings
    tools: Tools
    answers: Answers
    achievements: DefineAchievements
    awards: DecideAwards
    status: PublishStatus
    judge: Judge


def parts(request: Request) -> Parts:
    """The service's parts."""
    found: Parts = request.app.state.parts
    return found


Shared = Annotated[Parts, Depends(parts)]


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON without the framework's detours."""
    return Response(orjson.dumps(body), status, dict(headers or {}), "application/json")
