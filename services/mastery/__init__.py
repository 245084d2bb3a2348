"""The mastery service."""
