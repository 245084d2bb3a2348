"""The services and their chassis."""
