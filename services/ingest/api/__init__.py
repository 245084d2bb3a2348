"""The doors, one a file."""
