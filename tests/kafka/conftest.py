"""A log of the test's own on the session's broker."""

from collections.abc import Iterator

import pytest

from services.runtime.log.kafka import KafkaLog
from tests.conformance.logs import TOPIC, on_kafka


@pytest.fixture
def log(kafka) -> Iterator[KafkaLog]:
    """One topic, as `wayproof topics` makes it."""
    with on_kafka(kafka, TOPIC) as broker:
        log = broker.connect()
        assert isinstance(log, KafkaLog)
        yield log
        log.close()
