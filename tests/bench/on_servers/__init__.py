"""The figures on real servers: PostgreSQL, and Kafka with it, started for the run and stopped with it."""
