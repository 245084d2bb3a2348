"""One school day after another: four pathways, one record, a credential, late news, mended faults, an auditor."""

from collections import Counter
from hashlib import sha256

from services.demo.school import open_school, private_email
from services.demo.senders import Auditor, Registrar, Senders
from services.demo.sendings import internship_form
from services.demo.stage import Stage
from services.demo.teller import Teller, counted, hold, say

LEDGER = Counter[str]


class Story:
    """The telling: a line is printed only for what the services answered, and each step is held to it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.school, self.outcomes = stage, open_school(), LEDGER()
        self.ada, self.ben, self.chloe = (self.school.named(given) for given in ("Ada", "Ben", "Chloe"))
        self.registrar = Registrar(stage)
        self.registrar.prepare(self.school)
        self.senders = Senders(stage, self.school, self.registrar.secret)
        self.auditor = Auditor(stage, self.registrar.learners)
        self.teller = Teller(stage, self.auditor)
        say("2026-09-01", f"{len(self.school.students)} learners on the roster, four sources, one policy in force:")
        say("", "  teamwork takes three proficient ratings from three pathways and three assessors, one at work")

    def tell(self) -> None:
        """All of it."""
        self.classroom()
        self.cte()
        self.virtual_school()
        self.redrive()
        self.employer()
        self.credential()
        self.late_news()
        self.withdrawal()
        self.merge()
        self.two_answers()
        self.senders.close()

    def classroom(self) -> None:
        """The student information system sends its nightly package."""
        self.stage.on("2026-09-11")
        outcomes = self.senders.classroom("2026-09-10")
        self.outcomes.update(outcomes)
        say("2026-09-11", f"classroom, OneRoster 1.2 ZIP: {counted(outcomes)}")
        hold(outcomes["accepted"] == 24, "every level of the package is accepted")

    def cte(self) -> None:
        """The CTE centre uploads its instructor's sign-offs, and the same file again a week later."""
        self.stage.on("2026-09-18")
        outcomes, again = self.senders.cte("2026-09-17"), self.senders.cte("2026-09-17")
        self.outcomes.update(Counter(outcomes) + Counter(again))
        say("2026-09-18", f"CTE centre, CSV of sign-offs: {counted(outcomes)}; the same file again: {counted(again)}")
        hold(outcomes == {"accepted": 12}, "every sign-off is accepted, also that one could not be observed")
        hold(again == {"duplicate": 12}, "a file sent again counts nothing again")

    def virtual_school(self) -> None:
        """The virtual school streams, and sends its last line twice."""
        self.stage.on("2026-09-25")
        next_line, outcomes = self.senders.virtual("2026-09-24", again=True)
        self.outcomes.update(outcomes)
        say("2026-09-25", f"virtual school, NDJSON stream: {counted(Counter(outcomes))}; next line {next_line}")
        hold(Counter(outcomes) == {"accepted": 12, "duplicate": 1}, "a repeated line is acknowledged and counted once")
        standing = self.teller.standing(self.ada)
        hold(standing["result"] == "not_met", "two pathways are not three")

    def redrive(self) -> None:
        """A word nobody had told the mapping: set aside, mended, and read again in its old place."""
        self.stage.on("2026-09-29")
        outcomes = Counter(self.senders.new_project("2026-09-28"))
        say("2026-09-29", f"virtual school, a new project with a word of its own for teamwork: {counted(outcomes)}")
        hold(outcomes == {"quarantined": 3}, "what cannot be read is set aside, not lost")
        version = self.registrar.mend_mapping()
        would, did = self.registrar.redrive(dry_run=True), self.registrar.redrive(dry_run=False)
        say("", f"  mapping version {version} knows it; dry run: {counted(would)}; redrive: {counted(did)}")
        hold(would == did == {"accepted": 3}, "a dry run says what the redrive does")
        hold(self.registrar.redrive(dry_run=False) == {}, "and there is nothing left to redrive")
        self.outcomes.update(did)

    def employer(self) -> None:
        """The employer's form tool posts Ada's evaluation, and retries it."""
        self.stage.on("2026-10-03")
        form = internship_form(self.ada, "form-77", "2026-10-02", TEAM="3", SAFE="4")
        status, receipt = self.senders.employer("msg_ada_1", form)
        again, same = self.senders.employer("msg_ada_1", form)
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-03", f"employer, signed webhook: {status} with a receipt; its retry: {again}, the same receipt")
        hold(receipt["receipt"] == same["receipt"], "a retry gets the same receipt")
        standing = self.teller.standing(self.ada)
        hold(standing["result"] == "met", "classroom, virtual school and employer make the competence")
        self.teller.why(self.ada)

    def credential(self) -> None:
        """The threshold became a credential, which anybody can check without us."""
        issued = self.auditor.credentials(self.ada)
        hold(len(issued) == 1, "one credential for one threshold")
        signed = self.auditor.signed(issued[0])
        say("", f"credential issued to Ada: {issued[0]['credential']}")
        digest = sha256(signed).hexdigest()[:16]
        say("", f"  Open Badges 3.0, {len(signed)} bytes, SHA-256 {digest}… (the same in every run)")
        hold(self.teller.verify(issued[0], "ada") == 0, "the credential verifies offline")
        hold(self.auditor.credentials(self.ben) == [], "nothing is issued without evidence")

    def late_news(self) -> None:
        """What was true in September is learned in October."""
        self.stage.on("2026-10-20")
        form = internship_form(self.ben, "form-81", "2026-09-28", TEAM="3", SAFE="3")
        status, receipt = self.senders.employer("msg_ben_1", form)
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-20", f"a late evaluation: Ben's internship ended on 28 September; {status}")
        self.teller.standing(self.ben)

    def withdrawal(self) -> None:
        """The hospital withdraws Ada's evaluation: the retraction reaches the credential."""
        self.stage.on("2026-10-26")
        form = internship_form(self.ada, "form-77", "2026-10-02", TEAM="3", SAFE="4")
        _, receipt = self.senders.employer("msg_ada_2", {**form, "type": "evaluation.withdrawn"})
        self.outcomes.update(receipt["outcomes"])
        say("2026-10-26", "the hospital withdraws Ada's evaluation: it rated another intern")
        standing = self.teller.standing(self.ada)
        hold(standing["result"] == "not_met", "a withdrawn rating counts no more")
        (credential,) = self.auditor.credentials(self.ada)
        hold(bool(credential["revoked"]), "the lapse revoked the credential, as its rule says")
        hold(self.teller.verify(credential, "ada-revoked") == 1, "the revoked credential no longer verifies")

    def two_answers(self) -> None:
        """What was true, and what was known: the auditor asks the same question twice."""
        say("auditor", "was Ben proficient in teamwork on 30 September?")
        answers = [
            self.auditor.team(self.ben, as_of="2026-09-30", known_at=day) for day in ("2026-10-01", "2026-10-21")
        ]
        self.stage.on("2026-10-28")
        final = [self.auditor.team(self.ben, as_of="2026-09-30", known_at=day) for day in ("2026-10-01", "2026-10-21")]
        for day, row in zip(("1", "21"), final, strict=True):
            said = f"{row['result']:<8} {len(row['counted'])} counted  {', '.join(row['why']) or '-'}"
            say("", f"  as known on {day:>2} October: {said}  ({row['finality']})")
        hold(
            [row["result"] for row in final] == ["not_met", "met"],
            "late evidence changes what was true, not what was known",
        )
        hold([row["counted"] for row in answers] == [row["counted"] for row in final], "asked again, the same answer")
        hold(all(row["finality"] == "final" for row in final), "both answers are final")

    def merge(self) -> None:
        """Two registrations turn out to be one person: four pathways meet in one record."""
        self.stage.on("2026-10-27")
        other = self.registrar.register_again(self.chloe)
        form = internship_form(self.chloe, "form-90", "2026-10-16", private_email(self.chloe), TEAM="4", SAFE="4")
        _, receipt = self.senders.employer("msg_chloe_1", form)
        self.outcomes.update(receipt["outcomes"])
        say(
            "2026-10-27",
            f"an evaluation of Chloe, whom the employer knows by a private address: {counted(receipt['outcomes'])}",
        )
        hold(self.teller.standing(self.chloe)["result"] == "not_met", "half of the evidence lies in another record")
        moved = self.registrar.merge(other, self.registrar.learners["Chloe"], "one person, registered twice")
        say("", f"  the registrar merges the two registrations: {moved['moved']} pieces moved")
        hold(self.teller.standing(self.chloe)["result"] == "met", "merged, it is enough")
        self.stage.settle()
        hold(len(self.auditor.credentials(self.chloe)) == 1, "the merge made one credential")
        say("", "  credential issued to Chloe")
