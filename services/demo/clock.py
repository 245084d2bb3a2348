"""The demo's clock: a file the three processes read and the story steps, a day at a time."""

from datetime import datetime
from pathlib import Path

from services.runtime.clock import SteppedClock, parse_instant


class StoryClock:
    """Says what time the story has come to; time only goes forward."""

    def __init__(self, path: Path, start: str) -> None:
        self.path = path
        self._clock = SteppedClock(path)
        self._clock.step(parse_instant(start))

    def now(self) -> datetime:
        """The story's instant."""
        return self._clock.now()

    def step(self, to: str) -> None:
        """Go on to an RFC 3339 instant."""
        later = parse_instant(to)
        assert later > self.now(), "time only goes forward"
        self._clock.step(later)
