"""Which log the settings mean, opened: the one place that knows all adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime.log.embedded import EmbeddedLog
from services.runtime.log.port import Log
from services.runtime.metrics import Measure
from services.runtime.settings import PREFIX, RuntimeSettings, SettingsRefused

if TYPE_CHECKING:
    from services.runtime.log.kafka import Connection


def open_log(settings: RuntimeSettings) -> Log:
    """The embedded log of this machine's data folder, or Kafka; no broker is asked anything yet."""
    if settings.log_brokers is None:
        return EmbeddedLog(settings.data_dir / "log", settings.log_partitions)
    from services.runtime.log.kafka import KafkaLog

    return KafkaLog(
        connection(settings),
        settings.log_partitions,
        prefix=settings.log_topic_prefix,
        delivery_timeout_s=settings.log_delivery_timeout_s,
    )


def connection(settings: RuntimeSettings) -> Connection:
    """How the brokers are reached, as the settings say."""
    from services.runtime.log.kafka import Connection

    assert settings.log_brokers is not None
    tls, brokers = settings.log_brokers
    return Connection(brokers, tls, settings.log_ca_file, settings.log_username, _password(settings))


def measured(log: Log, own: Measure) -> Measure:
    """What a service knows, and what its log has to say of itself."""
    said: Measure = getattr(log, "measures", tuple)
    return lambda: [*own(), *said()]


def _password(settings: RuntimeSettings) -> str | None:
    if settings.log_password_file is None:
        return None
    try:
        return settings.log_password_file.read_text().strip()
    except (OSError, ValueError):
        raise SettingsRefused(f"{PREFIX}LOG_PASSWORD_FILE: the file cannot be read") from None
