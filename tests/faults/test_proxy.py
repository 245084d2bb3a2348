"""The proxy does what it says: without it no finding of the harness means anything."""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.proxy import FaultProxy


class Counting(socketserver.ThreadingTCPServer):
    """Answers every line with its number: how many were done, whether or not anybody heard."""

    allow_reuse_address = daemon_threads = True
    done = 0


class Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            self.server.done += 1  # type: ignore[attr-defined]
            self.wfile.write(b"%d %s" % (self.server.done, line))  # type: ignore[attr-defined]


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def proxy(server: Counting) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", server.server_address[1]) as made:
        yield made


def client(proxy: FaultProxy) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    made.settimeout(5)
    return made


def ask(connection: socket.socket, line: bytes) -> bytes:
    connection.sendall(line)
    return connection.recv(1000)


def hung_up(talk: Callable[[], bytes]) -> bool:
    """Whether the other side reset or closed instead of answering."""
    try:
        return talk() == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def knock(proxy: FaultProxy) -> bytes:
    with client(proxy) as one:
        return ask(one, b"knock\n")


def test_a_whole_link_passes_both_ways(proxy):
    with client(proxy) as one, client(proxy) as two:
        assert ask(one, b"a\n") == b"1 a\n"
        assert ask(two, b"b\n") == b"2 b\n"


def test_a_lost_reply_is_to_something_done(proxy, server):
    proxy.lose_reply(after=b"COMMIT")
    with client(proxy) as one:
        assert ask(one, b"begin\n") == b"1 begin\n"
        with pytest.raises(ConnectionResetError):
            ask(one, b"COMMIT\n")
    assert (server.done, proxy.lost_replies, proxy.to_lose) == (2, 1, 0)
    with client(proxy) as again:
        assert ask(again, b"COMMIT\n") == b"3 COMMIT\n"


def test_a_cut_resets_what_stands_and_refuses_what_comes(proxy, server):
    with client(proxy) as one:
        ask(one, b"a\n")
        proxy.cut()
        assert hung_up(lambda: ask(one, b"b\n"))
    assert hung_up(lambda: knock(proxy))
    assert server.done == 1
    proxy.mend()
    with client(proxy) as three:
        assert ask(three, b"d\n") == b"2 d\n"


def test_half_open_tells_nobody_and_a_mended_link_starts_anew(proxy, server):
    with client(proxy) as one:
        ask(one, b"a\n")
        proxy.half_open()
        one.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ask(one, b"b\n")
        assert server.done == 1
        proxy.mend()
        one.settimeout(5)
        assert hung_up(lambda: one.recv(10))
    with client(proxy) as two:
        assert ask(two, b"c\n").endswith(b"c\n")


def test_latency_is_added_to_each_way(proxy):
    with client(proxy) as one:
        proxy.delay_s = 0.1
        began = time.monotonic()
        ask(one, b"a\n")
        assert time.monotonic() - began >= 0.2


def test_a_server_that_is_down_looks_like_a_cut(server):
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with FaultProxy("127.0.0.1", port) as proxy:
        assert hung_up(lambda: knock(proxy))
