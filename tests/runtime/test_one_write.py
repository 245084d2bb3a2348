"""An answer leaves in one piece, whole and in order, whatever its form."""

import asyncio
from typing import Any

import pytest

from services.runtime.one_write import OneWrite

HEAD, BODY = b"HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\n\r\n", b"body"


class Line:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return name


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ([HEAD, BODY], [HEAD + BODY]),
        ([HEAD, b""], [HEAD]),
        ([HEAD], [HEAD]),
        ([HEAD, BODY, BODY], [HEAD + BODY, BODY]),
        ([HEAD, HEAD], [HEAD + HEAD]),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], [b"HTTP/1.1 100 Continue\r\n\r\n"]),
        ([BODY], [BODY]),
    ],
)
def test_a_head_leaves_with_what_follows_it_or_by_itself_at_the_end_of_the_turn(said, written):
    assert _written(lambda transport: [transport.write(each) for each in said]) == written


def test_what_is_no_head_or_only_announces_one_is_not_held_back():
    async def turn() -> list[bytes]:
        line = Line()
        transport = OneWrite(line, asyncio.get_running_loop())
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        transport.write(BODY)
        return list(line.written)

    assert asyncio.run(turn()) == [b"HTTP/1.1 100 Continue\r\n\r\n", BODY]


def test_closing_lets_the_head_go_first():
    def head_then_close(transport: OneWrite) -> None:
        transport.write(HEAD)
        transport.close()

    assert _written(head_then_close) == [HEAD]


def test_a_head_whose_line_was_cut_is_dropped():
    async def cut() -> list[bytes]:
        line = Line()
        transport = OneWrite(line, asyncio.get_running_loop())
        transport.write(HEAD)
        line.closed = True
        await asyncio.sleep(0)
        return line.written

    assert asyncio.run(cut()) == []


def test_everything_else_is_the_transports_own():
    async def ask() -> str:
        found: str = OneWrite(Line(), asyncio.get_running_loop()).get_extra_info("peername")
        return found

    assert asyncio.run(ask()) == "peername"


def _written(use: Any) -> list[bytes]:
    async def turn() -> list[bytes]:
        line = Line()
        use(OneWrite(line, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return line.written

    return asyncio.run(turn())
