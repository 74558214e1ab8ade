"""What people are told of certificates."""

from datetime import UTC, datetime

import pytest

from floorline.jobs.certificate_messages import message
from floorline.jobs.certifying import Turned
from floorline.proof.certificate import Certificate

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def turned(before: str, state: str) -> Turned:
    one = Certificate(
        kind="route", feature="chat", step="draft", subject="small", state=state, since=NOON, labels=412, bound=0.961, budget=0.95,
        reason="every answer was right",
    )  # fmt: skip
    return Turned(before=before, certificate=one)


@pytest.mark.parametrize(
    ("before", "title"),
    [
        ("", "route of chat: in force"),
        ("shadow", "route of chat: in force"),
        ("suspended", "route of chat: in force again"),
    ],
)
def test_people_are_told_when_one_comes_into_force(before, title):
    said = message(turned(before, "certified"), NOON)
    assert (said.action, said.severity, said.title) == ("report", "info", title)
    assert said.dedupe_key == "certificate/route/chat/draft/small"


@pytest.mark.parametrize(
    ("before", "state"), [("", "shadow"), ("shadow", "refused"), ("suspended", "shadow"), ("certified", "suspended")]
)
def test_of_labels_being_made_nothing_is_said_and_what_is_taken_back_is_an_alert(before, state):
    assert message(turned(before, state), NOON) is None


def test_a_message_says_why_and_how_sure_it_is():
    said = message(turned("shadow", "certified"), NOON)
    assert (
        said.text
        == "Every answer was right.\n\n`floorline certificates show route/chat/draft/small` has what became of it."
    )
    assert said.fields == (("Labels", "412"), ("Bound", "96.1 %"), ("Held against", "95.0 %"))
