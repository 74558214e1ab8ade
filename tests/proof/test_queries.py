"""Labels come back from the ledger as they went, place by place."""

import msgspec

from floorline.proof import queries
from floorline.proof.labels import Place
from tests.support.ledger import entry
from tests.support.records import START, label


def test_labels_come_back_as_they_went_and_only_the_newest(ledger):
    written = [label(3), label(1, other_right=None, served=True), label(2, features=()), label(9, step="")]
    ledger.write([entry(one) for one in written])
    place = Place("route", "feature-1", "draft", "small")
    found = [
        msgspec.structs.replace(one, features=tuple(one.features)) for one in ledger.query(queries.labels(place, START))
    ]
    assert found == [written[1], written[2], written[0]]
    newest = ledger.query(queries.labels(place, START, labels_max=1))
    assert [one.id for one in newest] == [written[0].id]


def test_every_place_says_how_many_labels_it_has(ledger):
    ledger.write([entry(label(number)) for number in range(5)] + [entry(label(9, step="", kind="semantic"))])
    found = ledger.query(queries.places(START))
    assert [(one.place, one.labels, one.last_at) for one in found] == [
        (Place("route", "feature-1", "draft", "small"), 5, label(4).at),
        (Place("semantic", "feature-1", "", "small"), 1, label(9).at),
    ]
    assert ledger.query(queries.places(label(9).at.replace(year=2027))) == []
