"""Media types as a Content-Type header says them."""

from typing import Final

JSON: Final = "application/json"


def media_type(content_type: str) -> str:
    """Type and subtype in lower case, without parameters; empty where nothing is said."""
    return content_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Whether what is of this type is JSON, be it of a more particular kind."""
    return media_type == JSON or media_type.endswith("+json")
