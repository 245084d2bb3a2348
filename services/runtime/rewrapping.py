"""Wrapping all that is left of a tenant's keys anew, by another wrap key, within one transaction."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.runtime.store.database import Cursor
from services.runtime.wrapping import unwrap, wrap

PAGE = 1000

_KEYS_PAGE = """
SELECT kind, subject, id, wrapped FROM data_key WHERE tenant = ? AND (kind, subject) > (?, ?)
ORDER BY kind, subject LIMIT ?
"""


def wrap_anew(cursor: Cursor, tenant: str, old: AESGCM, new: AESGCM) -> int:
    """Every key of the tenant's that is left, by another wrap key; how many data keys there were."""
    count = 0
    for page in _pages(cursor, tenant):
        rows = [
            (wrap(new, unwrap(old, wrapped, id_), id_), tenant, kind, subject)
            for kind, subject, id_, wrapped in page
            if wrapped is not None
        ]
        cursor.executemany("UPDATE data_key SET wrapped = ? WHERE tenant = ? AND kind = ? AND subject = ?", rows)
        count += len(rows)
    secrets = cursor.execute("SELECT purpose, wrapped FROM tenant_secret WHERE tenant = ?", (tenant,)).fetchall()
    for purpose, wrapped in secrets:
        context = secret_context(tenant, purpose)
        again = wrap(new, unwrap(old, wrapped, context), context)
        cursor.execute(
            "UPDATE tenant_secret SET wrapped = ? WHERE tenant = ? AND purpose = ?", (again, tenant, purpose)
        )
    signing = cursor.execute("SELECT sealed FROM signing_key WHERE tenant = ?", (tenant,)).fetchall()
    for (sealed,) in signing:
        again = wrap(new, unwrap(old, sealed, f"signing|{tenant}"), f"signing|{tenant}")
        cursor.execute("UPDATE signing_key SET sealed = ? WHERE tenant = ?", (again, tenant))
    return count


def _pages(cursor: Cursor, tenant: str) -> Iterator[list[tuple[str, bytes, str, bytes | None]]]:
    after: tuple[str, bytes] = ("", b"")
    while page := cursor.execute(_KEYS_PAGE, (tenant, *after, PAGE)).fetchall():
        yield page
        after = page[-1][0], page[-1][1]


def secret_context(tenant: str, purpose: str) -> str:
    """What a wrapped secret is bound to."""
    return f"{tenant}|{purpose}"
