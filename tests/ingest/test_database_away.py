"""The database is away for a while: no worker of the service ends for it, and all go on when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from services.runtime.store.database import StoreUnavailable
from tests.ingest.house import House
from tests.support.processes import wait_for

LOOKS = 40
LOOK_S = 0.3  # longer than any worker waits before it looks again
WITHIN_S = 60.0


@contextmanager
def away(house: House) -> Iterator[Event]:
    """Whoever reads or writes is told so; the event is set when many have been."""
    database, asked, enough = house.parts.database, [0], Event()

    @contextmanager
    def refused(**_: object) -> Iterator[None]:
        asked[0] += 1
        if asked[0] >= LOOKS:
            enough.set()
        raise StoreUnavailable("gone")
        yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "read", refused)
        patch.setattr(database, "write", refused)
        yield enough


def test_no_worker_ends_because_the_database_is_away(house: House) -> None:
    with away(house) as enough:
        assert enough.wait(WITHIN_S)
        for thread, worker in zip(house.threads, house.service.workers, strict=True):
            thread.join(LOOK_S)
            assert thread.is_alive(), worker.name
    wait_for(lambda: not house.service.ready(), WITHIN_S, "all is well again")
