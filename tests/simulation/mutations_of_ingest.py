"""Bugs put into redrives, moves, statements and files on purpose; see `mutations`."""

from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

from services.ingest.domain.records import Arrival, Bury
from services.ingest.storage import redrive as storage
from services.ingest.use_cases import merge, move, redrive, settle, xapi_read
from services.ingest.use_cases.move import Tools
from services.ingest.use_cases.redrive import RedriveBatch
from services.ingest.use_cases.settle_rows import SettleRows
from services.ingest.use_cases.xapi_take import TakeStatements
from services.ingest.use_cases.xapi_void import Voids

Mutated = AbstractContextManager[object]


def buries_nothing() -> Mutated:
    """A withdrawal of what is not accepted yet leaves no tombstone."""
    after = settle.version_after
    return patch.object(
        settle, "version_after", lambda decision, *said: None if isinstance(decision, Bury) else after(decision, *said)
    )


def forgets_the_order_of_arrival() -> Mutated:
    """What is redriven or released counts as said last."""
    decide, late = settle.decide, 1 << 50

    def wrong(item: Any, arrival: Any, *said: Any) -> Any:
        return decide(item, Arrival(arrival.order + late, arrival.content, arrival.learner), *said)

    return patch.object(settle, "decide", wrong)


def writes_in_a_dry_run() -> Mutated:
    """A dry run redrives."""

    def wrong(self: Any, draft: Any) -> Any:
        waiting = storage.still_waiting(draft.group.cursor, [each.entry.id for each in self.again])
        return [self._drive(draft, each) for each in self.again if each.entry.id in waiting]

    return patch.object(RedriveBatch, "decide", wrong)


def tallies_a_redrive_twice() -> Mutated:
    """What was redriven is still counted as quarantined."""
    change = RedriveBatch._change

    def wrong(self: Any, draft: Any, again: Any, settled: Any) -> None:
        change(self, draft, again, settled)
        draft.writes.tally[again.origin.tenant, again.origin.source, redrive.Outcome.QUARANTINED] += 1

    return patch.object(RedriveBatch, "_change", wrong)


def leaves_one_behind() -> Mutated:
    """A move takes all but the last piece."""
    in_force = Tools.in_force
    return patch.object(Tools, "in_force", lambda *said: dict(list(in_force(*said).items())[:-1]))


def records_stay_where_they_were() -> Mutated:
    """What is said later of a moved record looks for the evidence it had before."""
    return patch.object(move.moves, "records_of", lambda *_: {})


def moves_out_of_turn() -> Mutated:
    """A later move goes on before an older one is complete."""
    both = ExitStack()
    both.enter_context(patch.object(merge, "first_batch", move.move_some))
    both.enter_context(patch.object(move.MoveBatch, "decide", _this_move))
    return both


def _this_move(batch: Any, draft: Any) -> Any:
    asked = move.moves.move_by_id(draft.group.cursor, batch.move)
    assert asked is not None
    count, complete = batch._some(draft, asked) if asked.state in move.moves.UNDER_WAY else (0, True)
    return move.Moved(asked.id, asked.origin, asked.target, asked.moved + count, complete)


def gives_back_everything() -> Mutated:
    """An un-merge or a corrected link takes along what came by other names."""
    return patch.object(merge, "first_batch", lambda draft, tools, which, _: move.move_some(draft, tools, which, None))


def voids_nothing() -> Mutated:
    """A voided statement is marked, and what it proved stays."""
    return patch.object(Voids, "_take_back", lambda *_: None)


def takes_conflicts_for_repeats() -> Mutated:
    """The same statement id with other content is answered as if it were the same."""
    return patch.object(TakeStatements, "_same", lambda *_: True)


def is_lenient_with_all() -> Mutated:
    """Strict sources may send what only lenient ones may."""
    rules = xapi_read.rules
    return patch.object(xapi_read, "rules", lambda major, lenient: rules(major, lenient=True))


def steps_over_a_row() -> Mutated:
    """A file's last row of each transaction gets no outcome."""
    decide = SettleRows.decide

    def wrong(self: Any, draft: Any) -> Any:
        said = (self.settle, self.rows)
        last = self.progress.next_row + len(said[1]) - 1

        def settled(draft: Any, origin: Any, place: Any, item: Any) -> Any:
            return None if place.item == last else said[0](draft, origin, place, item)

        object.__setattr__(self, "settle", settled)
        return decide(self, draft)

    return patch.object(SettleRows, "decide", wrong)


OF_INGEST = (
    buries_nothing,
    forgets_the_order_of_arrival,
    writes_in_a_dry_run,
    tallies_a_redrive_twice,
    leaves_one_behind,
    records_stay_where_they_were,
    moves_out_of_turn,
    gives_back_everything,
    voids_nothing,
    takes_conflicts_for_repeats,
    is_lenient_with_all,
    steps_over_a_row,
)
