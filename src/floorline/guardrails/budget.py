"""What a budget is: whose spend it counts, in which unit and window, and what happens at its limits.

Everything is counted in whole quanta: a dollar is 10^12 of them, a token and a call are one. A budget in credits counts what its
plan's credit is made of and is shown in credits, so that no rounding comes between a counter and the ledger.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import msgspec

from floorline.guardrails.frame import Facts
from floorline.guardrails.windows import Window
from floorline.money import EXACT, PLACES

Dimension = Literal["customer", "user", "plan", "feature", "workflow", "key"]
Unit = Literal["usd", "tokens", "calls", "credits"]
Measure = Literal["usd", "tokens", "calls"]
SoftAction = Literal["warn", "downgrade", "delay"]
THRESHOLDS = (75, 90, 100)
"""Percent of the limit at which a budget is told of, once a window each."""

QUANTA: Mapping[Measure, int] = {"usd": 10**PLACES, "tokens": 1, "calls": 1}
"""How many quanta make one of the measure."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a scope. Without `names` everyone of the dimension has a budget of their own; with some, these share one."""

    dimension: Dimension
    names: tuple[str, ...] = ()


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """What one of a plan's own units is: `size` of `measure`. `name` is what customers know it as: credits, documents."""

    name: str = "credits"
    measure: Measure = "usd"
    size: Decimal = Decimal("0.01")


class Soft(msgspec.Struct, frozen=True, kw_only=True):
    """What happens from `percent` of the limit on: a warning, the cheaper model, or `delay_ms` before each call."""

    percent: Decimal
    action: SoftAction = "warn"
    delay_ms: int = 1_000


class Budget(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One budget. `limit`, `overage_limit` and `unbounded` are in its `unit`.

    `hard` refuses what does not fit into the limit; with an `overage_limit` calls go on up to that, and what lies between is
    billed. `unbounded` is what a call is reserved at whose worst case nobody knows; without it a hard limit refuses such a call.
    `within` names the budget that this one is a part of; `acquisition` says that it is spent to win customers.
    """

    name: str
    scope: tuple[Part, ...]
    unit: Unit
    limit: Decimal
    window: Window = Window()
    hard: bool = True
    soft: Soft | None = None
    overage_limit: Decimal | None = None
    unbounded: Decimal | None = None
    thresholds: tuple[int, ...] = THRESHOLDS
    credit: Credit | None = None
    upgrade_url: str = ""
    message: str = ""
    within: str = ""
    acquisition: bool = False

    @cached_property
    def id(self) -> str:
        """Names its counters: other limits leave it, another scope, window or measure makes it another budget."""
        identity = msgspec.json.encode([self.name, self.scope, self.measure, self.window])
        return blake2b(identity, digest_size=8).hexdigest()

    @cached_property
    def measure(self) -> Measure:
        """In what it counts."""
        if self.unit == "credits":
            assert self.credit is not None, "a budget in credits has its plan's credit"
            return self.credit.measure
        return self.unit

    @cached_property
    def step(self) -> int:
        """The quanta of one of its unit."""
        size = self.credit.size if self.unit == "credits" and self.credit is not None else Decimal(1)
        return _quanta(size, QUANTA[self.measure])

    @cached_property
    def limit_quanta(self) -> int:
        """Its limit."""
        return _quanta(self.limit, self.step)

    @cached_property
    def ceiling_quanta(self) -> int | None:
        """What is never exceeded; None: nothing is refused."""
        if not self.hard:
            return None
        return self.limit_quanta if self.overage_limit is None else _quanta(self.overage_limit, self.step)

    @cached_property
    def soft_quanta(self) -> int | None:
        """From where on its soft limit acts; None: it has none."""
        return None if self.soft is None else self.share_quanta(self.soft.percent)

    @cached_property
    def told_quanta(self) -> int:
        """Below this nothing is said of it: neither its soft limit nor a threshold is reached."""
        marks = [self.share_quanta(one) for one in self.thresholds]
        if self.soft_quanta is not None:
            marks.append(self.soft_quanta)
        return min(marks, default=self.limit_quanta)

    @cached_property
    def unbounded_quanta(self) -> int | None:
        """What a call without a bound is reserved at."""
        return None if self.unbounded is None else _quanta(self.unbounded, self.step)

    def share_quanta(self, percent: Decimal | int) -> int:
        """So much of the limit, rounded up."""
        return _quanta(EXACT.divide(EXACT.multiply(self.limit, percent), 100), self.step)

    def shown(self, quanta: int) -> Decimal:
        """An amount in its unit, to 12 places."""
        return EXACT.divide(Decimal(quanta), self.step).quantize(Decimal(1).scaleb(-PLACES), context=EXACT)

    @cached_property
    def marks(self) -> tuple[tuple[int, int], ...]:
        """Its thresholds, highest first: how many quanta they are, and what percent."""
        return tuple(sorted([(self.share_quanta(one), one) for one in self.thresholds], reverse=True))

    def reached(self, quanta: int) -> int:
        """The highest of its thresholds that `quanta` have reached, in percent; 0: none."""
        for mark, percent in self.marks:
            if quanta >= mark:
                return percent
        return 0

    def text(self, quanta: int) -> str:
        """As `shown`, in the shortest plain form: 0.5, 12000."""
        step = self.step
        if step == 1:
            return str(quanta)
        if step != QUANTA["usd"] or quanta < 0:
            text = f"{self.shown(quanta):f}"
        else:
            text = f"{quanta // step}.{quanta % step:0{PLACES}d}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    @cached_property
    def header(self) -> bytes:
        """Its name as a header can carry it."""
        text = self.name.encode("ascii", "replace")
        return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in text)


def _quanta(amount: Decimal, step: int) -> int:
    return int(EXACT.multiply(amount, step).to_integral_value(ROUND_CEILING))


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What scopes go by: whose call it is. Empty: nobody said it."""

    customer: str = ""
    user: str = ""
    plan: str = ""
    feature: str = ""
    workflow: str = ""
    key: str = ""


def holder(scope: tuple[Part, ...], named: Named | Facts) -> str | None:
    """Whose counter the call goes to: `acme`, `acme × chat`; None when the scope does not hold it. '' is the scope of all calls."""
    found: list[str] = []
    for part in scope:
        name: str = getattr(named, part.dimension)
        if not name or (part.names and name not in part.names):
            return None
        found.append("+".join(part.names) or name)
    return " × ".join(found)
