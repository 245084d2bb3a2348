"""Documents a person hands to the services: JSON or YAML files."""

import json
from pathlib import Path
from typing import Any

import click

MEDIA_TYPES = {".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml"}
FILE_TYPES = {
    ".zip": "application/zip",
    ".xml": "application/xml",
    **dict.fromkeys((".csv", ".tsv", ".tab"), "text/csv"),
}
DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)


def file_type(file: Path) -> str | None:
    """The media type of what goes through the file door, by its name; None for anything else."""
    return FILE_TYPES.get(file.suffix.lower())


def body_of(file: Path) -> dict[str, Any]:
    """The request that carries the file as it is: its bytes and, by its name, its media type."""
    return {"content": file.read_bytes(), "headers": {"Content-Type": _media_type(file)}}


def read(file: Path) -> Any:
    """What the file says."""
    import yaml

    try:
        is_json = _media_type(file) == "application/json"
        return json.loads(file.read_bytes()) if is_json else yaml.safe_load(file.read_bytes())
    except (ValueError, yaml.YAMLError) as fault:
        raise click.UsageError(f"{file.name} cannot be read: {fault}") from None


def _media_type(file: Path) -> str:
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise click.UsageError(f"{file.name} is neither JSON nor YAML by its name")
    return media_type
