"""Apache Kafka in KRaft mode: one node that is broker and controller, in a folder of its own, on free ports."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path
from uuid import uuid4

from tests.servers import jars
from tests.servers.missing import ServerMissing, program
from tests.servers.places import free_port, give, listening, write
from tests.servers.process import Process, ServerFailed
from tests.servers.safety import Safety
from tests.servers.server import Server

START_S = 90.0
JAVA_LEAST = 17
HEAP = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "offsets.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "2000",  # after SIGKILL the old registration must time out before it starts again
    "broker.heartbeat.interval.ms": "500",
    "log.retention.check.interval.ms": "1000",
    "delete.topic.enable": "true",
}


def new_id() -> str:
    """A cluster's or directory's id as Kafka writes it; one that starts with a dash reads as an option."""
    while (text := urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return text


class Broker(Server):
    """A node of its own.

    `safety` makes every client come over TLS and prove a password by SCRAM. `settings` are Kafka's own.
    """

    def __init__(
        self,
        *,
        safety: Safety | None = None,
        node: int = 1,
        voters: str | None = None,
        cluster: str | None = None,
        ports: tuple[int, int] | None = None,
        **settings: str,
    ) -> None:
        super().__init__("kafka")
        self.port, self.controller_port = ports or (free_port(), free_port())
        self.node, self.safety, self._voters = node, safety, voters
        self.cluster = cluster or new_id()
        self._java = java()
        self._settings = SETTINGS | {name.replace("_", "."): value for name, value in settings.items()}

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return f"127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> Broker:
        """Format the folder at the first call; returns when the node takes clients, or at once."""
        if not (self.data / "meta.properties").exists():
            self._format()
        if listening(self.port):
            raise ServerFailed(f"somebody else listens on port {self.port}")
        self._run([*self._command("kafka.Kafka"), str(self._properties)])
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Until the node takes clients."""
        self._wait_until(lambda: listening(self.port), START_S)

    def stand_still(self) -> None:
        """SIGSTOP: it keeps its place and its connections, and does nothing."""
        self.signal(signal.SIGSTOP)

    def forget(self) -> None:
        """Stop, lose the disk, and start empty on the same port under the same name: a broker restored from nothing."""
        self.kill()
        shutil.rmtree(self.data)
        self.start()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _command(self, program_class: str) -> list[str]:
        libs = jars.within(self.folder)
        return [self._java, *HEAP, "-cp", f"{libs}/*", program_class]

    def _format(self) -> None:
        self.data.mkdir(exist_ok=True)
        give(self.data)
        write(self._properties, "".join(f"{name}={value}\n" for name, value in self._said().items()))
        command = [*self._command("kafka.tools.StorageTool"), "format", "-t", self.cluster, "-c", str(self._properties)]
        command += [] if self._voters else ["--standalone"]
        command += self.safety.format_options() if self.safety else []
        if Process(command, self.output).wait_to_end(START_S) != 0:
            raise ServerFailed(self.output.read_text())

    def _said(self) -> dict[str, str]:
        controller = f"127.0.0.1:{self.controller_port}"
        quorum = {"controller.quorum.voters": self._voters} if self._voters else {}
        name = self.safety.listener if self.safety else "PLAINTEXT"
        return (
            {
                "node.id": str(self.node),
                "log.dirs": str(self.data),
                "listeners": f"{name}://127.0.0.1:{self.port},CONTROLLER://{controller}",
                "advertised.listeners": f"{name}://127.0.0.1:{self.port}",
                "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,{name}:{name}",
                "inter.broker.listener.name": name,
                "controller.quorum.bootstrap.servers": controller,
            }
            | (self.safety.settings(self.folder) if self.safety else {})
            | self._settings
            | quorum
        )


def java() -> str:
    """A Java machine young enough for Kafka 4."""
    found = program("java", "openjdk-17-jre-headless")
    said = subprocess.run([found, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_LEAST:
        raise ServerMissing("Kafka 4 needs Java 17 or later; on Debian: apt-get install openjdk-17-jre-headless")
    return found
