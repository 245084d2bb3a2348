"""The servers under everything else: unprivileged, restartable with their data, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Broker, Postgres, ServerMissing, places
from tests.servers.missing import program
from tests.servers.places import free_port, listening
from tests.servers.process import Process, ServerFailed
from tests.support.paths import ROOT
from tests.support.processes import wait_for

ORPHANS = """
import os, signal
from tests.servers import Broker, Postgres
servers = [Postgres().start(), Broker().start()]
print(*[server.pid for server in servers], *[server.folder for server in servers], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

OTHERS = """
from tests.servers import places
places.PORTS = {0} * 100
print(places.free_port())
"""


def test_a_port_given_out_is_nobody_elses_and_its_servers_own(monkeypatch):
    two = (free_port(), free_port())
    for keeper in places.KEEPERS[-2:]:
        keeper.close()
    monkeypatch.setattr(places, "PORTS", (*two, *[two[0]] * 200))
    mine = free_port()
    other = subprocess.run([sys.executable, "-c", OTHERS.format(two)], cwd=ROOT, capture_output=True, text=True)
    assert {mine, int(other.stdout)} == set(two), other.stderr
    for _ in range(2):
        with socket.create_server(("127.0.0.1", mine)):
            assert listening(mine)
        assert not listening(mine)


def test_a_server_that_has_ended_is_not_ready_whoever_answers_in_its_place(tmp_path):
    ended = Process(["sh", "-c", "echo no room"], tmp_path / "output.log")
    wait_for(lambda: not ended.running, 10, "it has ended")
    with pytest.raises(ServerFailed, match="no room"):
        ended.wait_until(lambda: True, 1)


def test_a_broker_does_not_start_where_somebody_else_listens():
    with (
        Broker() as broker,
        socket.create_server(("127.0.0.1", broker.port)),
        pytest.raises(ServerFailed, match="somebody else listens"),
    ):
        broker.start()


def test_a_server_runs_as_somebody_without_privileges(postgres, kafka):
    for server in (postgres, kafka):
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_a_fresh_database_is_a_copy_of_its_template(postgres):
    made = []
    template = postgres.template("books", lambda url: made.append(postgres.run("CREATE TABLE book (id int)", "books")))
    urls = [postgres.fresh(template=postgres.template("books", made.append)) for _ in range(2)]
    assert len(made) == 1
    assert len(set(urls)) == 2
    for url in urls:
        assert postgres.run("SELECT count(*) FROM book", url.rsplit("/", 1)[1]) == "0"
        postgres.drop(url)
    assert template == "books"


def test_a_password_is_asked_for(postgres):
    wrong = postgres.url.replace(postgres.password, "guessed")
    said = subprocess.run(["psql", wrong, "-c", "SELECT 1"], capture_output=True, text=True)
    assert "password authentication failed" in said.stderr


@pytest.mark.servers
@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_cluster_that_died_comes_back_with_what_was_committed(how):
    with Postgres() as cluster:
        cluster.start()
        cluster.run("CREATE TABLE book (id int); INSERT INTO book VALUES (7)")
        port = cluster.port
        cluster.kill() if how == "kill" else cluster.stop(how)
        assert not listening(port)
        cluster.start()
        assert cluster.run("SELECT id FROM book") == "7"
        folder = cluster.folder
    assert not folder.exists()


@pytest.mark.servers
def test_servers_end_with_the_process_that_started_them_however_it_dies():
    said = subprocess.run([sys.executable, "-c", ORPHANS], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == -signal.SIGKILL, said.stderr
    pids, folders = said.stdout.split()[:2], said.stdout.split()[2:]
    wait_for(lambda: not any(_alive(int(pid)) for pid in pids), 10, "the servers ended")
    wait_for(lambda: not any(Path(folder).exists() for folder in folders), 10, "their folders are gone")


@pytest.mark.servers
def test_a_broker_killed_and_one_stopped_come_back_on_the_same_port():
    with Broker() as broker:
        broker.start()
        for end in (broker.kill, broker.stop):
            end()
            assert not listening(broker.port)
            broker.start()
            assert listening(broker.port)


def test_what_is_missing_is_said_in_one_line_that_names_the_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServerMissing, match=r"^`mvn` is not installed; on Debian: apt-get install maven$"):
        program("mvn", "maven")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
