"""The parts of files too large to be sealed in one piece; the key of a file's parts is in its submission."""

from datetime import datetime
from uuid import UUID

from services.runtime.clock import to_micros
from services.runtime.store.database import Cursor

UPLOADS = """
ALTER TABLE import ADD COLUMN upload BLOB;
CREATE TABLE upload_part (
    upload BLOB NOT NULL, part INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (upload, part)
);
"""

UPLOADED_AT = "ALTER TABLE upload_part ADD COLUMN put_at INTEGER NOT NULL DEFAULT 0;"


def put_part(cursor: Cursor, upload: UUID, part: int, sealed: bytes, at: datetime) -> None:
    """The next part of a file on its way in."""
    row = (upload.bytes, part, sealed, to_micros(at))
    cursor.execute("INSERT INTO upload_part (upload, part, sealed, put_at) VALUES (?, ?, ?, ?)", row)


def part_of(cursor: Cursor, upload: UUID, part: int) -> bytes | None:
    """One part, sealed; None after the last."""
    row = cursor.execute(
        "SELECT sealed FROM upload_part WHERE upload = ? AND part = ?", (upload.bytes, part)
    ).fetchone()
    return row[0] if row else None


def drop_upload(cursor: Cursor, upload: UUID) -> None:
    """The file was not taken after all."""
    cursor.execute("DELETE FROM upload_part WHERE upload = ?", (upload.bytes,))


def drop_orphans(cursor: Cursor, before: datetime) -> None:
    """What never came to its end: nobody was told that it was taken, and its key was never kept."""
    cursor.execute(
        "DELETE FROM upload_part WHERE put_at < ? "
        "AND upload NOT IN (SELECT upload FROM import WHERE upload IS NOT NULL)",
        (to_micros(before),),
    )
