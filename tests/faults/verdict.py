"""What must hold after a siege, invariant by invariant, judged by the ledger; and that the judge can see."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg

from services.runtime.opening import open_keys
from services.runtime.settings import RuntimeSettings, load
from services.runtime.stored_keys import StoredKeys
from services.runtime.tenancy import every_tenant
from tests.faults.chain import chained
from tests.faults.plan import Kind
from tests.faults.siege import Siege
from tests.support.answers import of_each
from tests.support.ledger.chronicle import Change
from tests.support.office import TENANT
from tests.support.watch import HOPS, at_rest, behind
from tests.system import killed_after
from tests.system.killed_after import After
from tests.system.killed_school import POLICY_ID

AT_REST_WITHIN_S = 30.0
GIVE_UP_S = 400.0
SHREDDED, COMPARED = 3, 40
FORGOTTEN_WITHIN_S = 1.5
FINAL_ANSWERS, PIECES_AN_ANSWER = 100, 400  # so many at least, or one for so many pieces: a fast machine is soon done


@dataclass
class Verdict:
    """`held` says of each invariant what was looked at; `broken` what was found instead."""

    held: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def judge(self, name: str, look: Callable[[], str]) -> None:
        """One invariant; whatever is raised breaks it, and the others are looked at all the same."""
        began = time.monotonic()
        try:
            self.held[name] = look()
        except Exception as found:
            self.broken[name] = f"{type(found).__name__}: {str(found)[:600]}"
        said = self.held.get(name) or "BROKEN " + self.broken[name]
        print(f"{time.monotonic() - began:6.1f} s  {name}: {said}", flush=True)


def judge(siege: Siege, scratch: Path) -> Verdict:
    """In the order in which one finding explains the next: first whether everything was read."""
    verdict, after = Verdict(), After(siege)
    store = siege.office.system.store
    assert isinstance(store, str)
    verdict.judge("I10 healthy, lag 0 within 30 s", lambda: _at_rest(siege, store))
    unread = {topic: count for topic in HOPS if (count := behind(store, topic))}
    if unread:
        verdict.broken["not yet read"] = f"{unread}: nothing can be said to be lost"
        return verdict
    verdict.judge("the judge sees what is planted", lambda: _sees(after))
    verdict.judge("I1 each piece counted once, I4 in order", lambda: _pieces(after))
    verdict.judge("I1 outcomes sum to what was sent", lambda: _held(killed_after.outcomes_sum_to_what_was_sent, after))
    verdict.judge("I1 receipts name the evidence", lambda: _held(killed_after.receipts_name_the_evidence, after))
    verdict.judge("I2 nothing refused is counted", lambda: _refused(after))
    verdict.judge(
        "I3 one credential a threshold", lambda: _held(killed_after.there_is_one_credential_a_threshold, after)
    )
    verdict.judge("I5 live state is the ledger's", lambda: _held(killed_after.standings_are_as_reckoned, after))
    verdict.judge("I5 a final answer never changes", lambda: _final(siege))
    verdict.judge("I5 replay from zero agrees", lambda: _replay(after, scratch))
    verdict.judge("chain of mastery", lambda: _chain(store, "mastery"))
    verdict.judge("chain of credentials", lambda: _chain(store, "credentials"))
    verdict.judge("nothing set aside", lambda: _nothing_set_aside(store))
    verdict.judge("I9 a shredded learner opens nowhere", lambda: _shredded(siege, store))
    verdict.judge("every blow fell on work under way", lambda: _under_way(siege))
    return verdict


def _at_rest(siege: Siege, store: str) -> str:
    """Waited for much longer, so that what is merely slow is not called lost."""
    began = time.monotonic()
    siege.office.system.wait_ready()
    while not at_rest(store):
        assert time.monotonic() < began + GIVE_UP_S, "the services do not come to rest"
        time.sleep(0.2)
    took = time.monotonic() - began
    assert took < AT_REST_WITHIN_S, f"only after {took:.1f} s"
    return f"{took:.1f} s after the last answer"


def _pieces(after: After) -> str:
    killed_after.each_piece_is_held_once_and_in_order(after)
    chronicle = after.school.book.chronicle
    return f"{chronicle.recorded} pieces of {len(after.changes)} learners, {chronicle.said.total()} times sent"


def _sees(after: After) -> str:
    """One piece dropped, one doubled, two exchanged in what was read: each is found, and nothing else."""
    student = next(student for student, changes in after.changes.items() if _distinct(changes))
    chronicle, whole = after.school.book.chronicle, after.changes
    first, second, *rest = whole[student]
    for what, changes in {
        "lost": [second, *rest], "doubled": [first, second, *rest, second], "disordered": [second, first, *rest],
    }.items():  # fmt: skip
        found = chronicle.check({**copy.copy(whole), student: changes})
        seen = {name: len(getattr(found, name)) for name in ("lost", "doubled", "strangers", "disordered")}
        assert seen == {**dict.fromkeys(seen, 0), what: 1}, (what, seen)
    return "one dropped, one doubled, two exchanged: found, each alone"


def _distinct(changes: list[Change]) -> bool:
    return len(changes) > 2 and changes[0].what != changes[1].what and all(each.piece for each in changes[:2])


def _refused(after: After) -> str:
    siege = after.school
    assert isinstance(siege, Siege)
    counted = [change.record for changes in after.changes.values() for change in changes if "forged" in change.record]
    assert not counted, counted
    assert siege.refused > 0, "something was refused"
    return f"{siege.refused} forgeries refused, none counted"


def _held(check: Callable[[After], None], after: After) -> str:
    check(after)
    return f"{len(after.school.learners)} learners"


def _final(siege: Siege) -> str:
    assert len(siege.auditor.kept) >= min(FINAL_ANSWERS, siege.plan.pieces // PIECES_AN_ANSWER), len(siege.auditor.kept)
    assert siege.auditor.changed() == []
    return f"{len(siege.auditor.kept)} answers given while blows fell, at as many instants, asked again"


def _replay(after: After, scratch: Path) -> str:
    killed_after.a_replay_of_the_events_agrees(after, scratch)
    return f"a fresh process, of {sum(map(len, after.histories.values()))} events and the documents alone"


def _chain(store: str, service: str) -> str:
    found = chained(store, service)
    assert found.events > 0
    assert not found.wrong, found.wrong[:5]
    return f"{found.events} events, every link, every head, no gap in a journal"


def _nothing_set_aside(store: str) -> str:
    with psycopg.connect(store) as connection:
        for service in ("mastery", "credentials"):
            rows = connection.execute(f"SELECT reason, count(*) FROM {service}.dead_letter GROUP BY reason").fetchall()  # type: ignore[arg-type]
            assert rows == [], (service, rows)
    return "no dead letter anywhere: trouble with servers is never poison"


def _shredded(siege: Siege, store: str) -> str:
    """By the key store's own means; then asked of services that were started anew."""
    system = siege.office.system
    settings = load(RuntimeSettings, data_dir=system.data, store_url=store)
    chosen = siege.students[:SHREDDED]
    others = {name: siege.learners[name] for name in siege.students[SHREDDED:][:COMPARED]}
    with siege.office.reader("mastery") as mastery:
        before = of_each(others, lambda learner: _standing(mastery, learner)[1])
    keys: StoredKeys = open_keys(settings)
    with every_tenant("shredding"):
        for name in chosen:
            keys.destroy_learner_key(TENANT, UUID(siege.learners[name]))
    keys.close()
    time.sleep(FORGOTTEN_WITHIN_S)
    with siege.office.reader("mastery") as mastery:
        statuses = Counter(_standing(mastery, siege.learners[name])[0] for name in chosen)
        after = of_each(others, lambda learner: _standing(mastery, learner)[1])
    assert statuses == {410: SHREDDED}, statuses
    assert after == before
    with psycopg.connect(store) as connection:
        sql = "SELECT count(*) FROM keys.data_key WHERE kind = 'learner' AND wrapped IS NULL"
        assert connection.execute(sql).fetchone() == (SHREDDED,)
    return f"{SHREDDED} of {len(siege.learners)} learners answer 410, {len(before)} others as before"


def _standing(mastery, learner: str):  # type: ignore[no-untyped-def]
    answer = mastery.get(f"/v1/learners/{learner}/standings", params={"policy": POLICY_ID})
    said = answer.json()
    said.pop("known_to", None)
    return answer.status_code, said.get("policies")


def _under_way(siege: Siege) -> str:
    done = [landed for landed in siege.landed if "not_done" not in landed.came_of_it]
    idle = [f"{each.blow.kind} {each.blow.whom}" for each in done if each.under_way <= 0]
    assert not idle, idle
    reached = Counter(landed.blow.kind for landed in done)
    missing = {kind: (reached[kind], planned) for kind, planned in siege.plan.blows.items() if reached[kind] < planned}
    assert not {kind: said for kind, said in missing.items() if kind is not Kind.DISK}, missing
    return f"{len(done)} of {sum(siege.plan.blows.values())}"
