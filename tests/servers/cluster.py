"""Three brokers on one machine: every record on all, acknowledged by two, so that one may die without a stop."""

from __future__ import annotations

from tests.servers.broker import Broker, new_id
from tests.servers.places import free_port
from tests.servers.server import at_once

NODES = 3
REPLICATED = {
    "offsets_topic_replication_factor": "3",
    "transaction_state_log_replication_factor": "3",
    "transaction_state_log_min_isr": "2",
    "default_replication_factor": "3",
    "min_insync_replicas": "2",
    "controller_quorum_election_timeout_ms": "1000",
}


class Cluster:
    """`brokers[n]` is stopped, killed and started like any other; `bootstrap` names them all."""

    def __init__(self) -> None:
        ports = [(free_port(), free_port()) for _ in range(NODES)]
        voters = ",".join(f"{node}@127.0.0.1:{mine[1]}" for node, mine in enumerate(ports, 1))
        cluster = new_id()
        self.brokers = [
            Broker(node=node, voters=voters, cluster=cluster, ports=mine, **REPLICATED)
            for node, mine in enumerate(ports, 1)
        ]

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        for broker in self.brokers:
            broker.close()

    @property
    def bootstrap(self) -> str:
        """Where clients begin: any of the three."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> Cluster:
        """All at once, since none is ready before two are."""
        at_once(*(lambda broker=broker: broker.start(wait=False) for broker in self.brokers))  # type: ignore[misc]
        for broker in self.brokers:
            broker.wait()
        return self
