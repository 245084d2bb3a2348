"""The documents the service makes: Open Badges, DID documents, status lists, and the terms they use."""
