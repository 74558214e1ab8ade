"""What pricing one call costs: resolve + price, beside the two Decimal multiplications that no pricing can do without."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from floorline.bench.report import Row
from floorline.events import Usage
from floorline.money import multiply
from floorline.pricing.book import build_book
from floorline.pricing.cost import price

CALLS = 20_000
ROUNDS = 5
_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def run() -> list[Row]:
    """Microseconds per call, the best of several rounds: bare arithmetic, resolving, and whole calls of several shapes."""
    book, _ = build_book()
    chat = Usage(buckets={"input": 4521, "output": 387}, counts={"requests": Decimal(1)})
    cached = Usage(
        buckets={"input": 1200, "cache_read": 240_000, "cache_write_5m": 4000, "output": 387, "reasoning": 900},
        counts={"requests": Decimal(1), "web_searches": Decimal(2)},
        context={"service_tier": "standard"},
    )

    def bare() -> None:
        multiply(4521, Decimal(3), 1_000_000)
        multiply(387, Decimal(15), 1_000_000)

    def resolve() -> None:
        book.resolve("anthropic", "claude-sonnet-4-5", _AT)

    def plain() -> None:
        price(chat, book.resolve("anthropic", "claude-sonnet-4-5", _AT))

    def long_context() -> None:
        price(cached, book.resolve("anthropic", "claude-sonnet-4-5", _AT, cached.context))

    def peak_hours() -> None:
        price(chat, book.resolve("deepseek", "deepseek-v4-flash", _AT))

    started = time.perf_counter()
    resolve()
    first_ms = (time.perf_counter() - started) * 1000
    return [
        Row(
            name="baseline: two multiplications",
            value=_us(bare),
            unit="µs",
            note="baseline: the arithmetic of two lines",
        ),
        Row(name="resolve", value=_us(resolve), unit="µs", note="a model asked for before"),
        Row(name="call, 2 lines", value=_us(plain), unit="µs", note="resolve + price; target < 20 µs"),
        Row(
            name="call, 6 lines, long-context tier",
            value=_us(long_context),
            unit="µs",
            note="resolve + price; target < 20 µs",
        ),
        Row(
            name="call, prices by time of day", value=_us(peak_hours), unit="µs", note="resolve + price; target < 20 µs"
        ),
        Row(name="first lookup of a process", value=f"{first_ms:.0f}", unit="ms", note="loads the catalogue"),
    ]


def _us(call: Callable[[], None]) -> str:
    best = min(_round(call) for _ in range(ROUNDS))
    return f"{best:.2f}"


def _round(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS * 1e6
