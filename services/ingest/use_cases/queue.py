"""What waits for a commit, in two lines: what somebody stands at a door for, and what nobody waits to be answered."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Full
from typing import Any, Protocol

from services.ingest.use_cases.answers import Answer
from services.ingest.use_cases.group import Draft

GROUP_ITEMS_MAX = 2000
GROUP_WORK_MAX = 512


class Work(Protocol):
    """What a request wants decided and written; `alone` when it reads rows that its group would only be writing.

    Work may say `behind`: nobody stands at a door for it, and each has a transaction of its own. Work that knows before
    it looks what it wants may say that in `want(wanted)` instead of `ask`: a group is asked for all of it at once.
    """

    @property
    def items(self) -> int: ...

    @property
    def alone(self) -> bool: ...

    def decide(self, draft: Draft) -> Any:
        """The answer; a Refusal refuses this work and nothing else."""


@dataclass(slots=True)
class Waiting:
    """Work and who waits for it."""

    work: Work
    answer: Answer = field(default_factory=Future)
    result: Any = None


class WorkQueue:
    """The two lines take turns: whoever comes to a door waits for one piece of work from behind at most."""

    def __init__(self, waiting_max: int) -> None:
        self._doors, self._behind = deque[Waiting](), deque[Waiting]()
        self._waiting_max = waiting_max
        self._came = threading.Condition()
        self._behind_next = False

    def put(self, waiting: Waiting) -> None:
        """At the end of its line; raises queue.Full when the doors' is too long."""
        with self._came:
            if getattr(waiting.work, "behind", False):
                self._behind.append(waiting)
            elif len(self._doors) >= self._waiting_max:
                raise Full
            else:
                self._doors.append(waiting)
            self._came.notify()

    @property
    def full(self) -> bool:
        """Is the doors' line as long as it may be?"""
        return len(self._doors) >= self._waiting_max

    def __len__(self) -> int:
        return len(self._doors) + len(self._behind)

    def group(self, wait_s: float) -> list[Waiting]:
        """What one transaction is to hold: one piece from behind, or everything from the doors up to a limit.

        Nothing, when nothing comes in time.
        """
        with self._came:
            self._came.wait_for(lambda: self._doors or self._behind, wait_s)
            if self._behind and (self._behind_next or not self._doors):
                self._behind_next = False
                return [self._behind.popleft()]
            self._behind_next = True
            return self._from_doors()

    def _from_doors(self) -> list[Waiting]:
        """Work that must be alone ends a group and makes one of its own."""
        group, items = list[Waiting](), 0
        while self._doors and items < GROUP_ITEMS_MAX and len(group) < GROUP_WORK_MAX:
            alone = self._doors[0].work.alone
            if group and alone:
                break
            group.append(self._doors.popleft())
            items += group[-1].work.items
            if alone:
                break
        return group
