"""The rows the service keeps beside its events."""
