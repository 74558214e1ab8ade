"""The store's tables as numbered SQL files, and the few words in braces that a file may use.

{engine:X}             X, or ReplicatedX on a cluster
{timezone}             the reporting timezone, whose days the rollups are keyed by
{sums}                 the columns that every rollup adds up, as a table declares them
{sums of calls}        the same as a view over `calls AS c` computes them
{sums of adjustments}  the same as a view over `adjustments AS a` computes them
{sums of rollup}       the same as a view over another rollup, `… AS r`, computes them
{drivers}, {drivers of calls}, {drivers of adjustments}   likewise, the columns that explain a change of cost
{bucket of X}          the 2 % log bucket of the amount X: b holds [1.02^b, 1.02^(b+1)) USD, -32768 holds zero
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from floorline.events import COUNTS, INPUT_BUCKETS, ORCHESTRATION, OUTPUT_BUCKETS

MIGRATIONS = Path(__file__).with_name("migrations")
_ENGINE = re.compile(r"\{engine:(\w+)\}")
_BUCKET = re.compile(r"\{bucket of ([\w.]+)\}")
_VIEW = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\s(.*)", re.DOTALL)
_IS_ORCHESTRATION = "call_type IN ({})".format(", ".join(f"'{name}'" for name in sorted(ORCHESTRATION)))
_UNATTRIBUTED = "customer_id = '' OR feature = ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One additive column of every rollup: how `calls` and how `adjustments` add to it."""

    name: str
    of_calls: str
    of_adjustments: str = "0"
    money: bool = False

    @property
    def declaration(self) -> str:
        """The column as a rollup's table declares it. Money has no codec of its own: T64 does not take 128 bits."""
        kind = "Decimal(38, 12)" if self.money else "Int64"
        return f"{self.name} SimpleAggregateFunction(sum, {kind}){'' if self.money else ' CODEC(T64, LZ4)'}"

    def select(self, expression: str) -> str:
        """The column as a view computes it: never NULL, always of the declared type."""
        if self.money:
            return f"toDecimal128(ifNull({expression}, 0), 12) AS {self.name}"
        return f"toInt64({expression}) AS {self.name}"


def _count(name: str, of_calls: str, of_adjustments: str = "0") -> Sum:
    return Sum(name=name, of_calls=of_calls, of_adjustments=of_adjustments)


def _money(name: str, of_calls: str, of_adjustments: str = "0") -> Sum:
    return Sum(name=name, of_calls=of_calls, of_adjustments=of_adjustments, money=True)


def _minus(plus: str, minus: str) -> str:
    return f"ifNull({plus}, 0) - ifNull({minus}, 0)"


def _basis_moved(basis: str) -> str:
    return _minus(f"sumIf(a.new_effective, new_basis = '{basis}')", f"sumIf(a.old_effective, old_basis = '{basis}')")


SUMS: tuple[Sum, ...] = (
    _count("calls", "count()"),
    _count("forwarded", "countIf(verdict = 'forward')"),
    _count("hits", "countIf(verdict = 'hit')"),
    _count("refused", "countIf(verdict = 'refuse')"),
    _count("unpriced", "countIf(cost_basis = 'unpriced')", "sum(a.unpriced_delta)"),
    _count("errors", "countIf(status >= 500 OR ending = 'upstream_error')"),
    _count("retries", "sum(greatest(length(c.`attempts.status`), 1) - 1)"),
    _count("input_tokens", "sum(c.input_tokens)"),
    _count("cache_read_tokens", "sum(c.cache_read_tokens)"),
    _count("output_tokens", "sum(c.output_tokens)"),
    _count("reasoning_tokens", "sum(c.reasoning_tokens)"),
    _count("duration_us", "sum(c.duration_us)"),
    _money("list_cost", "sum(c.list_cost)", "sum(a.list_delta)"),
    _money("contracted_cost", "sum(c.contracted_cost)", "sum(a.contracted_delta)"),
    _money("effective_cost", "sum(c.effective_cost)", "sum(a.effective_delta)"),
    _money("counterfactual_cost", "sum(c.counterfactual_cost)"),
    _money("retry_cost", "sum(c.retry_cost)", "sum(a.retry_delta)"),
    _money(
        "orchestration_cost",
        _minus(f"sumIf(c.effective_cost, {_IS_ORCHESTRATION})", f"sumIf(c.retry_cost, {_IS_ORCHESTRATION})"),
        _minus(f"sumIf(a.effective_delta, {_IS_ORCHESTRATION})", f"sumIf(a.retry_delta, {_IS_ORCHESTRATION})"),
    ),
    _money("provider_cost", "sumIf(c.effective_cost, cost_basis = 'provider')", _basis_moved("provider")),
    _money("estimated_cost", "sumIf(c.effective_cost, cost_basis = 'estimated')", _basis_moved("estimated")),
    _money(
        "unattributed_cost", f"sumIf(c.effective_cost, {_UNATTRIBUTED})", f"sumIf(a.effective_delta, {_UNATTRIBUTED})"
    ),
)


def _units(names: Iterable[str]) -> str:
    return "({})".format(", ".join(f"'{name}'" for name in names))


def _of_lines(column: str, units: str) -> str:
    """The sum of a column of the lines that are of `units`; those of attempts that did not serve are retries."""
    return (
        f"sum(arraySum((unit, component, x) -> if(component != 'retries' AND unit IN {units}, x, 0), "
        f"c.`lines.unit`, c.`lines.component`, c.`lines.{column}`))"
    )


_CACHE_READ = _units(name for name in INPUT_BUCKETS if name.startswith("cache_read"))
_CACHE_WRITE = _units(name for name in INPUT_BUCKETS if name.startswith("cache_write"))
_WRITTEN = " + ".join(f"c.usage['{name}']" for name in INPUT_BUCKETS if name.startswith("cache_write"))
_READ_OR_WRITTEN = f"sum(c.cache_read_tokens) - toInt64(sum({_WRITTEN}))"
DRIVERS: tuple[Sum, ...] = (
    _count("calls", "count()"),
    _count("hits", "countIf(verdict = 'hit')"),
    _count("refused", "countIf(verdict = 'refuse')"),
    _count("unpriced", "countIf(cost_basis = 'unpriced' AND verdict = 'forward')", "sum(a.unpriced_delta)"),
    _count("retries", "sum(greatest(length(c.`attempts.status`), 1) - 1)"),
    _count("input_tokens", f"sum(c.input_tokens) - {_READ_OR_WRITTEN}"),
    _count("cache_read_tokens", "sum(c.cache_read_tokens)"),
    _count("cache_write_tokens", f"sum({_WRITTEN})"),
    _count("output_tokens", "sum(c.output_tokens) - sum(c.reasoning_tokens)"),
    _count("reasoning_tokens", "sum(c.reasoning_tokens)"),
    _count("other_units", f"1000000 * {_of_lines('quantity', _units((*COUNTS, 'stated')))}"),
    _money("input_cost", _of_lines("effective", _units(n for n in INPUT_BUCKETS if not n.startswith("cache_")))),
    _money("cache_read_cost", _of_lines("effective", _CACHE_READ)),
    _money("cache_write_cost", _of_lines("effective", _CACHE_WRITE)),
    _money("output_cost", _of_lines("effective", _units(n for n in OUTPUT_BUCKETS if n != "reasoning"))),
    _money("reasoning_cost", _of_lines("effective", _units(("reasoning",)))),
    _money("retry_cost", "sum(c.retry_cost)", "sum(a.retry_delta)"),
    _money("adjusted_cost", "0", "sum(a.effective_delta) - sum(a.retry_delta)"),
    _money("effective_cost", "sum(c.effective_cost)", "sum(a.effective_delta)"),
)
"""The additive columns of `drivers_day`; `other_units` are in 10^-6. What is effective and neither adjusted, nor retries, nor of
a unit that has its cost here, is the cost of other units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A materialised view: what it adds to which rollup from each block that enters its table."""

    name: str
    target: str
    select: str
    create: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered SQL file. `checksum` is of its text before expansion."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """16 hex digits of the file's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def statements(self, *, timezone: str, replicated: bool = False) -> list[str]:
        """The statements with every macro expanded, in order."""
        parts = [_without_comments(part) for part in expand(self.text, timezone, replicated=replicated).split("\n;")]
        return [part for part in parts if part]

    def views(self, *, timezone: str) -> list[View]:
        """The materialised views among the statements."""
        found = [_VIEW.fullmatch(statement) for statement in self.statements(timezone=timezone)]
        return [View(name=m[1], target=m[2], select=m[3], create=m[0]) for m in found if m]


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Every migration of `folder` in order; the numbers are 1, 2, 3 …"""
    paths = sorted(folder.glob("*.sql"))
    loaded = [Migration(number=int(p.stem[:4]), name=p.stem[5:], text=p.read_text()) for p in paths]
    assert [m.number for m in loaded] == list(range(1, len(loaded) + 1)), (
        f"{folder}: migrations are not numbered 1 to n"
    )
    return loaded


def expand(text: str, timezone: str, *, replicated: bool = False) -> str:
    """`text` with every macro replaced."""
    text = _ENGINE.sub(lambda m: f"{'Replicated' if replicated else ''}{m[1]}", text)
    text = _BUCKET.sub(
        lambda m: f"if({m[1]} > 0, toInt16(floor(log(toFloat64(assumeNotNull({m[1]}))) / log(1.02))), toInt16(-32768))",
        text,
    )
    text = text.replace("{sums}", _lines(s.declaration for s in SUMS))
    text = text.replace("{sums of calls}", _lines(s.select(s.of_calls) for s in SUMS))
    text = text.replace("{sums of adjustments}", _lines(s.select(s.of_adjustments) for s in SUMS))
    text = text.replace("{sums of rollup}", _lines(s.select(f"sum(r.{s.name})") for s in SUMS))
    text = text.replace("{drivers}", _lines(s.declaration for s in DRIVERS))
    text = text.replace("{drivers of calls}", _lines(s.select(s.of_calls) for s in DRIVERS))
    text = text.replace("{drivers of adjustments}", _lines(s.select(s.of_adjustments) for s in DRIVERS))
    assert re.fullmatch(r"[\w/+-]+", timezone), f"{timezone!r} is not the name of a timezone"
    return text.replace("{timezone}", timezone)


def _lines(columns: Iterable[str]) -> str:
    return ",\n    ".join(columns)


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.lstrip().startswith("--")).strip()
