"""Whom every name means, by what registrars were told was done: the final word on whose evidence it is."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Identity:
    """Told of every registration, link, merge and correction when its transaction was written."""

    means: dict[str, UUID] = field(default_factory=dict)
    merged: dict[UUID, tuple[UUID, frozenset[str]]] = field(default_factory=dict)  # into whom, with which names

    def linked(self, name: str, learner: UUID) -> None:
        """A name once linked means whom it means until that is put right."""
        self.means.setdefault(name, learner)

    def merge(self, learner: UUID, into: UUID) -> None:
        """Every name of one means the other."""
        if learner not in self.merged:
            names = frozenset(name for name, who in self.means.items() if who == learner)
            self.merged[learner] = (into, names)
            self.means.update(dict.fromkeys(names, into))

    def unmerge(self, learner: UUID) -> None:
        """The names that came along go back from whoever has them by now."""
        holder = self.current(learner)
        _, names = self.merged.pop(learner)
        self.means.update({name: learner for name in names if self.means[name] == holder})

    def correct(self, name: str, learner: UUID) -> None:
        """One name means somebody else."""
        self.means[name] = learner

    def current(self, learner: UUID) -> UUID:
        """By which id a learner is known."""
        while learner in self.merged:
            learner, _ = self.merged[learner]
        return learner
