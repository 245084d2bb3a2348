"""What this service refuses, by name."""

from services.runtime.problems import Refusal


class AchievementUnknown(Refusal):
    """No achievement by this id is defined."""

    status = 404


class AwardUnknown(Refusal):
    """No award by this id is known."""

    status = 404


class CredentialUnknown(Refusal):
    """No credential by this id was issued."""

    status = 404


class LearnerOfAnother(Refusal):
    """This key may read one learner's credentials, and these are not that learner's."""

    status = 403


class StatusListUnknown(Refusal):
    """No status list by this name is published."""

    status = 404


class IssuerUnknown(Refusal):
    """Nobody by this name issues credentials here."""

    status = 404


class NotWaitingForDecision(Refusal):
    """Nothing about this award waits for a decision like that."""

    status = 409


class RequirementFixed(Refusal):
    """An achievement keeps the requirement it was first defined for; define another achievement."""

    status = 409


class AchievementNotSignable(Refusal):
    """A credential with this text could not be signed so that everybody reads it alike."""


class CredentialNotSignable(Refusal):
    """What mastery says of this learner cannot be signed so that everybody reads it alike."""

    status = 409


class MediaTypeNotOffered(Refusal):
    """The credential is not offered in any of the media types asked for."""

    status = 406


class CursorMalformed(Refusal):
    """`after` is not a cursor this service gave."""
