"""What crosses a boundary between the services: pydantic models and the standard library only."""
