"""Bugs put into the services on purpose: each must be found out within a few seeds, or the checker proves nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from services.credentials.domain import award
from services.credentials.domain.achievement import Rule
from services.credentials.storage import rows
from services.credentials.use_cases import follow
from services.credentials.use_cases.transfer import Transfers
from services.ingest.publishing import Publishing
from services.ingest.storage import vault
from services.ingest.use_cases.group_commit import GroupCommit
from services.mastery.domain import passing
from services.mastery.domain.shelving import Shelving
from services.mastery.storage.drafts import Draft
from services.mastery.storage.learners import Learners
from services.mastery.use_cases.assess import PartitionWriter
from services.mastery.use_cases.tending import Tending
from services.runtime.relay import Relay
from services.runtime.store.partition import StoredPartition
from tests.simulation.mutations_of_ingest import OF_INGEST
from tests.simulation.run import Run

EVERY = 7  # one in so many goes wrong


def drops_one_event() -> AbstractContextManager[object]:
    """Mastery passes over a record now and then."""
    take_one = PartitionWriter._take_one

    def wrong(self: Any, record: Any, *others: Any) -> None:
        if record.seq % EVERY != EVERY - 1:
            take_one(self, record, *others)

    return patch.object(PartitionWriter, "_take_one", wrong)


def counts_one_twice() -> AbstractContextManager[object]:
    """Ingest publishes an acceptance a second time, under another id."""
    publish = Publishing.__call__

    def wrong(self: Any, occurrence: Any, new_id: Any) -> Any:
        twice = type(occurrence.decision).__name__ == "Accept" and occurrence.evidence.int % EVERY == 0
        again = occurrence.__class__(
            occurrence.decision, occurrence.origin, occurrence.receipt, occurrence.learner, new_id(), occurrence.at
        )
        return publish(self, occurrence, new_id) + (publish(self, again, new_id) if twice else [])

    return patch.object(Publishing, "__call__", wrong)


def swaps_two_of_a_learner() -> AbstractContextManager[object]:
    """Mastery takes two records of one batch in the wrong order."""
    take = PartitionWriter.take

    def wrong(self: Any, records: Any, position: Any) -> None:
        take(self, [*records[:-2], *reversed(records[-2:])], position)

    return patch.object(PartitionWriter, "take", wrong)


def skips_a_revocation() -> AbstractContextManager[object]:
    """Credentials hears of a lapse and does nothing."""
    return patch.object(follow, "lapse", lambda *_: None)


def loses_a_record_in_the_relay() -> AbstractContextManager[object]:
    """The relay takes a message for sent that it never sent."""
    following = Relay._next

    def wrong(self: Any, cursor: Any, lease: Any) -> Any:
        return [record for record in following(self, cursor, lease) if record.seq % EVERY != EVERY - 1]

    return patch.object(Relay, "_next", wrong)


def lets_stamps_go_back() -> AbstractContextManager[object]:
    """`recorded_at` follows the clock, also when that goes back."""

    def wrong(self: Any) -> Any:
        self.batch.known_to = self.now
        return self.now

    return patch.object(Draft, "stamp", wrong)


def forgets_the_last_that_was_parked() -> AbstractContextManager[object]:
    """A link releases all that waited but one."""
    parked_of = vault.parked_of
    return patch.object(vault, "parked_of", lambda *said: parked_of(*said)[:-1])


def answers_before_it_is_durable() -> AbstractContextManager[object]:
    """Senders are told of a group that is then not written."""
    commit = GroupCommit.commit

    def wrong(self: Any, gathered: Any) -> None:
        if self._clock.now().microsecond or self.commits % EVERY != EVERY - 1:
            commit(self, gathered)
            return
        self.commits += 1
        for waiting in gathered:
            waiting.answer.set_result(None)

    return patch.object(GroupCommit, "commit", wrong)


def counts_what_was_withdrawn() -> AbstractContextManager[object]:
    """A withdrawal takes nothing off the shelf."""
    return patch.object(Shelving, "_set_aside", lambda *_: {})


def awards_what_has_lapsed() -> AbstractContextManager[object]:
    """A lapse does not strike the learner off the list of those who meet the requirement."""
    return patch.object(rows, "requirement_lapsed", lambda *_: lambda _: None)


def sweeps_nobody() -> AbstractContextManager[object]:
    """A policy is activated, and whoever sends nothing more never adopts it."""
    return patch.object(Learners, "unswept", lambda *_: [])


def stores_the_position_before_the_decisions() -> AbstractContextManager[object]:
    """A batch that fails has been stepped over all the same."""
    commit = StoredPartition.commit

    def wrong(self: Any, batch: Any) -> None:
        for topic, at in batch.positions.items():
            self._database._writer.execute(
                "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)",
                (topic, self.partition, at.next_offset, at.last_seq),
            )
        commit(self, batch)

    return patch.object(StoredPartition, "commit", wrong)


def hands_nothing_on() -> AbstractContextManager[object]:
    """The survivor of a merge is awarded anew, and the old award left to a person."""
    return patch.multiple(Transfers, on_met=lambda *_: set(), heir=lambda *_: None)


def revokes_for_a_merge() -> AbstractContextManager[object]:
    """Every lapse revokes at once, whatever its cause."""
    return patch.object(follow, "rule_for", lambda *_: Rule.AT_ONCE)


def sleeps_through_what_is_due() -> AbstractContextManager[object]:
    """What time alone brings about waits until somebody says something of the learner."""
    return patch.object(Tending, "fire", lambda _: 0)


def tells_what_was_due_as_of_now() -> AbstractContextManager[object]:
    """Whatever came due since somebody last looked is settled at once, as of the moment it is looked at."""
    settle_at = passing._settle_at

    def wrong(settlement: Any, shelving: Any, rules: Any, before: Any, occasion: Any) -> None:
        late = replace(occasion, as_of=max(occasion.as_of, occasion.recorded_at))
        settle_at(settlement, shelving, rules, before, late)

    return patch.object(passing, "_settle_at", wrong)


def takes_back_what_has_expired() -> AbstractContextManager[object]:
    """Of a credential that time has ended, as it says itself, a person is asked whether to revoke it."""
    return patch.object(award, "_has_expired", lambda *_: False)


@contextmanager
def somebody_edits_an_event() -> Iterator[None]:
    """The instant of one stored event is changed by hand."""
    rest = Run.rest

    def wrong(self: Any) -> None:
        rest(self)
        with sqlite3.connect(self.folder / "mastery" / "mastery.db") as connection:
            connection.execute("UPDATE event SET recorded_at = recorded_at + 1 WHERE part = 0 AND seq = 2")

    with patch.object(Run, "rest", wrong):
        yield


MUTATIONS: tuple[Callable[[], AbstractContextManager[object]], ...] = (
    drops_one_event,
    counts_one_twice,
    swaps_two_of_a_learner,
    skips_a_revocation,
    loses_a_record_in_the_relay,
    lets_stamps_go_back,
    forgets_the_last_that_was_parked,
    answers_before_it_is_durable,
    counts_what_was_withdrawn,
    awards_what_has_lapsed,
    sweeps_nobody,
    stores_the_position_before_the_decisions,
    somebody_edits_an_event,
    hands_nothing_on,
    revokes_for_a_merge,
    sleeps_through_what_is_due,
    tells_what_was_due_as_of_now,
    takes_back_what_has_expired,
    *OF_INGEST,
)
