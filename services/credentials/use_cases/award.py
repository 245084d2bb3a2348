"""Award an achievement to a learner who met its requirement, and issue the credential of an award that stands."""

from services.credentials.domain.achievement import Definition
from services.credentials.domain.award import Award, Standing
from services.credentials.domain.claims import StatusPlace
from services.credentials.domain.commands import AssignStatusIndex, IssueCredential, ProposeAward
from services.credentials.domain.permutation import POSITIONS, place
from services.credentials.storage import rows
from services.credentials.storage.rows import Owner
from services.credentials.use_cases.work import Work
from services.runtime.keys import DataKey


def award(work: Work, owner: Owner, definition: Definition, command: ProposeAward) -> None:
    """Propose the award; when meeting the requirement is enough, its credential follows at once."""
    if work.do(owner, command.award_id, command):
        issue(work, owner, definition, work.award(command.award_id))


def issue(work: Work, owner: Owner, definition: Definition, award: Award) -> None:
    """Give a granted award its status place and sign its credential."""
    if award.standing is not Standing.GRANTED:
        return
    assert award.proposed is not None
    assert award.granted_at is not None
    award_id, signer = award.proposed.award_id, work.tools.signer
    work.do(owner, award_id, AssignStatusIndex(_next_place(work, owner)))
    issuer = signer.issuer(owner.tenant)
    content = signer.credential(issuer, work.award(award_id), definition)
    command = IssueCredential(
        credential_id=signer.credential_id(issuer, award_id),
        issuer=issuer.did,
        issuer_url=issuer.url,
        issuer_name=issuer.name,
        key_id=signer.key(owner.tenant).id,
        content=signer.content_tag(owner.tenant, content),
        at=award.granted_at,
    )
    work.do(owner, award_id, command)
    _keep(work, owner, work.award(award_id), content)


def _next_place(work: Work, owner: Owner) -> StatusPlace:
    """The next ordinal of the partition's current list, sent through the list's keyed permutation."""
    number, ordinal = work.next_place(owner.tenant, POSITIONS)
    list_id = f"{owner.tenant}.{owner.partition}.{number}"
    work.batch.rows.append(rows.place_taken(list_id, owner.tenant, owner.partition, number, ordinal + 1))
    return StatusPlace(list_id, place(work.tools.signer.status_secret(owner.tenant, list_id), ordinal))


def _keep(work: Work, owner: Owner, award: Award, content: bytes) -> None:
    """Store the bytes, sealed under the learner's key and bound to their id."""
    assert award.issued is not None
    assert award.place is not None
    issued, where = award.issued, (award.place.list_id, award.place.index)
    key = work.tools.owners(owner.tenant, issued.award_id)
    sealed = key.seal(content, credential_context(owner.tenant, issued.credential_id, key))
    work.batch.rows.append(
        rows.credential_issued(issued.credential_id, issued.award_id, owner, where, work.now, issued.content, sealed)
    )


def credential_context(tenant: str, credential_id: str, key: DataKey) -> bytes:
    """What a sealed credential is bound to."""
    return f"{tenant}|{credential_id}|credential|{key.id}".encode()
