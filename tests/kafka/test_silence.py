"""A client that falls silent is noticed and made anew; one that has nothing to say is left in peace."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError, LogTruncationError

from services.runtime.log.kafka.reader import KafkaReader, Tally
from services.runtime.log.kafka.silence import Silence
from services.runtime.log.port import LogUnavailable, OffsetOutOfRange
from tests.conformance.logs import TOPIC
from tests.runtime.consuming import Elapsed


@dataclass
class Log:
    """What lies on each partition, as offsets; the ends are one beyond."""

    ends_: dict[int, int]
    asked: int = 0

    def begins(self, topic: str) -> dict[int, int]:
        return dict.fromkeys(self.ends_, 0)

    def ends(self, topic: str) -> dict[int, int]:
        self.asked += 1
        return self.ends_


@dataclass
class Client:
    """The library's consumer, that may go deaf on some partitions."""

    log: Log
    deaf: set[int] = field(default_factory=set)
    fails: bool = False
    cut: set[int] = field(default_factory=set)  # where the log was cut below the position: said once
    closed: bool = False
    positions: dict = field(default_factory=dict)

    def assign(self, places):
        self.positions = dict.fromkeys(places, 0)

    def seek(self, place, offset):
        self.positions[place] = offset

    def position(self, place, timeout_ms):
        return self.positions[place]

    def poll(self, timeout_ms, max_records):
        if self.fails:
            raise KafkaTimeoutError
        if self.cut:
            places, self.cut = [place for place in self.positions if place.partition in self.cut], set()
            raise LogTruncationError(dict.fromkeys(places))
        found = {}
        for place, position in self.positions.items():
            end = self.log.ends_[place.partition]
            if place.partition not in self.deaf and position < end:
                found[place] = [
                    SimpleNamespace(offset=n, key=b"k", value=b"v", headers=[]) for n in range(position, end)
                ]
                self.positions[place] = end
        return found

    def close(self, autocommit, timeout_ms):
        self.closed = True


class World:
    def __init__(self, ends: dict[int, int]) -> None:
        self.log, self.elapsed, self.tally = Log(ends), Elapsed(), Tally()
        self.clients: list[Client] = []
        positions = dict.fromkeys(ends, 0)
        self.reader = KafkaReader(self.open, self.log, TOPIC, TOPIC, positions, self.tally, self.elapsed)

    def open(self) -> Client:
        self.clients.append(Client(self.log))
        return self.clients[-1]

    def poll(self, seconds: float = 1.0) -> list[tuple[int, int]]:
        self.elapsed.now_s += seconds
        return [(record.partition, record.offset) for record in self.reader.poll(0, 100)]


def test_a_client_that_falls_silent_is_made_anew_and_goes_on_where_it_stopped():
    world = World({0: 2, 1: 1})
    assert sorted(world.poll()) == [(0, 0), (0, 1), (1, 0)]
    world.clients[0].deaf = {0}
    world.log.ends_ = {0: 4, 1: 2}
    found = [place for _ in range(20) for place in world.poll()]
    assert found == [(1, 1), (0, 2), (0, 3)]
    assert [client.closed for client in world.clients] == [True, False]
    assert world.tally.rebuilt == 1


def test_a_client_with_nothing_to_say_is_asked_about_now_and_then_and_left_in_peace():
    world = World({0: 2, 1: 0})
    world.poll()
    asked = world.log.asked
    for _ in range(60):
        world.poll()
    assert len(world.clients) == 1
    assert world.tally.rebuilt == 0
    assert 4 <= world.log.asked - asked <= 12  # once in ten seconds for each partition


def test_a_long_transaction_between_two_polls_is_not_the_clients_silence():
    world = World({0: 2})
    world.poll()
    world.log.ends_ = {0: 3}
    world.clients[0].deaf = {0}
    assert world.poll(seconds=60.0) == []
    assert len(world.clients) == 1


def test_a_log_that_ends_before_the_position_is_out_of_range_although_the_client_says_nothing():
    world = World({0: 5})
    world.poll()
    world.log.ends_ = {0: 3}
    with pytest.raises(OffsetOutOfRange) as refused:
        [world.poll() for _ in range(20)]
    assert (refused.value.partition, refused.value.offset) == (0, 5)


def test_a_log_cut_below_several_positions_is_out_of_range_for_each_although_the_client_says_it_once_and_it_has_grown():
    world = World({0: 5, 1: 5, 2: 5})
    world.poll()
    world.clients[0].cut = {0, 2}
    world.log.ends_ = {0: 9, 1: 6, 2: 9}
    told = []
    for _ in range(2):
        with pytest.raises(OffsetOutOfRange) as refused:
            world.poll()
        told.append(refused.value.partition)
        world.reader.seek(refused.value.partition, 0)
    assert told == [0, 2]
    assert sorted(world.poll()) == [(0, n) for n in range(9)] + [(1, 5)] + [(2, n) for n in range(9)]


def test_a_client_that_failed_is_not_used_again_and_nothing_it_had_not_given_is_skipped():
    world = World({0: 2})
    world.poll()
    world.clients[0].fails = True
    world.log.ends_ = {0: 4}
    with pytest.raises(LogUnavailable):
        world.poll()
    assert world.poll() == [(0, 2), (0, 3)]
    assert [client.closed for client in world.clients] == [True, False]


def test_what_was_fetched_and_not_given_is_forgotten_at_a_seek():
    world = World({0: 50})
    assert len(world.reader.poll(0, 10)) == 10
    assert world.reader.position(0) == 10
    world.reader.seek(0, 48)
    assert world.poll() == [(0, 48), (0, 49)]
    assert world.reader.position(0) == 50


def test_silence_is_measured_from_the_last_movement():
    elapsed = Elapsed()
    silence = Silence(elapsed, interval_s=10.0)
    said = []
    for second, position in enumerate([0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]):
        elapsed.now_s = float(second)
        said.append(silence.observed({7: position}))
    assert said == [{}] * 12 + [{7: 5}, {}]
