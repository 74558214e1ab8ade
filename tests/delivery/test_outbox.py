"""The outbox: nothing lost, nothing out of order, whatever the receiver and the process do. Time is handed in."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.delivery.email import Email
from floorline.delivery.outbox import (
    BACKOFF_MAX_MS,
    GIVE_UP,
    SENT_MAX,
    Delivery,
    Tally,
    backoff_ms,
    deliveries,
    drain,
    enqueue,
    next_due,
    retry,
    settled,
    tallies,
)
from floorline.delivery.pagerduty import PagerDuty
from floorline.delivery.route import Answer, Route
from floorline.delivery.signature import is_genuine
from floorline.delivery.slack import Slack
from floorline.delivery.webhook import Webhook
from floorline.ledger.state import Audited, State
from tests.delivery.messages import CHART, NOW, alert
from tests.delivery.test_signature import NEW, OLD
from tests.support.receivers import MailServer, Pager, Posted, Said, SlackWorkspace, listening

TAKEN = Answer(outcome="taken", words="ok")
LATER = Answer(outcome="later", words="503")
REFUSED = Answer(outcome="refused", words="400")


@dataclass
class Receiver:
    """A channel whose receiver answers as told, else takes everything; and what it got when."""

    kind = "test"
    answer: Callable[[str], Answer] = lambda _: TAKEN
    got: list[tuple[str, datetime]] = field(default_factory=list)

    def send(self, message, *, now):
        self.got.append((message.id, now))
        return self.answer(message.id)


@pytest.fixture
def state(tmp_path):
    opened = State.open(tmp_path)
    yield opened
    opened.close()


def middle(n: int) -> int:
    return n // 2


def run(state: State, routes, *, since: datetime = NOW, lasting: timedelta, every: timedelta = timedelta(seconds=5)):
    """Drain every few seconds, on a clock of its own."""
    now = since
    while now <= since + lasting:
        drain(state, routes, now, randbelow=middle)
        now += every


def states(state: State) -> list[tuple[str, str]]:
    return [(one.message.id, one.state) for one in deliveries(state)]


def test_a_message_waits_on_each_route_that_wants_it_and_only_once(state):
    routes = [
        Route(name="chat", channel=Receiver()),
        Route(name="pager", channel=Receiver(), severities=frozenset({"critical"}), reports=False),
    ]
    warning = alert(id="a/1", severity="warning")
    assert enqueue(state, warning, routes, now=NOW) == ("chat",)
    assert enqueue(state, warning, routes, now=NOW) == ("chat",)
    assert enqueue(state, alert(id="r", action="report"), routes, now=NOW) == ("chat",)
    assert enqueue(state, alert(id="b/1"), routes, now=NOW) == ("chat", "pager")
    assert [(one.number, one.route, one.message.id) for one in deliveries(state)] == [
        (1, "chat", "a/1"),
        (2, "chat", "r"),
        (3, "chat", "b/1"),
        (3, "pager", "b/1"),
    ]


def test_what_was_taken_is_not_sent_again_even_when_it_is_queued_again(state):
    receiver = Receiver()
    route = Route(name="chat", channel=receiver)
    for _ in range(3):
        enqueue(state, alert(chart=CHART, html="<p>"), [route], now=NOW)
        assert str(drain(state, [route], NOW, randbelow=middle)) in {
            "1 taken, 0 put off, 0 failed",
            "0 taken, 0 put off, 0 failed",
        }
    assert len(receiver.got) == 1
    (receipt,) = deliveries(state)
    assert (receipt.state, receipt.words, receipt.message.chart, receipt.message.html) == ("taken", "ok", None, None)


def unused_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return reserved.getsockname()[1]


def test_receivers_that_are_down_for_an_hour_get_everything_in_order_once(state):
    pager, workspace, mails = Pager(), SlackWorkspace(), MailServer()
    hooks: list[tuple[str, bool]] = []
    clock = [NOW]

    def hook(posted: Posted) -> Said:
        hooks.append((posted.json["data"]["id"], is_genuine(posted.headers, posted.body, [OLD], now=clock[0])))
        return Said()

    ports = [unused_port() for _ in range(4)]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    mail = {"sender": "a@b.example", "recipients": ("c@d.example",), "security": "none"}
    away = [
        Route(name="pager", channel=PagerDuty(routing_key=pager.routing_key, base_url=urls[0])),
        Route(name="team", channel=Slack(url=f"{urls[1]}/services/T/B/x")),
        Route(name="hook", channel=Webhook(url=urls[2], secrets=(OLD,))),
        Route(name="mail", channel=Email(host="127.0.0.1", port=ports[3], **mail)),
    ]
    other = Receiver()
    routes = [*away, Route(name="chat", channel=other)]

    def pass_time(end: datetime, every: timedelta) -> None:
        while clock[0] < end:
            drain(state, routes, clock[0], randbelow=middle)
            clock[0] += every

    sent = [f"{key}/{number}" for number in range(3) for key in ("a", "b")]
    for number, action in enumerate(("trigger", "acknowledge", "resolve")):
        for key in ("a", "b"):
            one = alert(id=f"{key}/{number}", dedupe_key=key, title=f"{key}/{number}", action=action, at=clock[0])
            enqueue(state, one, routes, now=clock[0])
        pass_time(NOW + timedelta(minutes=20 * (number + 1)), timedelta(seconds=40))
    waiting = [one for one in deliveries(state) if one.route != "chat"]
    assert {one.state for one in waiting} == {"waiting"}
    assert len(waiting) == 4 * 6
    assert waiting[0].words == "127.0.0.1 cannot be reached: Connection refused"
    assert max(one.attempts for one in waiting) < 15
    assert {one.attempts for one in waiting if one.message.action != "trigger"} == {0}
    assert [id_ for id_, _ in other.got] == sent
    with (
        listening(pager.handle, port=ports[0]),
        listening(workspace.handle, port=ports[1]),
        listening(hook, port=ports[2]),
        mails.running(ports[3]),
    ):
        pass_time(NOW + timedelta(hours=1, minutes=16), timedelta(seconds=40))
    assert {one.state for one in deliveries(state)} == {"taken"}
    assert pager.incidents == {key: ["trigger", "acknowledge", "resolve"] for key in ("a", "b")}
    got = {
        "team": [message["text"] for message in workspace.posted],
        "hook": [id_ for id_, _ in hooks],
        "mail": [mail["Subject"].removeprefix("[Floorline] ") for mail in mails.mails],
    }
    for titles in got.values():
        assert sorted(title.rpartition(" ")[2] for title in titles) == sorted(sent)
        for key in ("a", "b"):
            mine = [title.rpartition("/")[2] for title in titles if f"{key}/" in title]
            assert mine == ["0", "1", "2"]
    assert all(genuine for _, genuine in hooks)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12),
    st.lists(st.sampled_from([TAKEN, LATER, REFUSED, Answer(outcome="later", words="429", after_ms=60_000)])),
)
def test_of_one_key_no_message_is_overtaken_whatever_is_answered(queued, answers):
    waiting = {
        f"{n}": Delivery(
            id=f"{n}", route="chat", number=n // 2, queued_at=NOW, next_at=NOW,
            message=alert(id=f"{n}", dedupe_key=key),
        )
        for n, (key, _) in enumerate(queued)
    }  # fmt: skip
    now, sent = NOW, []
    left = iter(answers)
    for _ in range(2_000):
        one = next_due(waiting.values(), now)
        if one is None:
            now += timedelta(minutes=15)
            continue
        after = settled(one, next(left, TAKEN), now, middle)
        waiting[one.id] = after
        if after.state == "taken":
            sent.append(int(one.id))
        if all(one.state != "waiting" for one in waiting.values()):
            break
    for key in "abc":
        mine = [n for n in sent if queued[n][0] == key]
        assert [n // 2 for n in mine] == sorted(n // 2 for n in mine)
    assert all(one.state != "waiting" for one in waiting.values())


def test_a_pause_doubles_up_to_a_quarter_of_an_hour_and_half_of_it_is_chance():
    assert [backoff_ms(n, lambda _: 0) for n in (1, 2, 3)] == [2_500, 5_000, 10_000]
    assert [backoff_ms(n, lambda below: below - 1) for n in (1, 2, 3)] == [5_000, 10_000, 20_000]
    assert backoff_ms(1_000, lambda below: below - 1) == BACKOFF_MAX_MS


def test_a_receiver_that_asks_for_a_pause_gets_nothing_else_meanwhile(state):
    receiver = Receiver(answer=lambda _: Answer(outcome="later", words="429", after_ms=120_000))
    route = Route(name="chat", channel=receiver)
    enqueue(state, alert(id="a"), [route], now=NOW)
    enqueue(state, alert(id="b", dedupe_key="b"), [route], now=NOW)
    run(state, [route], lasting=timedelta(seconds=115))
    assert [id_ for id_, _ in receiver.got] == ["a"]
    receiver.answer = lambda _: TAKEN
    run(state, [route], since=NOW + timedelta(seconds=120), lasting=timedelta(0))
    assert states(state) == [("a", "taken"), ("b", "taken")]


def test_one_message_that_fails_keeps_no_other_back(state):
    receiver = Receiver(answer=lambda id_: LATER if id_ == "poison" else TAKEN)
    route = Route(name="chat", channel=receiver)
    for n in ("poison", "a", "b"):
        enqueue(state, alert(id=n, dedupe_key=n), [route], now=NOW)
    run(state, [route], lasting=timedelta(seconds=10))
    assert states(state) == [("poison", "waiting"), ("a", "taken"), ("b", "taken")]
    assert tallies(state) == {"chat": Tally(taken=2, put_off=2)}


def test_a_channel_with_a_defect_keeps_its_own_message_back_and_no_other(state):
    def defective(id_: str) -> Answer:
        if id_ == "bad":
            raise ZeroDivisionError
        return TAKEN

    routes = [Route(name="chat", channel=Receiver(answer=defective)), Route(name="pager", channel=Receiver())]
    for n in ("bad", "good"):
        enqueue(state, alert(id=n, dedupe_key=n), routes, now=NOW)
    run(state, routes, lasting=timedelta(seconds=10))
    found = {(one.route, one.message.id): (one.state, one.words) for one in deliveries(state)}
    assert found == {
        ("chat", "bad"): ("waiting", "it cannot be sent: ZeroDivisionError, see the log"),
        ("chat", "good"): ("taken", "ok"),
        ("pager", "bad"): ("taken", "ok"),
        ("pager", "good"): ("taken", "ok"),
    }


def test_what_is_refused_fails_at_once_is_audited_and_can_be_sent_again(state):
    receiver = Receiver(answer=lambda _: REFUSED)
    route = Route(name="chat", channel=receiver)
    enqueue(state, alert(), [route], now=NOW)
    done = drain(state, [route], NOW, randbelow=middle)
    assert done == Tally(failed=1)
    run(state, [route], since=NOW + timedelta(days=1), lasting=timedelta(0))
    assert len(receiver.got) == 1
    assert state.audited() == [
        Audited(
            at=NOW, actor="floorline", action="delivery.failed", subject="chat: margin_red/feature/support_agent/1", detail="400"
        )
    ]  # fmt: skip
    receiver.answer = lambda _: TAKEN
    (failed,) = deliveries(state)
    assert failed.message == alert()
    later = NOW + timedelta(days=10)
    again = retry(state, failed.id, now=later)
    assert again is not None
    drain(state, [route], later, randbelow=middle)
    assert states(state) == [(alert().id, "taken")]
    assert retry(state, failed.id, now=later) is None
    assert retry(state, "no such id", now=later) is None


def test_after_three_days_a_message_is_given_up(state):
    receiver = Receiver(answer=lambda _: LATER)
    routes = [Route(name="chat", channel=receiver)]
    enqueue(state, alert(), routes, now=NOW)
    enqueue(state, alert(id="x"), [Route(name="gone", channel=receiver)], now=NOW)
    run(state, routes, lasting=GIVE_UP + timedelta(hours=1), every=timedelta(hours=1))
    found = {one.route: (one.state, one.words) for one in deliveries(state)}
    assert found == {
        "chat": ("failed", "given up after 3 days, at last: 503"),
        "gone": ("failed", "given up after 3 days: floorline.yaml has no route 'gone'"),
    }
    assert receiver.got[-1][1] - NOW <= GIVE_UP + timedelta(hours=1)
    assert [entry.action for entry in state.audited()] == ["delivery.failed", "delivery.failed"]


def test_a_trigger_is_not_sent_again_after_its_resolve(state):
    receiver = Receiver(answer=lambda id_: REFUSED if id_ == "a/1" else TAKEN)
    route = Route(name="pager", channel=receiver)
    enqueue(state, alert(id="a/1"), [route], now=NOW)
    enqueue(state, alert(id="a/2", action="resolve"), [route], now=NOW)
    drain(state, [route], NOW, randbelow=middle)
    trigger, _ = deliveries(state)
    assert states(state) == [("a/1", "failed"), ("a/2", "taken")]
    assert retry(state, trigger.id, now=NOW) is None


def test_a_route_that_takes_nothing_keeps_no_more_than_it_may(state):
    route = Route(name="chat", channel=Receiver(answer=lambda _: LATER))
    for n in range(3):
        enqueue(state, alert(id=f"{n}", dedupe_key=f"{n}"), [route], now=NOW, waiting_max=2)
    enqueue(state, alert(id="resolved", dedupe_key="0", action="resolve"), [route], now=NOW, waiting_max=2)
    assert states(state) == [("0", "waiting"), ("1", "waiting"), ("2", "failed"), ("resolved", "waiting")]
    assert deliveries(state)[2].words.startswith("2 messages wait for this route already: 'support_agent")
    assert [entry.subject for entry in state.audited()] == ["chat: 2"]


def test_in_one_drain_a_route_is_given_a_few(state):
    receiver = Receiver()
    route = Route(name="chat", channel=receiver)
    for n in range(SENT_MAX + 5):
        enqueue(state, alert(id=f"{n}", dedupe_key=f"{n}"), [route], now=NOW)
    drain(state, [route], NOW, randbelow=middle)
    assert [id_ for id_, _ in receiver.got] == [f"{n}" for n in range(SENT_MAX)]


def test_what_is_done_is_forgotten_in_time(state):
    route = Route(name="chat", channel=Receiver(answer=lambda id_: REFUSED if id_ == "bad" else TAKEN))
    for n in ("good", "bad"):
        enqueue(state, alert(id=n, dedupe_key=n), [route], now=NOW)
    drain(state, [route], NOW, randbelow=middle)
    drain(state, [route], NOW + timedelta(days=7), randbelow=middle)
    assert states(state) == [("bad", "failed")]
    drain(state, [route], NOW + timedelta(days=30), randbelow=middle)
    assert states(state) == []


def test_a_name_that_is_erased_while_its_message_is_sent_does_not_come_back(state):
    def erasing(_):
        entry = Audited(at=NOW, actor="me", action="erase", subject="x1")
        state.erased({"support_agent": "x1"}, entry, setting="erasing", value="")
        return LATER

    route = Route(name="chat", channel=Receiver(answer=erasing))
    enqueue(state, alert(), [route], now=NOW)
    drain(state, [route], NOW, randbelow=middle)
    (one,) = deliveries(state)
    assert (one.state, one.attempts) == ("waiting", 1)
    assert one.message.title.startswith("x1: margin")
    route.channel.answer = lambda _: TAKEN
    run(state, [route], lasting=timedelta(seconds=10))
    assert [one.state for one in deliveries(state)] == ["taken"]


def test_killed_between_the_sending_and_the_note_it_sends_the_same_again(tmp_path):
    state = State.open(tmp_path)
    got: list[Posted] = []
    workers: list[subprocess.Popen] = []

    def handle(posted: Posted) -> Said:
        got.append(posted)
        if len(got) == 1:
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
        return Said()

    with listening(handle) as port:
        url = f"http://127.0.0.1:{port}/"
        enqueue(state, alert(), [Route(name="hook", channel=Webhook(url=url, secrets=(OLD,)))], now=NOW)
        for wanted in (-signal.SIGKILL, 0):
            command = [sys.executable, "-m", "tests.delivery.outbox_worker", str(tmp_path), url, OLD, NOW.isoformat()]
            workers[:] = [subprocess.Popen(command)]
            assert workers[0].wait(20) == wanted
            assert len(deliveries(state)) == 1
    assert [one.headers["webhook-id"] for one in got] == [f"msg_{alert().digest}"] * 2
    assert got[0].body == got[1].body
    assert [one.state for one in deliveries(state)] == ["taken"]
    state.close()


def test_a_secret_changes_without_a_message_that_nobody_believes(state):
    """Receiver and sender change at times of their own: sender signs with both, receiver takes the new one, sender drops
    the old one.
    """
    believed: list[bool] = []
    known = [OLD]

    def handle(posted: Posted) -> Said:
        believed.append(is_genuine(posted.headers, posted.body, known, now=NOW))
        return Said(status=200 if believed[-1] else 401)

    with listening(handle) as port:
        url = f"http://127.0.0.1:{port}/"
        for n, (sender, receiver) in enumerate([([OLD], OLD), ([NEW, OLD], OLD), ([NEW, OLD], NEW), ([NEW], NEW)]):
            known[:] = [receiver]
            route = Route(name="hook", channel=Webhook(url=url, secrets=tuple(sender)))
            enqueue(state, alert(id=f"{n}"), [route], now=NOW)
            drain(state, [route], NOW, randbelow=middle)
    assert believed == [True] * 4
    assert {one.state for one in deliveries(state)} == {"taken"}
