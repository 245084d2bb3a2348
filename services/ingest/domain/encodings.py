"""The encodings of text files that are read: what senders call them, and what they are."""

from typing import Final

UTF_8: Final = "utf-8"
# Names as in a Content-Type; `iso-8859-1` means windows-1252, as it does in every browser and in most files.
ENCODINGS: Final = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "us-ascii": UTF_8,
    "ascii": UTF_8,
    "utf-16": "utf-16-le",  # without a byte order mark; with one, the mark says which
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-15": "iso8859-15",
    "macintosh": "mac-roman",
    **{f"windows-{page}": f"cp{page}" for page in range(1250, 1259)},
}
