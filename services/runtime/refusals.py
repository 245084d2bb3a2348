"""Refusals by name: one class for each rule that says no. No web framework is needed to be refused."""

import inspect
import re
from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """The request was refused."""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str = "", *, pointer: str | None = None, **extensions: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.extensions = extensions

    @classmethod
    def title(cls) -> str:
        """What a client reads: the docstring's first line."""
        return (inspect.getdoc(cls) or cls.__name__).splitlines()[0]

    @classmethod
    def slug(cls) -> str:
        """`ReceiptAlreadyUsed` is `receipt-already-used`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__).lower()

    def body(self) -> dict[str, object]:
        """The members of the problem document."""
        document = problem_document(self.slug(), self.title(), self.status)
        said = {"detail": self.detail or None, "pointer": self.pointer, **self.extensions}
        return document | {name: value for name, value in said.items() if value is not None}


def problem_document(slug: str, title: str, status: int) -> dict[str, object]:
    """The members every problem has."""
    return {"type": f"/problems/{slug}", "title": title, "status": status}
