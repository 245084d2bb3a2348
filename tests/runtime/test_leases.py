"""Leases on PostgreSQL: fair shares, give-backs, take-overs, and a fence that no late claim gets past."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from services.runtime.holding import Holding
from services.runtime.leases import LEASE_SCHEMA, Leases, fair_share
from services.runtime.store.factory import MIGRATIONS
from services.runtime.store.port import Fenced
from services.runtime.store.postgres import PostgresDatabase
from services.runtime.store.postgres_schema import migrate

PARTITIONS = 4
SHORT_S = 0.4
Member = Callable[..., Leases]


@pytest.fixture
def member(postgres) -> Iterator[Member]:
    """Makes processes' leases, all in one store."""
    url, opened = postgres.fresh(), []
    migrate(url, "service", (*MIGRATIONS, LEASE_SCHEMA))

    def make(lease_s: float = 60.0) -> Leases:
        opened.append(PostgresDatabase(url, "service", None))
        return Leases(opened[-1], PARTITIONS, lease_s=lease_s, heartbeat_s=0.05)

    yield make
    for database in opened:
        database.close()


def worked(leases: Leases) -> set[int]:
    return set(leases.mine())


def settle(*members: Leases) -> None:
    """Everybody's heartbeats, and between them the ends of transactions at which surplus is given back."""
    holdings = [Holding(leases) for leases in members]
    for _ in range(4):
        for leases, holding in zip(members, holdings, strict=True):
            leases.beat()
            holding.follow()


def test_shares_differ_by_one_at_most_and_make_the_whole():
    for partitions in range(1, 20):
        for living in range(1, 8):
            shares = [fair_share(partitions, place, living) for place in range(living)]
            assert sum(shares) == partitions
            assert max(shares) - min(shares) <= 1


def test_one_process_works_everything_and_gives_up_its_surplus_to_those_who_come(member: Member):
    first, second, third = member(), member(), member()
    settle(first)
    assert worked(first) == {0, 1, 2, 3}
    settle(first, second)
    assert {len(worked(each)) for each in (first, second)} == {2}
    settle(first, second, third)
    assert sorted(len(worked(each)) for each in (first, second, third)) == [1, 1, 2]
    assert worked(first) | worked(second) | worked(third) == {0, 1, 2, 3}


def test_a_surplus_is_worked_by_its_owner_until_its_transaction_has_ended(member: Member):
    """In between, two would be writing: the second would be fenced, or the first."""
    first, second = member(), member()
    holding = Holding(first)
    first.beat()
    assert len(holding.follow()) == 4
    for _ in range(3):
        second.beat()
        first.beat()
    assert worked(second) == set(), "nothing is free before the first lets go"
    assert len(holding.follow()) == 2
    first.beat()
    second.beat()
    assert len(worked(second)) == 2
    assert (first.losses, second.losses) == (0, 0)


def test_whoever_leaves_is_followed_at_once_and_whoever_dies_when_its_leases_expire(member: Member):
    first, second = member(), member(SHORT_S)
    settle(first, second)
    second.leave()
    settle(first)
    assert worked(first) == {0, 1, 2, 3}

    third = member(SHORT_S)
    settle(first, third)
    assert len(worked(first)) == 2
    died_at = time.monotonic()
    while len(worked(first)) < 4:
        assert time.monotonic() - died_at < 30
        settle(first)
    assert time.monotonic() - died_at > SHORT_S / 2, "not before they expired"


def test_a_process_that_stood_still_learns_that_its_partitions_are_anothers(member: Member):
    sleeper, other = member(SHORT_S), member()
    dropped: list[int] = []
    holding = Holding(sleeper, drop=dropped.append)
    sleeper.beat()
    holding.follow()
    while len(worked(other)) < 4:
        other.beat()
        time.sleep(0.05)
    sleeper.beat()
    assert sleeper.losses == 4
    assert holding.follow() == {}
    assert sorted(dropped) == [0, 1, 2, 3]


def test_a_claim_that_comes_too_late_raises_no_fence(member: Member):
    """Granted, then asleep before its claim: the successor's fence must stand."""
    sleeper, other = member(SHORT_S), member()
    sleeper.beat()
    lease = sleeper.mine()[0]
    while 0 not in worked(other):
        other.beat()
        time.sleep(0.05)

    def take(lease) -> None:
        with sleeper._database.write() as cursor:
            if not lease.stands(cursor):
                raise Fenced

    holding = Holding(sleeper, take)
    assert holding.follow() == {}
    assert sleeper.losses == 4
    with other._database.write() as cursor:
        assert not lease.stands(cursor)
        assert other.mine()[0].stands(cursor)


def test_what_a_fence_refused_is_given_back_and_may_be_had_again(member: Member):
    one = member()
    holding = Holding(one)
    one.beat()
    term = holding.follow()[2].term
    holding.lost(2)
    holding.lost(2)
    assert one.losses == 1
    assert 2 not in holding.follow()
    one.beat()
    assert holding.follow()[2].term > term


def test_however_processes_come_stand_still_and_go_no_partition_is_worked_by_two_and_each_is_in_the_end(
    member: Member,
):
    """Worked: under a lease that stands, by the database's word, at one instant."""
    random = Random(5)
    living: list[tuple[Leases, Holding]] = []
    for _ in range(120):
        what = random.random()
        if len(living) < 2 or (what < 0.1 and len(living) < 5):
            leases = member(SHORT_S)
            living.append((leases, Holding(leases)))
        elif what < 0.15:
            living.pop(random.randrange(len(living)))
        leases, holding = random.choice(living)
        leases.beat()
        holding.follow()
        with leases._database.write() as cursor:
            stands = [each for _, held in living for each in held._held.values() if each.stands(cursor)]
        assert max(Counter(lease.partition for lease in stands).values(), default=0) <= 1
    deadline = time.monotonic() + 30
    while sorted(part for leases, _ in living for part in worked(leases)) != [0, 1, 2, 3]:
        assert time.monotonic() < deadline
        for leases, holding in living:
            leases.beat()
            holding.follow()


def test_heartbeats_go_on_while_the_services_own_transactions_are_long(member: Member):
    """They have a connection of their own, and a database that is away is waited for."""
    leases, stop = member(), threading.Event()
    thread = threading.Thread(target=leases.run, args=[stop], daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while len(worked(leases)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stop.set()
    thread.join(10)
    assert leases.ready() == {}
