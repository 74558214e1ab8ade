from dataclasses import dataclass

from floorline.bench import sample
from floorline.query import Query
from tests.support.ledger import entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    n: int


def test_end_to_end(ledger):
    calls = list(sample.calls(500))
    assert ledger.write([entry(c) for c in calls]).new == 500
    assert ledger.write([entry(c) for c in calls]).same == 500
    assert ledger.query(Query(sql="SELECT count() FROM calls", row=Count)) == [Count(n=500)]
    assert ledger.verify() == []
