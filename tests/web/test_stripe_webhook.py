"""What is believed of a webhook: what a secret signed, lately. What changed is on disk before it is acknowledged."""

from datetime import UTC, datetime, timedelta

import pytest

from floorline.ingest.stripe.changes import EVENT_TYPES, Change, change_of
from floorline.ingest.stripe.webhook import fault, signature
from floorline.jobs.stripe.inbox import Inbox
from floorline.ledger.state import State
from floorline.sandbox.stripe_api import signed
from floorline.web.api.stripe import BODY_BYTES_MAX, PATH, Webhook
from tests.ingest.stripe_objects import charge, credit_note, customer, invoice, line, refund, subscription
from tests.support.web import hosted

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp())


@pytest.fixture
def inbox(tmp_path):
    state = State.open(tmp_path)
    yield Inbox(state)
    state.close()


@pytest.fixture
def post(inbox):
    """Sends a webhook: the answer's status and body."""

    def send(body, headers, secrets=("whsec_new", "whsec_old"), now=NOW):
        hook = Webhook(lambda: inbox, secrets, clock=lambda: now)
        sent = {name: value.encode() for name, value in headers.items()}
        answer = hosted([hook.route()]).post(PATH, headers=sent, content=body)
        return answer.status_code, answer.text

    return send


def event(obj, created=AT - 1, name="evt_1"):
    return {"id": name, "object": "event", "type": "any", "created": created, "data": {"object": obj}}


def test_a_signature_is_hmac_sha256_of_time_and_body():
    # printf '1.{}' | openssl dgst -sha256 -hmac whsec_test
    assert signature(b"{}", "whsec_test", 1) == "7500d5d4be4b3ef07af1fe56f7d522d135cdaa7530de557e67cc1049c52de094"


def test_what_changed_is_in_the_inbox_when_it_is_acknowledged(post, inbox):
    body, headers = signed(event(invoice(line())), ["whsec_new"], at=AT)
    assert post(body, headers) == (200, '{"taken":true}\n')
    assert [(one.kind, one.id, one.at) for one in inbox.due(NOW)] == [("invoice", "in_1", AT - 1)]
    assert post(body, headers)[0] == 200
    assert len(inbox.due(NOW)) == 1, "the same again asks for nothing more"


@pytest.mark.parametrize("secrets", [["whsec_old"], ["whsec_new", "whsec_old"], ["whsec_gone", "whsec_old"]])
def test_while_a_secret_is_rotated_both_are_taken(post, secrets):
    assert post(*signed(event(invoice(line())), secrets, at=AT))[0] == 200


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda body, headers: (body + b" ", headers), "no signature is of a secret"),
        (lambda body, _: (body, {}), "absent"),
        (lambda body, _: (body, {"stripe-signature": "t=1,v0=aa"}), "absent"),
        (lambda body, _: (body, {"stripe-signature": f"t={AT},t={AT},v1=aa"}), "absent"),
        (lambda body, _: (body, {"stripe-signature": "t=-5,v1=aa"}), "absent"),
        (lambda body, _: (body, {"stripe-signature": f"t={AT},v1=\xe4"}), "no signature is of a secret"),
        (lambda body, headers: (body, {"stripe-signature": headers["stripe-signature"].replace("t=", "t=1")}), "no signature is of a secret"),
    ],
)  # fmt: skip
def test_what_stripe_did_not_sign_is_refused(post, inbox, change, why):
    status, said = post(*change(*signed(event(invoice(line())), ["whsec_new"], at=AT)))
    assert status == 400
    assert why in said
    assert inbox.due(NOW) == []


def test_a_secret_that_is_not_ours_signs_nothing(post):
    assert post(*signed(event(invoice(line())), ["whsec_other"], at=AT))[0] == 400


@pytest.mark.parametrize(("age_s", "status"), [(300, 200), (301, 400), (-300, 200), (-301, 400)])
def test_a_signature_holds_for_five_minutes(post, age_s, status):
    got, said = post(*signed(event(invoice(line())), ["whsec_new"], at=AT - age_s))
    assert got == status
    assert status == 200 or f"it was signed {age_s} s ago" in said


def test_a_body_beyond_the_limit_is_refused_before_it_is_looked_at(post):
    status, said = post(b"x" * (BODY_BYTES_MAX + 1), {})
    assert (status, "too_large" in said) == (413, True)


def test_without_a_secret_nothing_is_taken(post):
    assert post(*signed(event(invoice(line())), [""], at=AT), secrets=())[0] == 404


def test_a_signed_body_that_is_no_json_is_refused(post):
    body = b'{"id": 1, "id": 2}'
    headers = {"stripe-signature": f"t={AT},v1={signature(body, 'whsec_new', AT)}"}
    assert post(body, headers)[0] == 400


@pytest.mark.parametrize(
    ("obj", "changed"),
    [
        (invoice(line()), ("invoice", "in_1")),
        (invoice(line(), status="draft"), None),
        (credit_note(), ("invoice", "in_1")),
        (refund(), ("refund", "re_1")),
        (charge(), None),
        (charge(amount_refunded=5), ("invoice", "in_1")),
        (charge(amount_refunded=5, invoice=None), ("charge", "ch_1")),
        ({"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1"}, ("invoice", "in_1")),
        (customer(), ("customer", "cus_1")),
        (subscription(), ("customer", "cus_1")),
        ({"object": "payout", "id": "po_1"}, None),
        ({}, None),
    ],
)
def test_an_event_names_the_invoice_or_customer_that_changed(obj, changed):
    got = change_of(event(obj, created=7))
    assert got == (None if changed is None else Change(kind=changed[0], id=changed[1], at=7))


def test_stripe_takes_no_more_than_twenty_types_of_events_in_a_question():
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES) <= 20


def test_an_event_of_before_an_object_was_fetched_is_old_news_and_one_during_the_fetch_is_not(inbox):
    one = Change(kind="invoice", id="in_1", at=AT)
    assert inbox.want([one], NOW) == 1
    (waiting,) = inbox.due(NOW)
    inbox.want([Change(kind="invoice", id="in_1", at=AT)], NOW)
    inbox.done(waiting, AT + 100, NOW)
    (waiting,) = inbox.due(NOW)  # it changed while it was fetched
    inbox.done(waiting, AT + 100, NOW)
    assert inbox.due(NOW) == []
    assert inbox.want([one], NOW) == 0
    assert inbox.want([Change(kind="invoice", id="in_1", at=AT + 50)], NOW) == 1


def test_what_was_fetched_is_forgotten_once_no_event_of_it_can_come(inbox):
    one = Change(kind="invoice", id="in_1", at=AT)
    inbox.want([one], NOW)
    inbox.done(inbox.due(NOW)[0], AT + 100, NOW)
    inbox.forget(AT + 100, NOW)
    assert inbox.want([one], NOW) == 0
    inbox.forget(AT + 101, NOW)
    assert inbox.want([one], NOW) == 1


def test_what_cannot_be_taken_waits_longer_each_time_until_it_changes_again(inbox):
    inbox.want([Change(kind="invoice", id="in_1", at=AT)], NOW)
    now = NOW
    for _ in range(3):
        (waiting,) = inbox.due(now)
        inbox.failed(waiting, "no rate", now, refused=True)
        now = inbox.waiting()["invoice/in_1"].next_at
    assert now - NOW == timedelta(seconds=30 + 60 + 120)
    assert inbox.due(now - timedelta(seconds=1)) == []
    inbox.want([Change(kind="invoice", id="in_1", at=AT + 1)], now - timedelta(seconds=1))
    assert len(inbox.due(now - timedelta(seconds=1))) == 1


def test_faults_are_told_in_words():
    assert fault(b"{}", "", ["s"], NOW).startswith("Stripe-Signature is absent")
