"""The demo company's rows as files in the shapes that `floorline import` reads."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from floorline.sandbox.activity import Activity, MoneyRow, UsageRow
from floorline.sandbox.company import SETTINGS, Account, Company

_MONEY = ("amount", "currency", "period_start", "period_end")
_REVENUE = ("id", "customer", "plan", *_MONEY)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file: `kind` is what `floorline import` calls it."""

    kind: str
    path: Path


def write_settings(folder: Path) -> Path:
    """The company's floorline.yaml."""
    path = folder / "floorline.yaml"
    path.write_text(SETTINGS)
    return path


def write_exports(folder: Path, company: Company, activity: Activity) -> tuple[Export, ...]:
    """Every file, in the order of import: customers first, so that every later row finds its plan."""
    exports = tuple(
        Export(kind=kind, path=folder / name)
        for kind, name in (
            ("customers", "customers.csv"),
            ("revenue", "revenue.csv"),
            ("costs", "costs.csv"),
            ("outcomes", "outcomes.jsonl"),
            ("usage", "usage.jsonl"),
        )
    )
    customers, revenue, costs, outcomes, usage = (export.path for export in exports)
    _csv(customers, ("customer", "name", "plan", "segment", "cohort", "aliases"), map(_customer, company.accounts))
    _csv(revenue, _REVENUE, map(_revenue, activity.revenue))
    _csv(costs, ("id", "component", *_MONEY, "feature", "driver"), (_cost(row) for row in activity.costs))
    _jsonl(outcomes, activity.outcomes)
    _jsonl(usage, activity.usage)
    return exports


def write_month(folder: Path, usage: Iterable[UsageRow], revenue: Iterable[MoneyRow]) -> tuple[Export, ...]:
    """What the code assistant's customers paid and used in the running month."""
    paid, used = folder / "month-revenue.csv", folder / "month-usage.jsonl"
    _csv(paid, _REVENUE, map(_revenue, revenue))
    _jsonl(used, usage)
    return Export(kind="revenue", path=paid), Export(kind="usage", path=used)


def _customer(account: Account) -> tuple[str, ...]:
    return (account.customer, account.name, account.plan, account.segment, account.cohort, account.billed_as)


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
