"""Which of the offered media types a client wants most."""

from collections.abc import Sequence

from services.credentials.use_cases.refusals import MediaTypeNotOffered

ACCEPT_CHARACTERS_MAX = 1000


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type with the highest weight, the first of equals; nothing said takes the first."""
    if not accept:
        return offered[0]
    weights = _weights(accept[:ACCEPT_CHARACTERS_MAX])
    best = max(offered, key=lambda media_type: _weight(media_type, weights))
    if _weight(best, weights) <= 0:
        raise MediaTypeNotOffered(offered=list(offered))
    return best


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        weights[media_type] = _quality(parameters)
    return weights


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _weight(media_type: str, weights: dict[str, float]) -> float:
    """The most specific range that names it decides."""
    family = media_type.split("/", 1)[0] + "/*"
    return next((weights[name] for name in (media_type, family, "*/*") if name in weights), 0.0)
