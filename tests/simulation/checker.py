"""At rest: whether what the three services hold is what was sent, and nothing else. Shares no code with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from tests.simulation.awards import Awards
from tests.simulation.books import Book, opened
from tests.simulation.oracle import Oracle
from tests.simulation.promises import must
from tests.simulation.reckoned import Learner

NOT_FOLLOWED = ("learner-linked",)  # mastery has no use for links
GENESIS = bytes(32)


@dataclass
class Records:
    """What mastery holds, learner by learner, opened."""

    learners: dict[str, Learner] = field(default_factory=dict)
    followed: dict[str, list[str]] = field(default_factory=dict)


def check(
    folder: Path, oracle: Oracle, who: dict[str, str], defined: set[str], defined_first: set[str], now: datetime
) -> Records:
    """Everything that can be seen in the files, by mastery's clock; raises Broken."""
    ingest, mastery, credentials = (Book(folder / n / f"{n}.db") for n in ("ingest", "mastery", "credentials"))
    try:
        for book in (mastery, credentials):
            check_chains(book)
            must(not book.rows("SELECT reason FROM dead_letter"), "nothing is set aside")
        for book in (ingest, mastery, credentials):
            check_outbox(book)
        records = read_records(mastery, now)
        check_delivery(ingest, records)
        check_counted(ingest, records, oracle, who)
        check_sums(ingest)
        check_published(mastery, records)
        Awards(credentials, records.learners, defined, defined_first).check()
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


def read_records(mastery: Book, now: datetime) -> Records:
    """Every learner's stream decided again by the checker's own reckoning, threshold by threshold, up to now."""
    records, stamps, facts = Records(), Counter[int](), Counter[int]()
    for row in mastery.events():
        must(row.recorded_at >= stamps[row.part], "no stamp lies before the one before", row.part, row.seq)
        if row.key_id is None or row.name == "policy-adopted":
            must(row.recorded_at > facts[row.part], "each fact of a partition has a later stamp", row.part, row.seq)
            facts[row.part] = row.recorded_at
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
        learner.rests(now)
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
