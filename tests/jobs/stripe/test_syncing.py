"""The ledger says what Stripe says, by webhook or by pull, in whatever order events come and wherever it is killed."""

import io
import json
import random
import urllib.error
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import Message
from zoneinfo import ZoneInfo

import pytest

from floorline.errors import BadInput
from floorline.ingest.calls import Pricer
from floorline.ingest.stripe.changes import change_of
from floorline.ingest.stripe.objects import flatten
from floorline.jobs.importing import Importing
from floorline.jobs.stripe.api import StripeApi, StripeDown
from floorline.jobs.stripe.syncing import StripeAccount, Syncing
from floorline.pricing.book import PriceBook
from floorline.query import Query
from floorline.sandbox.stripe_api import KEY, StripeSandbox
from tests.ingest.stripe_objects import (
    FEB,
    charge,
    credit_line,
    credit_note,
    customer,
    invoice,
    line,
    refund,
    subscription,
)
from tests.support.data import shared_data

START = FEB


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    customer: str
    amount: Decimal
    period_start: date
    reverses: str


def revenue(ledger) -> list[Row]:
    sql = "SELECT id, customer, amount, period_start, reverses FROM revenue ORDER BY id"
    return ledger.query(Query(sql=sql, row=Row))


def amounts(ledger) -> dict[str, str]:
    return {row.id: f"{row.amount:.2f}" for row in revenue(ledger)}


def net(ledger) -> dict[tuple[str, date], Decimal]:
    """What counts in the end, by customer and first day: what was taken back is gone."""
    sums: Counter[tuple[str, date]] = Counter()
    for row in revenue(ledger):
        sums[row.customer, row.period_start] += row.amount
    return {key: amount for key, amount in sums.items() if amount}


class Killed(BaseException):
    """A process that ends in the middle of it."""


class Direct(StripeApi):
    """The stand-in without sockets between. It kills whoever asks for the `kill_at`th time."""

    def __init__(self, sandbox: StripeSandbox, kill_at: int = 0) -> None:
        super().__init__(KEY, "http://stripe", sleep=lambda _: None)
        self.sandbox, self.kill_at = sandbox, kill_at

    def _once(self, url):
        self.kill_at -= 1
        if self.kill_at == 0:
            raise Killed
        path, _, query = url.removeprefix("http://stripe").partition("?")
        answer = self.sandbox.answer(path, query, f"Bearer {KEY}")
        if answer.status != 200:
            headers = Message()
            for name, value in answer.headers:
                headers[name] = value
            raise urllib.error.HTTPError(url, answer.status, "", headers, io.BytesIO(json.dumps(answer.body).encode()))
        self.said_at = self.sandbox.now
        return answer.body


def instant(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def syncing(ledger, sandbox, kill_at: int = 0) -> Syncing:
    api = Direct(sandbox, kill_at)
    return Syncing(ledger, StripeAccount(api=lambda: api, backfill=timedelta(days=400), lag_max=timedelta(hours=6)))


def follow(ledger, sandbox, now: int = 0) -> None:
    """Pull and take until nothing is left."""
    at = instant(now or sandbox.now + 60)
    sync = syncing(ledger, sandbox)
    sync.pull(at)
    taken = sync.take(at)
    assert (taken.refused, taken.left) == (0, 0), sync.inbox.waiting()


@pytest.fixture
def sandbox() -> StripeSandbox:
    made = StripeSandbox()
    made.put(customer(), "customer.created", at=START)
    return made


def test_an_invoice_comes_with_its_customer_and_what_is_taken_back_later(ledger, sandbox):
    sandbox.put(invoice(line("il_1"), line("il_2", 900), charge="ch_1"), "invoice.finalized", at=START + 10)
    follow(ledger, sandbox)
    assert amounts(ledger) == {"in_1/il_1": "31.00", "in_1/il_2": "9.00"}
    sandbox.put(credit_note(credit_line()), "credit_note.created", at=START + 2_000)
    follow(ledger, sandbox)
    assert amounts(ledger)["cn_1/cnli_1"] == "-10.00"
    sandbox.put(credit_note(credit_line(), status="void"), "credit_note.voided", at=START + 4_000)
    follow(ledger, sandbox)
    assert amounts(ledger)["cn_1/cnli_1/void"] == "10.00"
    sandbox.put(
        invoice(line("il_1"), line("il_2", 900), charge="ch_1", status="void"), "invoice.voided", at=START + 6_000
    )
    follow(ledger, sandbox)
    assert net(ledger) == {}
    before = amounts(ledger)
    follow(ledger, sandbox, START + 90_000)
    assert amounts(ledger) == before


def test_a_refund_finds_its_invoice_of_either_age(ledger, sandbox):
    sandbox.put(charge(invoice=None, payment_intent="pi_1"), "charge.succeeded", at=START)
    sandbox.put(invoice(line()), "invoice.paid", at=START)
    payment = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}  # fmt: skip
    sandbox.put(payment, "invoice_payment.paid", at=START)
    sandbox.put(charge("ch_2", invoice="in_2"), "charge.succeeded", at=START)
    sandbox.put(invoice(line("il_9"), name="in_2", charge="ch_2"), "invoice.paid", at=START)
    follow(ledger, sandbox)
    sandbox.put(refund(payment_intent="pi_1"), "refund.created", at=START + 2_000)
    sandbox.put(refund("re_2", charge="ch_2"), "charge.refund.updated", at=START + 2_000)
    follow(ledger, sandbox)
    found = amounts(ledger)
    assert (found["re_1/1"], found["re_2/1"]) == ("-15.50", "-15.50")
    sandbox.put(refund(payment_intent="pi_1", status="failed"), "refund.failed", at=START + 4_000)
    follow(ledger, sandbox)
    assert amounts(ledger)["re_1/1/void"] == "15.50"


def test_a_refund_that_a_later_credit_note_pays_out_is_taken_back_for_it(ledger, sandbox):
    sandbox.put(charge(invoice="in_1"), "charge.succeeded", at=START)
    sandbox.put(invoice(line(), charge="ch_1"), "invoice.paid", at=START)
    sandbox.put(refund(amount=1_000), "refund.created", at=START)
    follow(ledger, sandbox)
    assert amounts(ledger)["re_1/1"] == "-10.00"
    sandbox.put(credit_note(credit_line(), refunds=[{"refund": "re_1"}]), "credit_note.created", at=START + 2_000)
    follow(ledger, sandbox)
    assert sum(row.amount for row in revenue(ledger)) == Decimal(21)
    assert amounts(ledger)["re_1/1/void"] == "10.00"


def test_an_amended_invoice_is_taken_back_and_written_as_its_next_revision(ledger, sandbox):
    sandbox.put(invoice(line("il_1"), line("il_2", 900)), "invoice.finalized", at=START)
    follow(ledger, sandbox)
    first = revenue(ledger)
    sandbox.put(invoice(line("il_1", 2_100)), "invoice.updated", at=START + 2_000)
    follow(ledger, sandbox)
    assert amounts(ledger) == {
        "in_1/il_1": "31.00", "in_1/il_1/void": "-31.00", "in_1/il_1~2": "21.00",
        "in_1/il_2": "9.00", "in_1/il_2/void": "-9.00",
    }  # fmt: skip
    assert first == [row for row in revenue(ledger) if row in first], "history is not rewritten"
    sandbox.put(invoice(line("il_1"), line("il_2", 900)), "invoice.updated", at=START + 4_000)
    follow(ledger, sandbox)
    found = amounts(ledger)
    assert (found["in_1/il_1~2/void"], found["in_1/il_1~3"], found["in_1/il_2~2"]) == ("-21.00", "31.00", "9.00")
    assert sum(net(ledger).values()) == 40
    follow(ledger, sandbox, START + 90_000)
    assert amounts(ledger) == found


def test_an_amended_invoice_with_a_credit_note_keeps_it_or_moves_it_to_the_new_days(ledger, sandbox):
    sandbox.put(invoice(line()), "invoice.finalized", at=START)
    sandbox.put(credit_note(credit_line()), "credit_note.created", at=START)
    follow(ledger, sandbox)
    sandbox.put(invoice(line(amount=4_100)), "invoice.updated", at=START + 2_000)
    follow(ledger, sandbox)
    assert net(ledger) == {("cus_1", date(2026, 1, 1)): Decimal(31)}
    sandbox.put(
        invoice(line(amount=4_100, period={"start": FEB, "end": FEB + 86_400 * 28})),
        "invoice.updated",
        at=START + 4_000,
    )
    follow(ledger, sandbox)
    assert net(ledger) == {("cus_1", date(2026, 2, 1)): Decimal(31)}


def test_what_an_import_of_files_wrote_is_known(ledger, sandbox, tmp_path):
    objects = [customer(metadata={"floorline_customer": "acme"}), invoice(line()), credit_note(credit_line())]
    (tmp_path / "export.jsonl").write_text("".join(json.dumps(one) + "\n" for one in objects))
    importing = Importing(ledger=ledger, pricer=Pricer(book=PriceBook()), now=instant(START))
    importing.stripe([tmp_path / "export.jsonl"], zone=ZoneInfo("UTC"))
    before = amounts(ledger)
    for obj, type_ in zip(objects, ("customer.updated", "invoice.paid", "credit_note.created"), strict=True):
        sandbox.put(obj, type_, at=START)
    follow(ledger, sandbox)
    assert amounts(ledger) == before
    report = importing.stripe([tmp_path / "export.jsonl"], zone=ZoneInfo("UTC"))
    assert (report.new, report.refused) == (0, 0)


def test_a_document_of_which_something_is_refused_is_left_out_whole_until_it_is_mended(ledger, sandbox):
    sandbox.put(invoice(line("il_1"), line("il_2", total=5), total_excluding_tax=1), "invoice.paid", at=START)
    sandbox.put(invoice(line("il_3"), name="in_2"), "invoice.paid", at=START)
    sync, now = syncing(ledger, sandbox), instant(START + 100)
    sync.pull(now)
    taken = sync.take(now)
    assert taken.refused == 1
    assert list(amounts(ledger)) == ["in_2/il_3"]
    fresh = sync.freshness()
    assert (fresh.refused, fresh.waiting, fresh.complete_until) == (1, 0, now)
    assert "its 2 lines come to" in sync.inbox.waiting()["invoice/in_1"].error
    sandbox.put(invoice(line("il_1"), line("il_2")), "invoice.updated", at=START + 2_000)
    follow(ledger, sandbox)
    assert len(amounts(ledger)) == 3


def test_pages_lines_beyond_the_first_and_too_many_requests(ledger, sandbox):
    for number in range(25):
        sandbox.put(invoice(*(line(f"il_{number}_{n}", 100 + n) for n in range(number)), name=f"in_{number}"), "invoice.finalized", at=START + number)  # fmt: skip
    sandbox.busy = 3
    follow(ledger, sandbox)
    assert len(revenue(ledger)) == sum(range(25))
    sandbox.busy = 50
    with pytest.raises(StripeDown, match="429"):
        syncing(ledger, sandbox).pull(instant(START + 9_000))


def test_a_pull_after_a_month_reads_everything_anew(ledger, sandbox):
    follow(ledger, sandbox)
    later = START + 40 * 86_400
    sandbox.put(invoice(line()), "invoice.finalized", at=START + 100)
    sandbox.now = later
    follow(ledger, sandbox, later)
    assert amounts(ledger) == {"in_1/il_1": "31.00"}


def test_a_backfill_goes_on_where_it_was_killed(ledger, sandbox):
    for number in range(230):
        sandbox.put(
            invoice(line(f"il_{number}"), name=f"in_{number:03d}"),
            "invoice.finalized",
            at=START - 86_400 * 200 + number,
        )
    now = instant(START + 10)
    with pytest.raises(Killed):
        syncing(ledger, sandbox, kill_at=3).pull(now)
    sync = syncing(ledger, sandbox)
    assert sync.inbox.cursor.backfill_after == "in_030"
    assert sync.freshness().complete_until is None
    asked = sandbox.asked
    sync.pull(now)
    assert sandbox.asked - asked == 2, "the last page of invoices, and the events"
    assert len(sync.inbox.waiting()) == 231


def test_without_the_keys_variable_every_run_says_so(ledger):
    def unset():
        raise BadInput("the variable is not set")

    account = StripeAccount(api=unset, backfill=timedelta(days=1), lag_max=timedelta(hours=1))
    with pytest.raises(BadInput, match="not set"):
        Syncing(ledger, account).pull(instant(START))


def test_revenue_is_stale_when_nothing_was_pulled_or_taken_for_too_long(ledger, sandbox):
    sync = syncing(ledger, sandbox)
    now = instant(START + 100)
    assert sync.freshness().is_stale(now)
    follow(ledger, sandbox, START + 100)
    fresh = sync.freshness()
    assert (fresh.lag(now), fresh.is_stale(now), fresh.newest_event_at) == (timedelta(), False, instant(START))
    assert fresh.is_stale(now + timedelta(hours=6, seconds=1))
    sync.inbox.want([change_of(sandbox.put(invoice(line()), "invoice.paid", at=START + 5_000))], now)
    assert sync.freshness().waiting == 1
    assert sync.freshness().lag(now + timedelta(hours=1)) == timedelta(hours=1)


class Tearing:
    """A ledger whose process is killed in the middle of a write, now and then."""

    def __init__(self, ledger, chance: random.Random) -> None:
        self._ledger, self._chance = ledger, chance

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def write(self, entries):
        if self._chance.random() < 0.15:
            self._ledger.write(entries[: self._chance.randrange(len(entries) + 1)])
            raise Killed
        return self._ledger.write(entries)


class History:
    """A company's documents changing at random, as Stripe lets them."""

    def __init__(self, seed: int) -> None:
        self.random, self.sandbox, self.at = random.Random(seed), StripeSandbox(), START
        self.invoices: list[str] = []
        self.sandbox.put(customer(), "customer.created", at=START)
        self.sandbox.put(subscription(), "customer.subscription.created", at=START)

    def step(self) -> dict:
        """One change; its event."""
        self.at += self.random.choice([0, 1, 30, 400])
        name = self.random.choice(self.invoices) if self.invoices and self.random.random() < 0.7 else None
        if name is None:
            name = f"in_{len(self.invoices)}"
            self.invoices.append(name)
            self.sandbox.put(charge(f"ch_{name}", invoice=name), "charge.succeeded", at=self.at)
            return self.sandbox.put(self.invoice(name, 3_100, "open"), "invoice.finalized", at=self.at)
        what = self.random.choice(
            ["paid", "uncollectible", "amended", "credited", "uncredited", "refunded", "unrefunded"]
        )
        match what:
            case "paid" | "uncollectible":
                return self.sandbox.put(self.invoice(name, 3_100, what), f"invoice.{what}", at=self.at)
            case "amended":
                return self.sandbox.put(
                    self.invoice(name, self.random.choice([3_100, 4_100]), "paid"), "invoice.updated", at=self.at
                )
            case "credited" | "uncredited":
                note = credit_note(credit_line(f"cnli_{name}", 500, f"il_{name}"), name=f"cn_{name}", invoice=name, status="issued" if what == "credited" else "void")  # fmt: skip
                return self.sandbox.put(note, "credit_note.updated", at=self.at)
            case _:
                status = "succeeded" if what == "refunded" else "failed"
                made = refund(f"re_{name}", 300, charge=f"ch_{name}", status=status)
                return self.sandbox.put(made, "refund.updated", at=self.at)

    def invoice(self, name: str, amount: int, status: str) -> dict:
        return invoice(line(f"il_{name}", amount), name=name, charge=f"ch_{name}", status=status)


def run(history: History, ledger) -> None:
    """Changes, webhooks that are lost, late, doubled and out of order, pulls, and kills at every moment."""
    chance, undelivered = history.random, []
    for _ in range(25):
        undelivered += [history.step()] * chance.choice([0, 1, 1, 2])
        sync = syncing(ledger, history.sandbox, kill_at=chance.choice([0, 0, 1, 2, 5, 9, 14]))
        now = instant(history.sandbox.now + chance.randrange(60))
        chance.shuffle(undelivered)
        delivered, undelivered = undelivered[:2], undelivered[2:]
        sync._ledger = Tearing(ledger, chance)
        try:
            sync.inbox.want(filter(None, map(change_of, delivered)), now)
            if chance.random() < 0.3:
                sync.pull(now)
            if chance.random() < 0.7:
                sync.take(now)
        except Killed:
            continue
    follow(ledger, history.sandbox)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(1, 30))])
def test_whatever_the_order_the_doubles_the_losses_and_the_kills_the_ledger_comes_to_what_stripe_says(
    open_ledger, seed
):
    history = History(seed)
    ledger, pulled = open_ledger("followed"), open_ledger("pulled")
    run(history, ledger)
    follow(pulled, history.sandbox)
    assert net(ledger) == net(pulled)


def recorded() -> list[dict]:
    """The objects of both recorded sets."""
    resources = json.loads((shared_data("stripe_fixtures") / "fixtures3.json").read_text())["resources"]
    files = sorted(shared_data("djstripe_fixtures").glob("*.json"))
    loaded = [*resources.values(), *(json.loads(file.read_text()) for file in files)]
    flat = [one for obj in loaded if isinstance(obj, dict) for _, one in flatten("", obj)]
    return [one for one in flat if isinstance(one, dict) and one.get("object") in {"invoice", "credit_note", "refund", "charge", "customer", "subscription", "invoice_payment", "price", "plan", "product"}]  # fmt: skip


def test_the_recorded_objects_through_the_webhook_and_through_the_pull_give_the_same_ledger(open_ledger):
    sandbox, hooked, pulled = StripeSandbox(), open_ledger("hooked"), open_ledger("pulled")
    objects = recorded()
    events = [sandbox.put({**obj, "created": START}, f"{obj['object']}.updated", at=START + n) for n, obj in enumerate(objects)]  # fmt: skip
    now = instant(sandbox.now + 5)
    by_hook, by_pull = syncing(hooked, sandbox), syncing(pulled, sandbox)
    random.Random(1).shuffle(events)
    by_hook.inbox.want(filter(None, map(change_of, [*events, *events])), now)
    by_hook.take(now)
    by_pull.pull(now)
    by_pull.take(now)
    assert revenue(hooked) == revenue(pulled)
    assert f"{sum(row.amount for row in revenue(hooked)):.2f}" == "34.78"
