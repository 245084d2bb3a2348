"""Makes up what platforms and gradebooks send: statements that depend on each other, packages of rows."""

from tests.simulation.packages import Package
from tests.simulation.said import UNFIT, Author, Said
from tests.simulation.school import CODES
from tests.simulation.statements import HOME, Statement, id_of

ROWS_MAX = 4


class Clerk(Author):
    """An author who knows the formats of machines."""

    def statements(self, source: str, count: int) -> list[Statement]:
        """Some take back another, be it one that comes later; some say nothing; some have a flaw."""
        names = [f"{source} {n}" for n in range(count)]
        return [self._statement(source, name, names) for name in names]

    def another(self, source: str, statement: Statement) -> Statement:
        """The same id, and mostly other content."""
        return self._statement(source, statement.name, [statement.name])

    def packages(self, count: int) -> list[Package]:
        """Each of a few rows about the same few records."""
        return [Package(f"p{n}", self._rows(n)) for n in range(count)]

    def _statement(self, source: str, name: str, others: list[str]) -> Statement:
        student, about = self._random.choice(self._students), f"{HOME}/{source}/{self._random.randint(1, 3)}"
        if self.chance(0.2):
            return Statement(name, student, about, voids=self._random.choice(others))
        if self.chance(0.1):
            return Statement(name, student, about)
        record = about if source == "mooc" else id_of(name)
        said = self._one(source, record, student, self._random.choice(CODES), self._instant(), False)
        if said.score == UNFIT[1]:  # where a number is wanted the whole batch would be refused
            return Statement(name, student, about)
        return Statement(name, student, about, said, flawed=self.chance(0.1))

    def _rows(self, number: int) -> tuple[Said, ...]:
        records = self._random.sample(range(1, 6), self._random.randint(1, ROWS_MAX))
        return tuple(self._row(f"g{record}") for record in records)

    def _row(self, record: str) -> Said:
        student, code = self._random.choice(self._students), self._random.choice(CODES)
        if self.chance(0.15):
            return Said("files", record, student, code, None, self._day())
        return self._one("files", record, student, code, self._day(), self.chance(0.07))
