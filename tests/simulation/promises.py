"""A promise, and what it is called that was not kept."""


class Broken(AssertionError):
    """A promise that was not kept."""


def must(holds: object, promise: str, *found: object) -> None:
    if not holds:
        raise Broken(f"{promise}: {' | '.join(map(str, found))}")
