"""The log on real Kafka: what the conformance suite cannot ask of every adapter."""
