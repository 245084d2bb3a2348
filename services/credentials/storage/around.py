"""The awards around learners, those of many learners in one question."""

from collections.abc import Callable, Sequence
from uuid import UUID

from services.credentials.storage.queries import READABLE, AwardRow, Queries

AROUND_MAX = 10_000  # of one learner
Around = dict[UUID, list[AwardRow]]  # by learner, in the order they changed


def held_by(queries: Queries, tenant: str, learners: Sequence[UUID]) -> Around:
    """Every award each learner has now; what was made for somebody who is erased can be read no more."""

    def ask(some: Sequence[UUID]) -> list[AwardRow]:
        held = f"tenant = ? AND holder IN ({_marks(some)}) AND {READABLE}"
        return queries.awards_where(held, values=(tenant, *_named(some)), limit=AROUND_MAX)

    return _shared_out(ask, learners, lambda row: {row.holder})


def moved_around(queries: Queries, tenant: str, learners: Sequence[UUID]) -> Around:
    """Awards that came to each learner by a merge, went from it by one, or may yet come to it."""

    def ask(some: Sequence[UUID]) -> list[AwardRow]:
        among = f"IN ({_marks(some)}) AND {READABLE}"
        return queries.awards_where(
            f"tenant = ? AND learner <> holder AND holder {among}",
            f"tenant = ? AND learner <> holder AND learner {among}",
            f"tenant = ? AND heir {among}",
            values=(tenant, *_named(some)) * 3,
            limit=AROUND_MAX,
        )

    return _shared_out(ask, learners, _concerned)


def _concerned(row: AwardRow) -> set[UUID]:
    """From whom to whom it went, and to whom it may yet."""
    moved = {row.learner, row.holder} if row.learner != row.holder else set()
    return moved | ({row.heir} if row.heir is not None else set())


def _shared_out(
    ask: Callable[[Sequence[UUID]], list[AwardRow]],
    learners: Sequence[UUID],
    concerned: Callable[[AwardRow], set[UUID]],
) -> Around:
    rows = ask(learners)
    if len(rows) == AROUND_MAX and len(learners) > 1:  # perhaps not all: then as many of each
        return {one: ask([one]) for one in learners}
    found: Around = {one: [] for one in learners}
    for row in rows:
        for one in concerned(row) & found.keys():
            found[one].append(row)
    return found


def _marks(learners: Sequence[UUID]) -> str:
    return ",".join("?" * len(learners))


def _named(learners: Sequence[UUID]) -> list[bytes]:
    return [one.bytes for one in learners]
