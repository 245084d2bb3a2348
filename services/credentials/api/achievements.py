"""Achievement definitions."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.envelope import Slug
from services.credentials.api.dependencies import Shared, json_response
from services.credentials.domain.achievement import DIPLOMAS, KINDS, Definition, Requirement, Rule
from services.credentials.use_cases.define_achievement import Defined, digest_of
from services.credentials.use_cases.refusals import AchievementNotSignable, AchievementUnknown, RequirementFixed
from services.runtime.access import Caller, Can
from services.runtime.problems import problems

router = APIRouter(prefix="/v1/achievements", tags=["achievements"])

HttpsUrl = Annotated[str, Field(pattern=r"^https://[!-~]+$", max_length=500)]
Either = Literal["at_once", "propose"]
OnlyPropose = Literal["propose"]


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequirementIn(Strict):
    """The node of a policy's requirement tree that the achievement recognises."""

    policy: Slug
    node: Annotated[str, Field(min_length=1, max_length=200)]


class RevocationIn(Strict):
    """What a lapse does, by its cause; None is the kind's default: at once for retraction and correction of all
    but diplomas, a proposal for everything else."""

    retraction: Either | None = None
    correction: Either | None = None
    evidence: OnlyPropose = "propose"
    time: OnlyPropose = "propose"
    policy: OnlyPropose = "propose"
    override: OnlyPropose = "propose"
    merge: OnlyPropose = "propose"


class AchievementIn(Strict):
    """What is recognised, and what may happen to its awards without a person."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1, max_length=2000)]
    criteria: Annotated[str, Field(min_length=1, max_length=4000, description="What it takes, for people to read.")]
    criteria_url: HttpsUrl | None = None
    image: HttpsUrl | None = None
    kind: Annotated[
        str, Field(json_schema_extra={"enum": sorted(KINDS)}, description="An Open Badges achievement type.")
    ]
    requirement: RequirementIn
    award: Annotated[
        Literal["at_once", "person"] | None,
        Field(description="Whether meeting the requirement is enough; a person always decides about diplomas."),
    ] = None
    revocation: RevocationIn = RevocationIn()

    @model_validator(mode="after")
    def _kind_is_known(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError("kind is not one of the achievement types")
        rules = (self.award, self.revocation.retraction, self.revocation.correction)
        if self.kind in DIPLOMAS and "at_once" in rules:
            raise ValueError("a person decides everything about a diploma: nothing may be at_once")
        return self

    def to_definition(self, achievement: str) -> Definition:
        """Named by the digest of what it says."""
        return Definition(
            id=achievement,
            digest=digest_of({"id": achievement, **self.model_dump(mode="json")}),
            name=self.name,
            description=self.description,
            criteria=self.criteria,
            criteria_url=self.criteria_url,
            image=self.image,
            kind=self.kind,
            requirement=Requirement(self.requirement.policy, self.requirement.node),
            award=Rule.PROPOSE if self.award == "person" else Rule.AT_ONCE,
            on_retraction=Rule(self.revocation.retraction or "at_once"),
            on_correction=Rule(self.revocation.correction or "at_once"),
        )


@router.put("/{achievement}", status_code=201, responses=problems(RequirementFixed, AchievementNotSignable))
def put_achievement(
    achievement: Slug,
    body: AchievementIn,
    shared: Shared,
    caller: Annotated[Caller, Can("achievements:manage")],
) -> Response:
    """Define an achievement or a new version of it (201); the same again changes nothing (200)."""
    by = caller.person or caller.key_id
    defined = shared.achievements.define(caller.tenant, body.to_definition(achievement), by)
    return json_response(_told(defined), 201 if defined.new else 200)


@router.get("/{achievement}", responses=problems(AchievementUnknown))
def get_achievement(achievement: Slug, shared: Shared, caller: Annotated[Caller, Can("credentials:read")]) -> Response:
    """The definition in force."""
    return json_response(_told(shared.achievements.latest(caller.tenant, achievement)))


def _told(defined: Defined) -> dict[str, object]:
    d = defined.definition
    said: dict[str, object] = {
        "id": d.id,
        "version": defined.version,
        "digest": d.digest,
        "name": d.name,
        "description": d.description,
        "criteria": d.criteria,
        "criteria_url": d.criteria_url,
        "image": d.image,
        "kind": d.kind,
        "requirement": {"policy": d.requirement.policy, "node": d.requirement.node},
        "award": "person" if d.award_rule() is Rule.PROPOSE else "at_once",
        "revocation": {
            cause: d.revocation_rule(cause).value
            for cause in ("retraction", "correction", "evidence", "time", "policy", "override", "merge")
        },
    }
    return {name: value for name, value in said.items() if value is not None}
