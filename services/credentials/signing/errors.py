"""Why a document cannot be signed or believed: a code a program can act on, and where."""


class NotSignable(Exception):
    """The document says something a signature over its quads would not cover, or two readers would read apart."""

    def __init__(self, code: str, pointer: str = "") -> None:
        super().__init__(f"{code} at {pointer or '/'}")
        self.code = code
        self.pointer = pointer
