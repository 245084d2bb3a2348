"""The log on Apache Kafka: partitions assigned by hand, positions kept by the consumers, repeats told by seq."""

from services.runtime.log.kafka.connection import Connection
from services.runtime.log.kafka.log import KafkaLog

__all__ = ["Connection", "KafkaLog"]
