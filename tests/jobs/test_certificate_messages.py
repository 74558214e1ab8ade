"""What people are told of certificates."""

from datetime import UTC, datetime

import pytest

from floorline.jobs.certificate_messages import message
from floorline.jobs.certifying import Turned
from floorline.proof.certificate import Certificate

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def turned(before: str, state: str, kind: str = "route") -> Turned:
    one = Certificate(
        kind=kind, feature="chat", step="draft", subject="small", state=state, since=NOON, labels=412, bound=0.961, budget=0.95,
        reason="an alarm",
    )  # fmt: skip
    return Turned(before=before, certificate=one)


@pytest.mark.parametrize(
    ("before", "state", "kind", "action"),
    [
        ("shadow", "certified", "route", "report"),
        ("certified", "suspended", "route", "trigger"),
        ("certified", "shadow", "semantic", "trigger"),
        ("suspended", "certified", "route", "resolve"),
        ("shadow", "suspended", "experiment", "trigger"),
        ("", "suspended", "experiment", "trigger"),
    ],
)
def test_people_are_told_when_one_comes_into_force_and_when_it_is_so_no_more(before, state, kind, action):
    said = message(turned(before, state, kind), NOON)
    assert (said.action, said.dedupe_key) == (action, f"certificate/{kind}/chat/draft/small")


@pytest.mark.parametrize(
    ("before", "state"), [("", "shadow"), ("shadow", "refused"), ("suspended", "shadow"), ("", "refused")]
)
def test_of_labels_being_made_and_of_what_never_acted_nothing_is_said(before, state):
    assert message(turned(before, state), NOON) is None


def test_a_message_says_why_and_how_sure_it_is():
    said = message(turned("certified", "suspended"), NOON)
    assert said.title == "route of chat: taken back"
    assert said.text == "An alarm.\n\n`floorline certificates show route/chat/draft/small` has what became of it."
    assert said.fields == (("Labels", "412"), ("Bound", "96.1 %"), ("Held against", "95.0 %"))
