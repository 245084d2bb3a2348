"""The credentials service."""
