"""How this process reaches the brokers, and what a failing call means to whoever uses the log."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from services.runtime.log.port import LogUnavailable

MECHANISM = "SCRAM-SHA-512"
REQUEST_TIMEOUT_S = 5.0
RECONNECT_MAX_S = 1.0
METADATA_AGE_MAX_S = 30.0
RECORD_BYTES_MAX = 16 * 1024 * 1024  # larger than any body a door takes, with its base64
Client = TypeVar("Client")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the brokers are and how to prove who we are; printing it says nothing secret."""

    bootstrap: tuple[str, ...]
    tls: bool = False
    ca_file: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        assert self.tls or self.username is None, "a password is never said in clear"

    def options(self) -> dict[str, Any]:
        """What every client of the library is told."""
        return {
            "bootstrap_servers": list(self.bootstrap),
            "request_timeout_ms": int(REQUEST_TIMEOUT_S * 1000),
            "bootstrap_timeout_ms": int(REQUEST_TIMEOUT_S * 1000),
            "reconnect_backoff_max_ms": int(RECONNECT_MAX_S * 1000),
            "metadata_max_age_ms": int(METADATA_AGE_MAX_S * 1000),
            **(self._tls() if self.tls else {"security_protocol": "PLAINTEXT"}),
        }

    def _tls(self) -> dict[str, Any]:
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        said: dict[str, Any] = {"ssl_context": context, "security_protocol": "SSL"}
        if self.username is None:
            return said
        return said | {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def open(self, kind: Callable[..., Client], **options: Any) -> Client:
        """A client that answers, or LogUnavailable and nothing left running.

        The library starts its threads before it knows whether a broker answers, and leaves them when none does.
        """
        started: list[Any] = []

        def start(**said: Any) -> Any:
            started.append(KafkaNetClient(**said))
            return started[-1]

        with unavailable():
            try:
                return kind(**self.options(), **options, kafka_client=start)
            except BaseException:
                for client in started:
                    client.close()
                raise


@contextmanager
def unavailable() -> Iterator[None]:
    """Any failure of the library, a time-out above all, means: unknown whether it took effect, so repeat it."""
    try:
        yield
    except (KafkaError, OSError) as fault:
        raise LogUnavailable(type(fault).__name__) from fault
