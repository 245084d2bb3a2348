"""What ingest decides, as plain data and pure functions: no clock, no storage, no wire format."""
