"""Looks for planted texts in bytes: as they are, in other encodings, and within base64 wherever they begin in it."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

SPANS = 3  # base64 has three ways to write the same bytes, by where they begin


def forms_of(text: str) -> set[bytes]:
    """Every way in which it would merely be written differently."""
    plain = text.encode()
    wide = {text.encode("utf-16-le"), text.encode("utf-16-be")}
    hexed = {plain.hex().encode(), plain.hex().upper().encode()}
    return {plain, *wide, *hexed, *_base64(plain), plain.title(), plain.upper(), plain.lower()}


def found_in(content: bytes, planted: Mapping[str, set[bytes]]) -> list[str]:
    """Which of the planted texts are in it."""
    return [name for name, forms in planted.items() if any(form in content for form in forms)]


def found_in_folder(folder: Path, planted: Mapping[str, set[bytes]]) -> list[tuple[str, str]]:
    """File and text, for every file there is, whatever its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files, "there is something to look through"
    return [(str(path.relative_to(folder)), name) for path in files for name in found_in(path.read_bytes(), planted)]


def plant(texts: Iterable[str]) -> dict[str, set[bytes]]:
    """What to look for, by text."""
    return {text: forms_of(text) for text in texts}


def _base64(plain: bytes) -> set[bytes]:
    """The characters that depend on nothing but the text, for each of the places it may begin at."""
    found = set()
    for before in range(SPANS):
        whole = base64.b64encode(bytes(before) + plain)
        first = (before * 8 + 5) // 6  # the first character without a bit of what stands before
        last = (before + len(plain)) * 8 // 6
        found |= {whole[first:last], whole[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return found
