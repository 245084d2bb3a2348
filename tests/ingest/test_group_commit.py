"""The group commit: together in one transaction, apart in success and failure, never answered before it is durable."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from services.ingest.domain.catalogue import Catalogue
from services.ingest.storage.schema import MIGRATIONS
from services.ingest.use_cases.group import Draft, Group, Wanted
from services.ingest.use_cases.group_commit import GroupCommit, NotDurable, PerhapsDurable, TooBusy
from services.ingest.use_cases.queue import Waiting
from services.runtime.clock import RandomIds, SystemClock
from services.runtime.problems import Refusal
from services.runtime.store.database import CommitUnknown, StoreUnavailable
from services.runtime.store.sqlite import SqliteDatabase
from services.runtime.stored_keys import SqliteKeyStore

OPEN = "INSERT INTO stream (id, tenant, source, next_line, opened_at) VALUES (?, 't', 's', 1, 0)"


@dataclass
class Note:
    """Work that writes one row under its name, or fails as told."""

    items: ClassVar[int] = 1
    name: bytes
    alone: bool = False
    fails: Exception | None = None
    behind: bool = False
    seen: list[int] = field(default_factory=list)

    def ask(self, group: Group) -> None:
        self.seen.append(len(group.writes.rows.get(OPEN, [])))

    def decide(self, draft: Draft) -> bytes:
        draft.writes.add(OPEN, (self.name,))
        if self.fails:
            raise self.fails
        return self.name


@dataclass
class Wanting(Note):
    """Work that says beforehand what it wants, and finds it looked up."""

    ask = None  # type: ignore[assignment]

    def want(self, wanted: Wanted) -> None:
        wanted.records.add(self.name)

    def decide(self, draft: Draft) -> bytes:
        self.seen.append(len(draft.group.looked.records))
        return super().decide(draft)


@pytest.fixture
def commits(tmp_path: Path) -> Iterator[GroupCommit]:
    """A group commit nobody runs: the test gathers and commits."""
    database = SqliteDatabase(tmp_path / "ingest.db", MIGRATIONS)
    keys = SqliteKeyStore(tmp_path / "keys")
    yield GroupCommit(database, keys, SystemClock(), RandomIds(), lambda _: Catalogue(), 4, waiting_max=8)
    database.close()
    keys.close()


def names(commits: GroupCommit) -> set[bytes]:
    """What is durable."""
    with commits._database.read() as cursor:
        return {row[0] for row in cursor.execute("SELECT id FROM stream").fetchall()}


def test_what_waits_is_committed_together(commits: GroupCommit) -> None:
    answers = [commits.submit(Note(bytes([n]))) for n in range(5)]
    commits.commit(commits._queue.group(0))
    assert [answer.result(0) for answer in answers] == [bytes([n]) for n in range(5)]
    assert commits.commits == 1


def test_what_all_want_is_asked_for_once_before_any_is_decided(commits: GroupCommit) -> None:
    works = [Wanting(b"a"), Note(b"b"), Wanting(b"c")]
    answers = [commits.submit(work) for work in works]
    commits.commit(commits._queue.group(0))
    assert [answer.result(0) for answer in answers] == [b"a", b"b", b"c"]
    assert works[0].seen == works[2].seen == [2]


def test_what_work_by_itself_wants_is_asked_for_too(commits: GroupCommit) -> None:
    work = Wanting(b"a")
    commits.submit(work)
    commits.commit(commits._queue.group(0))
    assert work.seen == [1]


def test_work_that_fails_takes_nothing_of_its_neighbours_along(commits: GroupCommit) -> None:
    good, refused, broken, last = (
        commits.submit(work)
        for work in (Note(b"a"), Note(b"b", fails=Refusal()), Note(b"c", fails=KeyError("x")), Note(b"d"))
    )
    commits.commit(commits._queue.group(0))
    assert (good.result(0), last.result(0)) == (b"a", b"d")
    assert isinstance(refused.exception(0), Refusal)
    assert isinstance(broken.exception(0), KeyError)
    assert names(commits) == {b"a", b"d"}


def test_work_that_must_be_alone_makes_a_group_of_its_own_in_its_turn(commits: GroupCommit) -> None:
    alone = Note(b"b", alone=True)
    for work in (Note(b"a"), alone, Note(b"c")):
        commits.submit(work)
    groups = [[waiting.work for waiting in commits._queue.group(0)] for _ in range(3)]
    assert [[work.name for work in group] for group in groups] == [[b"a"], [b"b"], [b"c"]]


def test_whoever_comes_to_a_door_waits_for_one_piece_of_background_work_at_most(commits: GroupCommit) -> None:
    for work in (Note(b"1", behind=True), Note(b"2", behind=True), Note(b"a"), Note(b"3", behind=True), Note(b"b")):
        commits.submit(work)
    groups = [[waiting.work.name for waiting in commits._queue.group(0)] for _ in range(2)]
    commits.submit(Note(b"c"))
    groups += [[waiting.work.name for waiting in commits._queue.group(0)] for _ in range(3)]
    assert groups == [[b"a", b"b"], [b"1"], [b"c"], [b"2"], [b"3"]]


def test_background_work_goes_on_however_much_comes_to_the_doors(commits: GroupCommit) -> None:
    answers = [commits.submit(Note(bytes([n]), behind=True)) for n in range(3)]
    for n in range(6):
        commits.submit(Note(bytes([100 + n])))
        commits.step(0)
    assert all(answer.done() for answer in answers)


def test_a_long_line_behind_refuses_nobody_at_the_doors(commits: GroupCommit) -> None:
    for n in range(20):
        commits.submit(Note(bytes([n]), behind=True))
    commits.check()
    answer = commits.submit(Note(b"a"))
    commits.step(0)
    assert answer.result(0) == b"a"


def test_beyond_its_bound_the_queue_refuses_at_once_and_says_when_to_come_back(commits: GroupCommit) -> None:
    for n in range(8):
        commits.submit(Note(bytes([n])))
    with pytest.raises(TooBusy):
        commits.check()
    with pytest.raises(TooBusy) as refused:
        commits.submit(Note(b"one too many"))
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"] == "1"


def test_what_the_database_refuses_is_not_durable_and_leaves_its_neighbours_alone(
    commits: GroupCommit,
) -> None:
    class Twice(Note):
        def decide(self, draft: Draft) -> bytes:
            draft.writes.add(OPEN, (self.name,), (self.name,))
            return self.name

    answers = [commits.submit(Note(b"a")), commits.submit(Twice(b"b"))]
    commits.commit(commits._queue.group(0))
    assert answers[0].result(0) == b"a"
    assert isinstance(answers[1].exception(0), NotDurable)
    assert names(commits) == {b"a"}
    assert "group commit" in commits.ready()
    commits.submit(Note(b"c"))
    commits.commit(commits._queue.group(0))
    assert names(commits) == {b"a", b"c"}
    assert commits.ready() == {}


@pytest.mark.parametrize(("fault", "said"), [(StoreUnavailable, NotDurable), (CommitUnknown, PerhapsDurable)])
def test_a_database_in_trouble_is_asked_once_for_all_and_everybody_told(
    commits: GroupCommit, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], said: type[Refusal]
) -> None:
    tried = []

    def write(*, in_turn: bool = False) -> Any:
        tried.append(in_turn)
        raise fault("gone")

    answers = [commits.submit(Note(bytes([n]))) for n in range(5)]
    with monkeypatch.context() as patch:
        patch.setattr(commits._database, "write", write)
        commits.commit(commits._queue.group(0))
    assert [type(answer.exception(0)) for answer in answers] == [said] * 5
    assert len(tried) == 1
    commits.submit(Note(b"z"))
    commits.commit(commits._queue.group(0))
    assert names(commits) == {b"z"}
    assert commits.ready() == {}


def test_nothing_is_answered_before_it_is_durable(commits: GroupCommit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, set[bytes]]] = []
    answer = commits.submit(Note(b"a"))
    answer.add_done_callback(lambda done: seen.append((done.done(), names(commits))))
    write = Group.write

    def watched(self: Group, *said: Any) -> None:
        assert not answer.done()
        write(self, *said)

    monkeypatch.setattr(Group, "write", watched)
    commits.commit(commits._queue.group(0))
    assert seen == [(True, {b"a"})]


def test_told_to_stop_it_first_commits_what_waits(commits: GroupCommit) -> None:
    answers = [commits.submit(Note(bytes([n]), alone=n % 2 == 0)) for n in range(6)]
    stop = threading.Event()
    stop.set()
    commits.run(stop)
    assert all(answer.done() for answer in answers)
    assert len(names(commits)) == 6


def test_a_caller_that_hangs_up_does_not_disturb_the_group(commits: GroupCommit) -> None:
    gone, stays = commits.submit(Note(b"a")), commits.submit(Note(b"b"))
    assert not gone.cancel()
    commits.commit(commits._queue.group(0))
    assert stays.result(0) == b"b"
    assert isinstance(Waiting(Note(b"x")).answer.done(), bool)


def test_those_who_await_are_told_on_their_loop_once_for_the_group(commits: GroupCommit) -> None:
    crossings: list[int] = []

    async def send() -> list[object]:
        loop = asyncio.get_running_loop()
        across = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *said: crossings.append(1) or across(*said)  # type: ignore[method-assign]
        works = [Note(b"a"), Note(b"b", fails=Refusal()), Note(b"c")]
        waiting = [asyncio.create_task(commits.take(work)) for work in works]
        await asyncio.sleep(0)
        writer = threading.Thread(target=commits.step)
        writer.start()
        said = await asyncio.gather(*waiting, return_exceptions=True)
        writer.join()
        return said

    first, refused, last = asyncio.run(send())
    assert (first, last) == (b"a", b"c")
    assert isinstance(refused, Refusal)
    assert len(crossings) == 2  # the refusal, and the group
    assert names(commits) == {b"a", b"c"}


def test_one_who_no_longer_awaits_and_a_loop_that_has_ended_do_not_disturb_the_group(commits: GroupCommit) -> None:
    async def leave(name: bytes, *, stay: bool) -> object:
        gone, stays = (asyncio.create_task(commits.take(Note(name + each))) for each in (b"1", b"2"))
        await asyncio.sleep(0)
        gone.cancel()
        if not stay:
            stays.cancel()
            return None
        await asyncio.to_thread(commits.step)
        return await stays

    assert asyncio.run(leave(b"a", stay=True)) == b"a2"
    asyncio.run(leave(b"b", stay=False))  # its loop has ended when the group is committed
    answer = commits.submit(Note(b"c"))
    commits.step()
    assert answer.result(0) == b"c"
    assert names(commits) == {b"a1", b"a2", b"b1", b"b2", b"c"}
