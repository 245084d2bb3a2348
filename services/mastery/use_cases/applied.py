"""The activations of policies that a partition has taken into its journal: what its learners adopt."""

from collections import defaultdict

from services.mastery.storage.controls import Activation, Controls, applied_row
from services.mastery.storage.drafts import Draft
from services.mastery.storage.journal import PolicyApplied, journal_stream

UNREAD = -1


class Applied:
    """One partition's; `seq` is the last control_seq in its journal, UNREAD until the store has been asked."""

    def __init__(self, controls: Controls, partition: int) -> None:
        self._controls, self._partition = controls, partition
        self._by_tenant: defaultdict[str, list[Activation]] = defaultdict(list)
        self.seq = UNREAD

    def forget(self) -> None:
        """What was taken in was not committed, or perhaps was: the store, as soon as it answers, is asked which."""
        self.seq = UNREAD

    def of(self, tenant: str) -> list[Activation]:
        """The tenant's, in the order of their control_seq."""
        return self._by_tenant[tenant]

    def last_seq(self) -> int:
        """The latest control_seq there is, taken in or not."""
        return self._controls.last_seq()

    def take_in(self, draft: Draft) -> None:
        """All there are go into the journal, before any evidence that comes after them."""
        if self.seq == UNREAD:
            self._read()
        last_seq = self.last_seq()
        if last_seq == self.seq:
            return
        for activation in self._controls.activations(self.seq, last_seq):
            stream = journal_stream(activation.tenant, self._partition)
            applied = _applied(activation, draft)
            draft.append(activation.tenant, stream, applied, applied.recorded_at)
            self._by_tenant[activation.tenant].append(activation)
        self.seq = last_seq
        draft.batch.rows.append(applied_row(self._partition, last_seq))

    def _read(self) -> None:
        seq = self._controls.applied_seq(self._partition)
        self._by_tenant.clear()
        for activation in self._controls.activations(0, seq):
            self._by_tenant[activation.tenant].append(activation)
        self.seq = seq


def _applied(activation: Activation, draft: Draft) -> PolicyApplied:
    return PolicyApplied(
        control_seq=activation.control_seq,
        policy=activation.policy,
        version=activation.version,
        digest=activation.digest,
        effective_from=activation.effective_from,
        organisation=activation.organisation,
        cohorts=activation.cohorts,
        recorded_at=draft.stamp(),
    )
