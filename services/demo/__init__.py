"""The seeded school day."""
