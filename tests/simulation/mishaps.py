"""What befalls the services: time, kills, processes that come back from the dead, a log that forgets."""

from __future__ import annotations

from datetime import timedelta

from contracts.events import INGEST_LEARNER, MASTERY_CATALOGUE, MASTERY_LEARNER
from services.runtime.store.port import Fenced
from tests.simulation.faults import Killed
from tests.simulation.offices import Offices
from tests.simulation.services import NAMES
from tests.simulation.stage import REFUSED

FOLLOWS = {"ingest": MASTERY_CATALOGUE, "mastery": INGEST_LEARNER, "credentials": MASTERY_LEARNER}


class Mishaps(Offices):
    """What may happen next that nobody asked for."""

    def pass_time(self) -> None:
        seconds = self.random.choice((0.000001, 1, 40, 3600, 20_000, 80_000, 200_000))
        self.note(f"time {seconds}")
        self.world.time.step(seconds)
        if self.random.random() < 0.3:
            name = self.random.choice(NAMES)
            self.world.time.off[name] = timedelta(
                seconds=self.random.choice((3600, 93_600)) * self.random.uniform(-1, 1)
            )
            self.note(f"skew {name} {self.world.time.off[name]}")

    def kill(self) -> None:
        name = self.random.choice(NAMES)
        self.restart(name, keep=self.random.random() < 0.5 and name != "ingest")

    def trim(self) -> None:
        """The log forgets what has been consumed: nothing may depend on it any more."""
        for name, topic in FOLLOWS.items():
            if f"recreate {topic}" in self.trace:
                continue  # the offsets consumers keep are another log's
            with self.world.running[name].database.read() as cursor:
                reached = cursor.execute("SELECT part, next_offset FROM position WHERE topic = ?", (topic,)).fetchall()
            self.world.log.delete_before(topic, dict(reached))
            self.note(f"trim {topic} {reached}")

    def recreate(self) -> None:
        """A topic of which everything has been consumed is deleted and made anew: offsets begin at 0 again."""
        for name, topic in FOLLOWS.items():
            producer = topic.partition(".")[0]
            with self.world.running[producer].database.read() as cursor:
                put = dict(
                    cursor.execute("SELECT part, last_seq FROM outbox_head WHERE topic = ?", (topic,)).fetchall()
                )
            with self.world.running[name].database.read() as cursor:
                taken = dict(cursor.execute("SELECT part, last_seq FROM position WHERE topic = ?", (topic,)).fetchall())
            if put and put == taken:
                self.note(f"recreate {topic}")
                self.world.log.recreate(topic)

    def wake_zombie(self) -> None:
        """A process somebody took for dead goes on: it must be fenced, or do nothing that shows."""
        if not self.zombies:
            return
        zombie = self.random.choice(self.zombies)
        steps = zombie.steps()
        what = self.random.choice(list(steps))
        self.note(f"zombie {zombie.name} {what}")
        try:
            steps[what]()
        except (Fenced, Killed, *REFUSED) as end:
            self.note(f"ended {type(end).__name__}")
            self.zombies.remove(zombie)
            zombie.database.drop()
