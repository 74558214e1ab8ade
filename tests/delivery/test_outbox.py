from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from floorline.delivery.message import Message
from floorline.delivery.outbox import KIND, Delivery, enqueue
from floorline.delivery.route import Answer, Route
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@dataclass
class Receiver:
    """A channel whose receiver takes everything, and what it got when."""

    kind = "test"
    got: list = field(default_factory=list)

    def send(self, message, *, now):
        self.got.append((message.id, now))
        return Answer(outcome="taken", words="ok")


def message(id_="a/1", **fields):
    base = {
        "dedupe_key": "a",
        "action": "trigger",
        "severity": "error",
        "title": "Margin is red",
        "text": "",
        "at": NOW,
    }
    return Message(id=id_, **(base | fields))


@pytest.fixture
def state(tmp_path):
    opened = State.open(tmp_path)
    yield opened
    opened.close()


def test_a_message_waits_on_each_route_that_wants_it_and_only_once(state):
    routes = [
        Route(name="chat", channel=Receiver()),
        Route(name="pager", channel=Receiver(), severities=frozenset({"critical"}), reports=False),
    ]
    assert enqueue(state, message(), routes, now=NOW) == ("chat",)
    assert enqueue(state, message(), routes, now=NOW) == ("chat",)
    assert enqueue(state, message("r", action="report"), routes, now=NOW) == ("chat",)
    assert enqueue(state, message("b/1", severity="critical"), routes, now=NOW) == ("chat", "pager")
    kept = Shelf(state, KIND, Delivery).all().values()
    assert sorted((one.number, one.route, one.message.id) for one in kept) == [
        (1, "chat", "a/1"),
        (2, "chat", "r"),
        (3, "chat", "b/1"),
        (3, "pager", "b/1"),
    ]
