"""A fortnight of calls of every kind, and what a ledger says of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from floorline.errors import FloorlineError
from floorline.ingest.calls import Pricer
from floorline.jobs.importing import Importing
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.rerating import Diff, Rerating, Selection, recompute_prices, rerate_prices
from floorline.ledger.ledger import Entry, Ledger, Written
from floorline.margin.dimensions import Dimension
from floorline.pricing.book import PriceBook, PriceOverride, Rate

START, END = date(2026, 3, 1), date(2026, 3, 15)
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
TRUSTED = frozenset({"openrouter"})
FORTNIGHT = Selection(start=START, end=END)
SHOWN: tuple[Dimension, ...] = ("feature", "customer", "model", "user", "outcome")
ROLLUPS = ("calls_5m", "calls_day", "calls_month", "steps_day", "detail_day", "users_day", "runs_day", "hist_day")

GPT = PriceOverride(
    provider="openai",
    model="gpt-4o",
    rates={"input": Rate(price=Decimal("2.50")), "output": Rate(price=Decimal(10)), "cache_read": Rate(price=Decimal("1.25"))},
)  # fmt: skip
DEARER_GPT = PriceOverride(
    provider="openai",
    model="gpt-4o",
    rates={"input": Rate(price=Decimal(5)), "output": Rate(price=Decimal("12.345678901")), "cache_read": Rate(price=Decimal(1))},
)  # fmt: skip
HOUSE = PriceOverride(
    provider="own",
    model="house",
    rates={"input": Rate(price=Decimal("0.333333333")), "output": Rate(price=Decimal("1.77"))},
)
DAY_ONE = PriceBook(overrides=[GPT])
HOUSE_PRICED = PriceBook(overrides=[GPT, HOUSE])
GPT_DEARER = PriceBook(overrides=[DEARER_GPT])


def event(number: int, **changes: Any) -> dict[str, Any]:
    """Call `number` of the fortnight."""
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number * 5 % 336, seconds=number)
    plain = {
        "request_id": f"r{number}",
        "timestamp": at.isoformat(),
        "workspace_id": ("acme", "bee", "cobalt", "")[number % 4],
        "user_id": f"u{number % 7}",
        "plan": ("free", "pro")[number % 2],
        "feature": ("chat", "search", "")[number % 3],
        "workflow": f"w{number % 2}",
        "run_id": f"run{number // 4}" if number % 5 else "",
        "step": f"s{number % 2}",
        "call_type": ("generation", "embedding", "routing")[number % 3],
        "environment": "staging" if number % 13 == 0 else "production",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1_000 + 37 * number,
        "cache_read_tokens": 10 * number,
        "output_tokens": 11 * number,
    }
    return {**plain, **changes}


def fortnight() -> list[dict[str, Any]]:
    """Priced, unpriced, estimated, retried, failed, stated, refused calls and cache hits."""
    house = {"provider": "own", "model": "house", "cache_read_tokens": 0}
    retried = [{"input_tokens": 700, "output_tokens": 3, "status": 500}, {"status": 200}]
    return [
        *(event(n) for n in range(20)),
        *(event(n, **house) for n in range(20, 40)),
        *(event(n, estimated=True) for n in range(40, 44)),
        *(event(n, attempts=retried) for n in range(44, 50)),
        event(50, cache_hit=True, counterfactual_cost_usd="0.01"),
        event(51, **house, cache_hit=True, counterfactual_cost_usd="0.02"),
        event(52, verdict="refuse", input_tokens=None, output_tokens=None, cache_read_tokens=None),
        event(53, status=500, input_tokens=None, output_tokens=None, cache_read_tokens=None),
        event(54, provider="openrouter", model="some/model", cost_usd="0.0123", cache_read_tokens=0),
        event(55, provider="own", model="never-priced", cache_read_tokens=0),
        event(56, ending="client_left", input_tokens=None, output_tokens=None, cache_read_tokens=None),
        event(57, service_tier="flex"),
    ]


def import_usage(ledger: Ledger, book: PriceBook, folder: Path, events: Sequence[dict[str, Any]] | None = None) -> None:
    """The fortnight, or other events, priced by `book`, and a month of revenue."""
    usage, revenue = folder / "usage.jsonl", folder / "revenue.csv"
    rows = fortnight() if events is None else events
    usage.write_text("".join(json.dumps(row) + "\n" for row in rows))
    revenue.write_text(
        "id,customer,plan,amount,currency,period_start,period_end\n"
        "1,acme,pro,31.00,USD,2026-03-01,2026-04-01\n2,bee,free,3.10,USD,2026-03-01,2026-04-01\n"
    )
    problems: list[object] = []
    pricer = Pricer(book=book, trusted_cost_providers=TRUSTED)
    importing = Importing(ledger=ledger, pricer=pricer, now=NOW, on_problem=problems.append)
    importing.file("usage", usage)
    importing.file("revenue", revenue)
    assert problems == []


def rollups(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    """Every rollup, summed by its key; groups whose sums are all zero are left out."""
    ledger.flush()
    found: dict[str, list[tuple[object, ...]]] = {}
    for table in ROLLUPS:
        client = ledger.store.client
        (key,) = client.query(
            f"SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = '{table}'"
        ).first_row
        columns = [row[0] for row in client.query(f"DESCRIBE TABLE {table}").result_rows]
        sums = [name for name in columns if name not in key.split(", ")]
        added = ", ".join(f"sum({name}) AS s_{name}" for name in sums)
        some = " OR ".join(f"s_{name} != 0" for name in sums)
        query = f"SELECT {key}, {added} FROM {table} GROUP BY {key} HAVING {some} ORDER BY {key}"
        found[table] = [tuple(row) for row in client.query(query).result_rows]
    return found


def margins(ledger: Ledger) -> list[object]:
    """Margin tables, one from each rollup."""
    tables = Margins(ledger)
    return [tables.table(MarginRequest(by=(dimension,), start=START, end=END)) for dimension in SHOWN]


def rerate(ledger: Ledger, book: PriceBook, selection: Selection = FORTNIGHT, **options: Any) -> Rerating:
    settings = {"now": NOW, **options}
    return Rerating(
        ledger=ledger, verb="re-rate", prices=rerate_prices(ledger, book, TRUSTED), selection=selection, **settings
    )


def recompute(ledger: Ledger, selection: Selection = FORTNIGHT, **options: Any) -> Rerating:
    settings = {"now": NOW, **options}
    return Rerating(ledger=ledger, verb="recompute", prices=recompute_prices(ledger), selection=selection, **settings)


def apply(rerating: Rerating) -> Diff:
    """Preview and apply; the batch is in `diff.batch`."""
    diff = rerating.preview()
    rerating.apply(diff)
    return diff


class Died(FloorlineError):
    """The process is gone."""


@dataclass(kw_only=True)
class Dying:
    """A ledger whose process dies when so many writes are in the spool."""

    ledger: Ledger
    writes: int
    done: int = field(default=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def write(self, entries: Sequence[Entry]) -> Written:
        written = self.ledger.write(entries)
        self.done += 1
        if self.done >= self.writes:
            raise Died
        return written
