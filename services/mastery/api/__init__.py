"""The HTTP face of the service, one resource a file."""
