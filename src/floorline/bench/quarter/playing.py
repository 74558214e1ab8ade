"""One quarter on a clock of its own: every morning the days before are judged, and what fires is noted.

Twice: from the day's sums alone, which is quick enough for many quarters, and through a ledger with every call in it. Both
ask the same rules, the same states and the same bridge, and say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from floorline.alerts.condition import Condition
from floorline.alerts.evaluation import drivers_told, verdicts
from floorline.alerts.figures import Picture
from floorline.alerts.machine import About, is_alarm
from floorline.alerts.model import ALARMS, Alert, SubjectKind
from floorline.alerts.tuning import Tuning
from floorline.bench.quarter.company import DAYS, PROVIDER, START, Quarter, SimCall, calls_on
from floorline.bench.quarter.figures import Figures, morning
from floorline.events import Call, Revenue, Usage
from floorline.jobs.alert_drivers import Drivers
from floorline.jobs.alert_figures import Memory, Sources
from floorline.jobs.alerting import Setup, driver_windows, evaluate
from floorline.jobs.price_watch import PriceWatch
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.ledger import Entry
from floorline.ledger.surface import AnyLedger
from floorline.margin.bridge import primary_driver
from floorline.margin.explanation import explain
from floorline.margin.policy import Policies
from floorline.margin.sides import By
from floorline.money import usd
from floorline.pricing.answers import price_answer
from floorline.pricing.book import PriceBook, build_book

SOURCE = "quarter"
WARM_DAYS = 36
"""Days before the first morning: a company looks at alerts when it has a history."""


@dataclass(slots=True)
class _Kept(Memory):
    """The figures of days that are over are kept from one morning to the next: here nothing comes late."""

    def start(self, today: date, customers: frozenset[str]) -> None:
        """Forget nothing; every customer is known from the beginning."""
        assert customers <= self.customers, "a customer that the quarter does not have"
        self.today = today


class Firing(NamedTuple):
    """An alert that opened, opened again or got worse on the morning of `day`; `driver` is '' where none is named."""

    day: int
    rule: str
    kind: SubjectKind
    subject: str
    driver: str


def played(quarter: Quarter, tuning: Tuning | None = None) -> list[Firing]:
    """What fires, from the sums of each day."""
    tuning = tuning or Tuning()
    figures = Figures(quarter)
    known: dict[str, Alert] = {}
    fired: list[Firing] = []
    for day in range(WARM_DAYS, DAYS + 1):
        watched = frozenset(one.subject for one in known.values() if one.active and one.subject_kind == "customer")
        picture = figures.picture(day, watched)
        kept = dict(known)
        for verdict in verdicts(picture, tuning, kept):
            before = kept.get(verdict.id)
            after = verdict.of(before, picture.now)
            if after is None or after is before:
                continue
            if verdict.condition is not None and is_alarm(before, after):
                driver = _driver(figures, verdict.condition, tuning, picture)
                if driver in drivers_told(verdict, kept):
                    continue
                after = verdict.of(before, picture.now, About(driver=driver)) or after
                fired.append(Firing(day, after.rule, after.subject_kind, after.subject, driver))
            known[verdict.id] = after
    return fired


def _driver(figures: Figures, condition: Condition, tuning: Tuning, picture: Picture) -> str:
    if condition.kind not in {"feature", "customer"}:
        return ""
    by: By = "feature" if condition.kind == "feature" else "customer"
    window = tuning.of(condition.rule, condition.subject if by == "feature" else "").window_days
    before, after = driver_windows(condition, window, picture)
    rows = explain(figures.facts(before), figures.facts(after), by).rows
    driver = next((primary_driver(one) for one in rows if one.key == (condition.subject,)), None)
    return driver.part if driver else ""


def recorded(quarter: Quarter, ledger: AnyLedger) -> list[Firing]:
    """What fires through `ledger`, which is empty and has days of UTC: each day's calls enter it and are judged on the next
    morning.
    """
    book, _ = build_book(quarter.prices)
    ledger.write([_entry(record) for record in _revenue(quarter)])
    ledger.write([entry for day in range(WARM_DAYS - 1) for entry in _day(quarter, day, book)])
    drivers = Drivers(ledger, Policies())
    memory = _Kept(customers=frozenset(member.name for member in quarter.members))
    watch = PriceWatch(ledger=ledger, state=ledger.state, book_with=lambda _: book)
    setup = Setup(explain=drivers.driver, sources=Sources(memory=memory, prices=watch.look))
    fired: list[Firing] = []
    for day in range(WARM_DAYS, DAYS + 1):
        ledger.write(_day(quarter, day - 1, book))
        ledger.flush()
        now = morning(day)
        drivers.forget(now)
        for alert, moment in evaluate(ledger, Policies(), ledger.state, now, setup):
            if moment.state in ALARMS:
                fired.append(Firing(day, alert.rule, alert.subject_kind, alert.subject, alert.driver))
    return fired


def _day(quarter: Quarter, day: int, book: PriceBook) -> list[Entry]:
    """The calls of one day as records."""
    return [_entry(_call(call, day, number, book)) for number, call in enumerate(calls_on(quarter, day))]


def _revenue(quarter: Quarter) -> Iterator[Revenue]:
    for member in quarter.members:
        amount = usd(Decimal(str(round(member.price * (member.leaves - member.joins), 6))))
        yield Revenue(
            source=SOURCE,
            id=member.name,
            customer=member.name,
            plan=member.plan,
            feature=member.feature.name,
            amount=amount,
            billed_amount=amount,
            period_start=START + timedelta(days=member.joins),
            period_end=START + timedelta(days=member.leaves),
        )


def _call(call: SimCall, day: int, number: int, book: PriceBook) -> Call:
    at = datetime.combine(START, time(), UTC) + timedelta(days=day, seconds=call.at_s)
    feature = call.member.feature
    buckets = {
        "input": call.input_tokens,
        "cache_read": call.cache_read_tokens,
        "output": call.output_tokens,
        "reasoning": call.reasoning_tokens,
    }
    usage = Usage(buckets=buckets, model=feature.model)
    costing = price_answer([usage], feature.model, PROVIDER, book, at)
    assert costing.effective_cost is not None, costing.reason
    return Call(
        source=SOURCE,
        id=f"{day}-{number}",
        opened_at=at,
        customer_id=call.member.name,
        feature=feature.name,
        provider=PROVIDER,
        model_requested=feature.model,
        model_served=feature.model,
        usage={name: Decimal(tokens) for name, tokens in buckets.items()},
        cost_basis=costing.basis,
        price_version=costing.price_version,
        list_cost=costing.list_cost,
        contracted_cost=costing.contracted_cost,
        effective_cost=costing.effective_cost,
        lines=costing.lines,
    )


def _entry(record: Call | Revenue) -> Entry:
    return Entry(record=record, fingerprint=fingerprint_of(msgspec.msgpack.encode((record.source, record.id))))
