"""What follows from what mastery says, as commands: pure."""

from uuid import UUID

from contracts.catalogue_v1 import ScaleLevel
from contracts.mastery_v1 import AchievedLevel, RequirementLapsedV1, RequirementMetV1
from services.credentials.domain.achievement import Definition, Rule
from services.credentials.domain.claims import Achieved, Level
from services.credentials.domain.commands import LapseAward, ProposeAward
from services.credentials.formats.issuer import Issuer


def award_id_of(issuer: Issuer, learner: UUID, achievement: str, cycle: int) -> UUID:
    """One award for each time a learner meets the requirement."""
    return issuer.id_of("award", learner, achievement, cycle)


def on_requirement_met(
    event: RequirementMetV1, event_id: UUID, learner: UUID, definition: Definition, issuer: Issuer
) -> ProposeAward:
    """Propose the award; what the credential will state is all in the event."""
    return ProposeAward(
        award_id=award_id_of(issuer, learner, definition.id, event.cycle),
        learner=learner,
        achievement=definition.id,
        achievement_digest=definition.digest,
        policy=event.policy.id,
        node=event.node,
        cycle=event.cycle,
        met_by=event_id,
        cause=event.cause,
        achieved=tuple(map(_achieved, event.achieved)),
        rule=definition.award_rule(),
        at=event.recorded_at,
        valid_until=event.valid_until,
    )


def on_requirement_lapsed(event: RequirementLapsedV1, event_id: UUID, learner: UUID, rule: Rule) -> LapseAward:
    """Revoke or propose to, as the achievement's rule for this cause says."""
    return LapseAward(
        cause=event.cause,
        caused_by=event_id,
        rule=rule,
        at=event.recorded_at,
        holder=learner,
        cycle=event.cycle,
        heir=event.merged_with,
        since=event.effective_at,
    )


def _achieved(said: AchievedLevel) -> Achieved:
    return Achieved(
        framework=said.framework,
        framework_title=said.framework_title,
        framework_uri=said.framework_uri,
        competency=said.competency,
        code=said.code,
        statement=said.statement,
        uri=said.uri,
        scale=said.scale,
        scale_version=said.scale_version,
        scale_levels=tuple(map(_level, said.scale_levels)),
        level=_level(said.level) if said.level else None,
        value=said.value,
        required=said.required,
        evidence=said.evidence,
    )


def _level(said: ScaleLevel) -> Level:
    return Level(said.code, said.name, said.points, said.uri)
