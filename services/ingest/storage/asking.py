"""What a group looks at before it decides, by one question: on PostgreSQL each is a way to another process and back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.ingest.domain.records import RecordVersion
from services.ingest.storage.inbox import Message, record_from
from services.runtime.store.database import Cursor

NOBODYS_TAG: Final = b""  # tags are longer
_RECEIPTS, _RECORDS, _MESSAGES, _LEARNERS = range(4)
_QUESTION: Final = """
SELECT 0, NULL, coalesce(max(seq), 0), NULL, NULL, NULL, NULL FROM receipt
UNION ALL SELECT 1, tag, arrival, content, learner, evidence, withdrawn FROM record WHERE tag IN ({records})
UNION ALL SELECT 2, m.tag, m.receipt, m.content, r.id, NULL, NULL
    FROM message m JOIN receipt r ON r.seq = m.receipt WHERE m.tag IN ({messages})
UNION ALL SELECT 3, tag, NULL, NULL, learner, NULL, NULL FROM identifier WHERE tag IN ({learners})
"""


@dataclass(slots=True)
class Found:
    """The seq of the next receipt, and what is stored by tag."""

    next_seq: int = 1
    records: dict[bytes, RecordVersion] = field(default_factory=dict)
    messages: dict[bytes, Message] = field(default_factory=dict)
    learners: dict[bytes, UUID] = field(default_factory=dict)


def ask(cursor: Cursor, records: Collection[bytes], messages: Collection[bytes], learners: Collection[bytes]) -> Found:
    """All of it, as of one instant."""
    lists = [_rounded_up(tags) for tags in (records, messages, learners)]
    marks = [",".join("?" * len(tags)) for tags in lists]
    question = _QUESTION.format(records=marks[0], messages=marks[1], learners=marks[2])
    found = Found()
    for kind, tag, number, *row in cursor.execute(question, [tag for tags in lists for tag in tags]):
        if kind == _RECEIPTS:
            found.next_seq = int(number) + 1
        elif kind == _RECORDS:
            found.records[tag] = record_from((tag, number, *row))
        elif kind == _MESSAGES:
            found.messages[tag] = Message(number, row[0], UUID(bytes=row[1]))
        else:
            found.learners[tag] = UUID(bytes=row[1])
    return found


def _rounded_up(tags: Collection[bytes]) -> list[bytes]:
    """To a power of two, by repeating one: each number of tags would be another text to make a statement of."""
    wanted = list(tags) or [NOBODYS_TAG]
    return wanted + wanted[-1:] * ((1 << (len(wanted) - 1).bit_length()) - len(wanted))
