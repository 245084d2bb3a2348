"""What people and senders ask of ingest, one verb a file."""
