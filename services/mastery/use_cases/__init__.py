"""What the service is asked to do, one a file."""
