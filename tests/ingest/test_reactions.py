"""What ingest does about the catalogue: the latest version stands, unreadable records are set aside."""

from uuid import uuid4

import pytest

from contracts.catalogue_v1 import FrameworkItem, FrameworkPublishedV1, ScaleLevel, ScalePublishedV1
from contracts.envelope import PublicEvent
from contracts.events import MASTERY_CATALOGUE
from contracts.evidence_v1 import EvidenceAcceptedV1
from services.ingest.reactions import KeepCatalogue
from services.ingest.storage import catalogue
from services.runtime.log.port import LogRecord
from services.runtime.sealing import Sealer
from services.runtime.store.database import Cursor, StoreUnavailable
from services.runtime.store.port import Position
from tests.ingest.house import TENANT, House, form

pytestmark = pytest.mark.usefixtures("either_store")


def record(house: House, event: PublicEvent | bytes, seq: int) -> LogRecord:
    """As mastery's relay puts it on the log."""
    sealer = Sealer(house.keys, "/mastery")
    raw = (
        event
        if isinstance(event, bytes)
        else sealer.clear(event, id=uuid4(), tenant=TENANT, subject="catalogue", time=house.clock.at)
    )
    return LogRecord(3, seq, "mastery", seq, f"{TENANT}/catalogue", raw)


def framework(version: int, *codes: str) -> FrameworkPublishedV1:
    """A framework with these competencies."""
    items = tuple(FrameworkItem(identifier=f"id-{code}", code=code, statement=code) for code in codes)
    return FrameworkPublishedV1(
        framework="welding", version=version, digest=f"d{version}", title="Welding", items=items
    )


def scale(version: int, *codes: str) -> ScalePublishedV1:
    """A scale with these levels."""
    levels = tuple(ScaleLevel(code=code, name=code, points=str(n)) for n, code in enumerate(codes))
    return ScalePublishedV1(scale="pass", version=version, digest="d", title="Pass", levels=levels, proficient="1")


@pytest.fixture
def keep(house: House) -> KeepCatalogue:
    """The reaction, with a catalogue of its own."""
    return KeepCatalogue(catalogue.Catalogues(house.parts.database), house.sealer)


def test_the_latest_version_replaces_the_one_before_and_a_late_one_changes_nothing(
    house: House, keep: KeepCatalogue
) -> None:
    keep(3, [record(house, framework(2, "MIG", "TIG"), 1), record(house, framework(1, "ARC"), 2)], Position(2, 2))
    keep(3, [record(house, scale(2, "no", "yes"), 3), record(house, scale(1, "never"), 4)], Position(4, 4))
    known = keep._catalogues(TENANT)
    assert "ARC" not in known.by_name
    assert "TIG" in known.by_name
    found = known.scales["pass"]
    assert (found.version, found.levels) == (2, frozenset({"no", "yes"}))


def set_aside(house: House) -> list[tuple[int, str, bytes]]:
    """Seq, reason and bytes."""
    with house.parts.database.read() as cursor:
        return cursor.execute("SELECT seq, reason, body FROM dead_letter ORDER BY part, seq").fetchall()


def test_an_unreadable_record_is_set_aside_and_the_position_moves_on(house: House, keep: KeepCatalogue) -> None:
    keep(3, [record(house, b"not an envelope", 1), record(house, framework(1, "ARC"), 2)], Position(9, 2))
    assert "ARC" in keep._catalogues(TENANT).by_name
    with house.parts.database.read() as cursor:
        assert catalogue.position(cursor, MASTERY_CATALOGUE, 3) == Position(9, 2)
    assert set_aside(house) == [(1, "malformed-envelope", b"not an envelope")]


def test_a_record_on_which_taking_in_fails_is_set_aside_and_the_rest_of_its_batch_is_kept(
    house: House, keep: KeepCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = catalogue.put_framework

    def failing(cursor: Cursor, tenant: str, event: FrameworkPublishedV1) -> None:
        put(cursor, tenant, event)
        if event.version == 2:
            raise ZeroDivisionError

    monkeypatch.setattr(catalogue, "put_framework", failing)
    keep(3, [record(house, framework(1, "ARC"), 1), record(house, framework(2, "MIG"), 2)], Position(3, 2))
    known = keep._catalogues(TENANT).by_name
    assert "ARC" in known
    assert "MIG" not in known
    assert [(seq, reason) for seq, reason, _ in set_aside(house)] == [(2, "taking-failed")]


def test_trouble_with_the_database_sets_nothing_aside(
    house: House, keep: KeepCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer tries such a batch again, for ever."""

    def troubled(*said: object) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "put_framework", troubled)
        with pytest.raises(StoreUnavailable):
            keep(3, [record(house, framework(1, "ARC"), 1)], Position(1, 1))
    keep(3, [record(house, framework(1, "ARC"), 1)], Position(1, 1))
    assert set_aside(house) == []
    assert "ARC" in keep._catalogues(TENANT).by_name


def test_another_tenants_framework_is_unknown(house: House, keep: KeepCatalogue) -> None:
    keep(3, [record(house, framework(1, "ARC"), 1)], Position(1, 1))
    assert "ARC" not in keep._catalogues("oak").by_name


def test_evidence_is_checked_against_what_has_been_published_by_then(house: House, employer: tuple[str, str]) -> None:
    house.learner("100")
    first = house.webhook(*employer, "msg-1", form("r-1", MIG="3"))
    catalogues = house.service.workers[0]._catalogues  # type: ignore[attr-defined]
    KeepCatalogue(catalogues, house.sealer)(3, [record(house, framework(1, "MIG"), 1)], Position(1, 1))
    second = house.webhook(*employer, "msg-2", form("r-2", MIG="3"))
    assert (first.json()["outcomes"], second.json()["outcomes"]) == ({"quarantined": 1}, {"accepted": 1})
    ((_, event),) = house.published(EvidenceAcceptedV1)
    assert (event.content.competency.framework, event.content.competency.identifier) == ("welding", "id-MIG")
