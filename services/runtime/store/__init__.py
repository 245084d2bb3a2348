"""The store: our persistence module of the eventsourcing library."""
