"""CloudEvents at a door of their own: each event a submission, its source and id the message key."""

from typing import Final

from services.ingest.formats.cloud_events import Sent
from services.ingest.use_cases.read import Read, origin_of
from services.ingest.use_cases.take import Submission

DOOR: Final = "events"


def submission_of(read: Read, sent: Sent) -> Submission:
    """The mapping reads the event in its JSON form: attributes and `data`."""
    origin = origin_of(read.source, DOOR)
    message = read.tags.message(origin.source, DOOR, sent.key)
    return Submission(origin, sent.raw, read.tags.content(sent.content), message, read.items(origin, sent.event, None))
