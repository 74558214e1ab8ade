"""What calls of some days were is the same whether it is remembered or asked."""

from dataclasses import dataclass

from floorline.jobs.caching import near_use, use
from floorline.jobs.key_use import key_use
from floorline.jobs.latest_days import latest_calls
from floorline.jobs.limits import limits_use
from floorline.ledger.ledger import Ledger
from floorline.ledger.state import State
from floorline.margin.dimensions import Scope
from floorline.query import Query
from tests.ledger.test_memory import CALL, END, START, TODAY, ZONE, Company


@dataclass(frozen=True)
class Forgetful:
    """Answers as the store has them."""

    ledger: Ledger

    @property
    def timezone(self) -> str:
        return self.ledger.timezone

    @property
    def state(self) -> State:
        return self.ledger.state

    def query(self, query: Query) -> list:
        self.ledger.flush()
        return self.ledger.store.query(query)


def said(ledger: Ledger | Forgetful) -> list[object]:
    return [
        limits_use(ledger, START, END),
        use(ledger, START, END),
        near_use(ledger, START, END),
        key_use(ledger, START, END, Scope()),
        latest_calls(ledger, START, END, 5),
        key_use(ledger, START, TODAY, Scope()),
    ]


def test_what_is_told_of_calls_day_by_day_is_what_the_store_says(open_ledger):
    ledger = open_ledger(timezone=ZONE)
    ledger.remember(today=lambda: TODAY)
    company = Company(ledger, 1)
    for _ in range(4):
        for _ in range(5):
            company.do(CALL)
        assert said(ledger) == said(Forgetful(ledger))
