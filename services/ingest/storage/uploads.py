"""The parts of files too large to be sealed in one piece; the key of a file's parts is in its submission."""

from uuid import UUID

from services.runtime.store.database import Cursor

UPLOADS = """
ALTER TABLE import ADD COLUMN upload BLOB;
CREATE TABLE upload_part (
    upload BLOB NOT NULL, part INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (upload, part)
);
"""


def put_part(cursor: Cursor, upload: UUID, part: int, sealed: bytes) -> None:
    """The next part of a file on its way in."""
    cursor.execute("INSERT INTO upload_part (upload, part, sealed) VALUES (?, ?, ?)", (upload.bytes, part, sealed))


def part_of(cursor: Cursor, upload: UUID, part: int) -> bytes | None:
    """One part, sealed; None after the last."""
    row = cursor.execute(
        "SELECT sealed FROM upload_part WHERE upload = ? AND part = ?", (upload.bytes, part)
    ).fetchone()
    return row[0] if row else None


def drop_upload(cursor: Cursor, upload: UUID) -> None:
    """The file was not taken after all."""
    cursor.execute("DELETE FROM upload_part WHERE upload = ?", (upload.bytes,))


def drop_orphans(cursor: Cursor) -> None:
    """What was on its way in when the service ended; nobody was told that it was taken, and its key was never kept."""
    cursor.execute("DELETE FROM upload_part WHERE upload NOT IN (SELECT upload FROM import WHERE upload IS NOT NULL)")
