"""At rest: whether what the three services hold is what was sent, and nothing else. Shares no code with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.simulation.books import Book, opened
from tests.simulation.oracle import Oracle
from tests.simulation.reckoned import Learner, Threshold

NOT_FOLLOWED = ("learner-linked",)  # mastery has no use for links
GENESIS = bytes(32)


class Broken(AssertionError):
    """A promise that was not kept."""


def must(holds: object, promise: str, *found: object) -> None:
    if not holds:
        raise Broken(f"{promise}: {' | '.join(map(str, found))}")


@dataclass
class Records:
    """What mastery holds, learner by learner, opened."""

    learners: dict[str, Learner] = field(default_factory=dict)
    followed: dict[str, list[str]] = field(default_factory=dict)


def check(folder: Path, oracle: Oracle, who: dict[str, str], defined: set[str], defined_first: set[str]) -> Records:
    """Everything that can be seen in the files; raises Broken."""
    ingest, mastery, credentials = (Book(folder / n / f"{n}.db") for n in ("ingest", "mastery", "credentials"))
    try:
        for book in (mastery, credentials):
            check_chains(book)
            must(not book.rows("SELECT reason FROM dead_letter"), "nothing is set aside")
        for book in (ingest, mastery, credentials):
            check_outbox(book)
        records = read_records(mastery)
        check_delivery(ingest, records)
        check_counted(ingest, records, oracle, who)
        check_sums(ingest)
        check_published(mastery, records)
        Awards(credentials, records, defined, defined_first).check()
        return records
    finally:
        for book in (ingest, mastery, credentials):
            book.close()


def check_chains(book: Book) -> None:
    """Journals have no gaps, streams no holes; every link holds on to the one before; the last one is the head."""
    last: Counter[int] = Counter()
    for row in book.events():
        last[row.part] += 1
        must(row.seq == last[row.part], "the journal has no gaps", row.part, row.seq)
    for part, seq in book.rows("SELECT part, seq FROM partition_state"):
        must(seq == last[part], "the journal ends where its partition says", part, seq, last[part])
    heads = {stream: (ver, hash_) for stream, ver, hash_ in book.rows("SELECT stream, ver, hash FROM head")}
    for stream, rows in book.streams().items():
        prev = GENESIS
        for ver, row in enumerate(rows, start=1):
            must((row.ver, row.prev) == (ver, prev), "each event follows the one before", stream.hex(), ver)
            must(row.chained() == row.hash, "each event is what was written", stream.hex(), ver)
            prev = row.hash
        must(heads.pop(stream) == (len(rows), prev), "a stream ends at its head", stream.hex())
    must(not heads, "every head has a stream", heads)


def check_outbox(book: Book) -> None:
    """Numbered without gaps, and all of it on the log."""
    last: Counter[tuple[str, int]] = Counter()
    for topic, part, seq in book.rows("SELECT topic, part, seq FROM outbox ORDER BY topic, part, seq"):
        last[topic, part] += 1
        must(seq == last[topic, part], "the outbox has no gaps", topic, part, seq)
    for topic, part, last_seq, published in book.rows("SELECT topic, part, last_seq, published_seq FROM outbox_head"):
        must(last_seq == published == last[topic, part], "all that was put is published", topic, part, published)


def read_records(mastery: Book) -> Records:
    """Every learner's stream decided again by the checker's own reckoning, threshold by threshold."""
    records, stamps = Records(), Counter[int]()
    for row in mastery.events():
        if row.key_id is None or row.name == "policy-adopted":
            must(row.recorded_at > stamps[row.part], "stamps grow within a partition", row.part, row.seq)
        stamps[row.part] = row.recorded_at
        if row.name == "policy-applied":
            continue
        name = str(UUID(bytes=row.stream))
        learner = records.learners.setdefault(name, Learner(name))
        if row.key_id is None:
            envelope = opened(row.body)
            must(envelope["subject"] == name, "a learner's stream is about the learner", name)
            records.followed.setdefault(name, []).append(envelope["id"])
            learner.told(envelope, row.at)
        elif row.name == "policy-adopted":
            learner.adopts(row.plain(name, name), row.at)
        else:
            learner.crosses(row.name, row.plain(name, name), row.at)
    in_force = dict(mastery.rows("SELECT id, version FROM control WHERE kind = 'activated' ORDER BY control_seq"))
    for learner in records.learners.values():
        learner.ends()
        adopted = {policy: version for _, policy, version, _ in learner.adopted}
        must(adopted == in_force, "everybody has adopted what was activated", learner.name, adopted, in_force)
    return records


def check_delivery(ingest: Book, records: Records) -> None:
    """Each learner's events are in mastery once each, in the order ingest put them."""
    put: defaultdict[str, list[str]] = defaultdict(list)
    for envelope in ingest.published("ingest.learner"):
        if envelope["type"].split(".")[-2] not in NOT_FOLLOWED:
            put[envelope["subject"]].append(envelope["id"])
    must(set(put) == set(records.followed), "every learner arrived", set(put) ^ set(records.followed))
    for learner, ids in put.items():
        must(ids == records.followed[learner], "once each and in order", learner, ids, records.followed[learner])


def check_counted(ingest: Book, records: Records, oracle: Oracle, who: dict[str, str]) -> None:
    """The law: what counts in the end is what counts when everything came once, in order, and everybody was known."""
    expected = oracle.counted(who)
    for name in set(expected) | set(records.learners):
        held = (
            Counter(piece.counted for piece in records.learners[name].pieces.values())
            if name in records.learners
            else Counter()
        )
        must(
            held == expected.get(name, Counter()),
            "the counted set",
            name,
            "missing",
            expected.get(name, Counter()) - held,
            "beyond",
            held - expected.get(name, Counter()),
        )
    rows = ingest.rows("SELECT outcome, evidence, reason FROM outcome")
    must(len(rows) == oracle.items, "one outcome for each item", len(rows), oracle.items)
    told = Counter(
        str(UUID(bytes=evidence))
        for outcome, evidence, reason in rows
        if outcome == "accepted" and evidence and not reason
    )
    held_ids = Counter(id_ for learner in records.learners.values() for id_ in learner.everything)
    must(told == held_ids, "each evidence told to a sender is held once", told - held_ids, held_ids - told)


def check_sums(ingest: Book) -> None:
    """Per source, what is tallied is what receipts say; what waits is kept, and nothing else is."""
    receipts = "SELECT r.source, o.outcome, count(*) FROM outcome o JOIN receipt r ON r.seq = o.receipt GROUP BY 1, 2"
    said = {(source, outcome): count for source, outcome, count in ingest.rows(receipts)}
    tallied = {
        (source, outcome): count for source, outcome, count in ingest.rows("SELECT source, outcome, count FROM tally")
    }
    for key in said.keys() | tallied.keys():
        told, counted = said.get(key, 0), tallied.get(key, 0)
        repeats = key[1] in ("duplicate", "conflict")  # of whole messages: they have no receipt of their own
        must(told == counted or (repeats and told < counted), "outcomes add up", key, told, counted)
    for outcome, table in (("parked", "parked"), ("quarantined", "quarantine")):
        ((kept,),) = ingest.rows(f"SELECT count(*) FROM {table}")
        must(kept == sum(n for (_, said_), n in said.items() if said_ == outcome), "what waits is kept", table, kept)


def check_published(mastery: Book, records: Records) -> None:
    """Every threshold is published once, in the learner's order."""
    published: defaultdict[str, list[str]] = defaultdict(list)
    for envelope in mastery.published("mastery.learner"):
        published[envelope["subject"]].append(envelope["id"])
    for name, learner in records.learners.items():
        ids = [threshold.id for threshold in learner.thresholds]
        must(published.pop(name, []) == ids, "thresholds are published as they were crossed", name)
    must(not published, "nothing else is published", published)


RULES = {  # achievement -> requirement, causes of a lapse that revoke without a person
    "badge": (("work", "work-ready"), {"retraction", "correction"}),
    "diploma": (("work", "work-ready"), set()),
    "safe": (("safety", "safe"), {"retraction"}),
}


class Awards:
    """Every award against the thresholds it rests on."""

    def __init__(self, book: Book, records: Records, defined: set[str], defined_first: set[str]) -> None:
        self._book, self._defined, self._defined_first = book, defined, defined_first
        self._met: dict[str, tuple[str, Threshold]] = {}
        self._lapsed: dict[tuple[str, str, str, int], Threshold] = {}
        for name, learner in records.learners.items():
            for threshold in learner.thresholds:
                if threshold.kind == "requirement-met":
                    self._met[threshold.id] = (name, threshold)
                elif threshold.kind == "requirement-lapsed":
                    self._lapsed[name, threshold.policy, threshold.node, threshold.cycle] = threshold
        self._streams = book.streams()

    def check(self) -> None:
        found: Counter[tuple[str, str]] = Counter()
        issued, revoked = 0, 0
        for id_, learner, standing in self._book.rows("SELECT id, learner, standing FROM award"):
            name = str(UUID(bytes=learner))
            events = [(row.name, row.plain(name, str(UUID(bytes=id_)))) for row in self._streams[id_]]
            found[self._check_award(name, standing, events)] += 1
            issued += sum(kind == "credential-issued" for kind, _ in events)
            revoked += sum(kind == "credential-revoked" for kind, _ in events)
            self._check_credential(id_, events)
        must(not found or max(found.values()) == 1, "one award for each threshold and achievement", found)
        self._check_complete(found)
        said = Counter(envelope["type"].split(".")[-2] for envelope in self._book.published("credentials.learner"))
        must((said["credential-issued"], said["credential-revoked"]) == (issued, revoked), "told to the others", said)

    def _check_award(self, name: str, standing: str, events: list[tuple[str, dict[str, Any]]]) -> tuple[str, str]:
        kinds = [kind for kind, _ in events]
        must(kinds[0] == "award-proposed" and len(set(kinds)) == len(kinds), "each step once", kinds)
        proposed = events[0][1]
        must(proposed["met_by"] in self._met, "every award points at a RequirementMet", proposed["met_by"])
        learner, met = self._met[proposed["met_by"]]
        requirement, at_once = RULES[proposed["achievement"]]
        must((learner, met.policy, met.node) == (name, *requirement), "of the same learner and requirement", learner)
        must(proposed["cycle"] == met.cycle, "and of the same cycle")
        evidence = {e for level in proposed["achieved"] for e in level["evidence"]}
        must(evidence <= met.evidence, "evidence stated is evidence counted", evidence - met.evidence)
        lapsed = self._lapsed.get((name, met.policy, met.node, met.cycle))
        expected = _standings(kinds, dict(events), lapsed, at_once, diploma=proposed["achievement"] == "diploma")
        must(
            standing in expected,
            "an award stands as its threshold does",
            proposed["achievement"],
            standing,
            expected,
            lapsed,
            kinds,
        )
        return proposed["achievement"], proposed["met_by"]

    def _check_credential(self, award: bytes, events: list[tuple[str, dict[str, Any]]]) -> None:
        said = dict(events)
        rows = self._book.rows("SELECT id, revoked_at FROM credential WHERE award = ?", award)
        if "credential-issued" not in said:
            must(not rows, "no credential without an award that stands", rows)
            return
        must([row[0] for row in rows] == [said["credential-issued"]["credential_id"]], "one credential an award", rows)
        must((rows[0][1] is not None) == ("credential-revoked" in said), "the bit is set when it is revoked", rows)

    def _check_complete(self, found: Counter[tuple[str, str]]) -> None:
        """Whoever meets a requirement has what recognises it; whoever met it may have lost it before it was defined."""
        for id_, (name, met) in self._met.items():
            for achievement, (requirement, _) in RULES.items():
                if achievement not in self._defined or requirement != (met.policy, met.node):
                    continue
                lapsed = (name, met.policy, met.node, met.cycle) in self._lapsed
                if not lapsed or achievement in self._defined_first:
                    must(found[achievement, id_], "whoever meets it is awarded", achievement, name, met)
        for part, list_id, taken, count in self._book.rows(
            "SELECT part, l.list_id, taken, count(c.id) FROM status_list l"
            " LEFT JOIN credential c ON c.list_id = l.list_id GROUP BY l.list_id"
        ):
            must(taken == count, "a place is taken once for each credential", part, list_id, taken, count)


def _standings(
    kinds: list[str], said: dict[str, Any], lapsed: Threshold | None, at_once: set[str], *, diploma: bool
) -> set[str]:
    """How the award may stand now."""
    if "award-declined" in kinds:
        return {"declined"}
    granted = "award-granted" in kinds
    if lapsed is None:
        return {"issued"} if granted else ({"proposed"} if diploma else set())
    if not granted:
        return {"withdrawn"} if diploma else set()
    if lapsed.cause in at_once:
        return {"revoked"}
    decision = said.get("revocation-decided", {}).get("decision")
    return {"keep": {"kept"}, "revoke": {"revoked"}}.get(decision, {"revocation_proposed"})
