"""Bytes fetched by the page: each is given out once, in this process and in one that was forked from it."""

import os
from concurrent.futures import ThreadPoolExecutor

from services.runtime.randomness import FETCHED_BYTES, random_bytes


def test_no_bytes_are_given_out_twice_whoever_asks() -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: random_bytes(12), range(5_000)))
    assert {len(each) for each in given} == {12}
    assert len(set(given)) == len(given)


def test_more_than_is_fetched_at_once_is_given_too() -> None:
    assert len(random_bytes(3 * FETCHED_BYTES)) == 3 * FETCHED_BYTES
    assert random_bytes(0) == b""


def test_a_forked_process_gives_out_others() -> None:
    random_bytes(16)  # a page is fetched
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 16) != random_bytes(16)
    os.close(reads)
    os.close(writes)
