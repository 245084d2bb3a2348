"""Documents a person hands to the services: JSON or YAML files, sent as they are."""

from pathlib import Path

import click

MEDIA_TYPES = {".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml"}
DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)


def body_of(file: Path) -> dict[str, object]:
    """The request that carries the file: its bytes and, by its name, its media type."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise click.UsageError(f"{file.name} is neither JSON nor YAML")
    return {"content": file.read_bytes(), "headers": {"Content-Type": media_type}}
