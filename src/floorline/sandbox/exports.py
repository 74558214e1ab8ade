"""The demo company's rows as files in the shapes that `floorline import` reads."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from floorline.sandbox.calendar import Calendar
from floorline.sandbox.company import FREE, Account, Company
from floorline.sandbox.rows import Activity, Money, MoneyRow, UsageRow
from floorline.sandbox.settings import settings

_MONEY = ("amount", "currency", "period_start", "period_end")
_REVENUE = ("id", "customer", "plan", *_MONEY)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file: `kind` is what `floorline import` calls it."""

    kind: str
    path: Path


def write_settings(folder: Path, calendar: Calendar) -> Path:
    """The company's floorline.yaml."""
    path = folder / "floorline.yaml"
    path.write_text(settings(calendar))
    return path


def write_books(folder: Path, company: Company, money: Money, calendar: Calendar) -> tuple[Export, ...]:
    """Who the customers are, and the money, in the order of import: customers first, so that every later row finds its plan."""
    customers, revenue, costs = (folder / name for name in ("customers.csv", "revenue.csv", "costs.csv"))
    header = ("customer", "valid_from", "name", "plan", "segment", "cohort", "aliases")
    _csv(customers, header, (row for account in company.accounts for row in _customer(account, calendar)))
    _csv(revenue, _REVENUE, map(_revenue, money.revenue))
    _csv(costs, ("id", "component", *_MONEY, "feature", "driver"), (_cost(row) for row in money.costs))
    return (
        Export(kind="customers", path=customers),
        Export(kind="revenue", path=revenue),
        Export(kind="costs", path=costs),
    )


def write_days(folder: Path, activity: Activity, name: str = "") -> tuple[Export, ...]:
    """What was done in some days: outcomes, then calls. `name` tells their files from those of other days."""
    suffix = f"-{name}" if name else ""
    outcomes, usage = folder / f"outcomes{suffix}.jsonl", folder / f"usage{suffix}.jsonl"
    _jsonl(outcomes, activity.outcomes)
    _jsonl(usage, activity.usage)
    return Export(kind="outcomes", path=outcomes), Export(kind="usage", path=usage)


def write_month(folder: Path, usage: Iterable[UsageRow], revenue: Iterable[MoneyRow]) -> tuple[Export, ...]:
    """What the code assistant's customers paid and used in the running month."""
    paid, used = folder / "month-revenue.csv", folder / "month-usage.jsonl"
    _csv(paid, _REVENUE, map(_revenue, revenue))
    _jsonl(used, usage)
    return Export(kind="revenue", path=paid), Export(kind="usage", path=used)


def _customer(account: Account, calendar: Calendar) -> Iterable[tuple[str, ...]]:
    """What is true of it always, and where it had tried the free plan, that and from when on it pays."""
    cohort = f"{calendar.day(account.came):%Y-%m}"
    rows = (
        ((calendar.day(account.came), FREE), (calendar.day(account.joined), account.plan))
        if account.tried
        else (("", account.plan),)
    )
    for since, plan in rows:
        yield (account.customer, f"{since}", account.name, plan, account.segment, cohort, account.billed_as)


def _revenue(row: MoneyRow) -> tuple[str, ...]:
    return (row.id, row.customer, row.plan, *_money(row))


def _cost(row: MoneyRow) -> tuple[str, ...]:
    return (row.id, row.component, *_money(row), row.feature, row.driver)


def _money(row: MoneyRow) -> tuple[str, ...]:
    return (f"{row.amount:f}", "USD", row.period_start.isoformat(), row.period_end.isoformat())


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _jsonl(path: Path, rows: Iterable[msgspec.Struct]) -> None:
    with path.open("wb") as file:
        file.writelines(_ENCODER.encode(row) + b"\n" for row in rows)
