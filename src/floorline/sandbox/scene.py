"""The demo's guarded part, what it is about: the code assistant's last hours, and what its customers had used before them.

Which calls are made again, what the ledger knows of the running month by then, and what all of it comes to. Pure: rows and answers
in, figures and checks out. docs/demo.md says what is moved in time, and why.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
from msgspec.structs import replace

from floorline.margin.acquisition import MONTH_DAYS as ACQUISITION_DAYS
from floorline.margin.acquisition import PAYBACK_MONTHS, Acquisition
from floorline.margin.effectiveness import CUSTOMERS_MIN, Effect
from floorline.money import ZERO, ratio, text, to_pico, usd, usd_of
from floorline.sandbox import company as own
from floorline.sandbox.calendar import Calendar
from floorline.sandbox.checks import Check
from floorline.sandbox.figures import MONTH_DAYS
from floorline.sandbox.rows import Activity, MoneyRow, UsageRow
from floorline.sandbox.story import as_asked
from floorline.sandbox.table import DAYS

HOURS = 6
BLOCK_HOURS = 4
"""What a row of the history is of."""

MESSAGE_TOKENS = 4
"""What the simulated provider counts for a message beside its text; calls that are no longer than that are left out."""

_HOURS_A_MONTH = MONTH_DAYS * 24
_CENT = Decimal("0.01")

PLANS = (own.PRO, own.FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`calls` are those of the last HOURS, oldest first; `history` is what their paying customers had used until then,
    BLOCK_HOURS of a user a row, from `since` on. `pros` pay for the assistant, whether they called or not.
    """

    calls: tuple[UsageRow, ...]
    history: tuple[UsageRow, ...]
    pros: int
    since: datetime

    @property
    def brings(self) -> Decimal:
        """What the paying customers' subscriptions bring in these hours, to 12 places."""
        return of_hours(own.PRO_USD_PER_MONTH * self.pros)

    @property
    def free_limit(self) -> Decimal:
        """The free plan's budget for these hours, in whole cents: a month's at the same pace."""
        return max(of_hours(own.ACQUISITION_USD_PER_MONTH).quantize(_CENT, rounding=ROUND_HALF_EVEN), _CENT)


def of_hours(a_month: Decimal) -> Decimal:
    """What HOURS are of an amount a month, to 12 places."""
    return ratio(a_month * HOURS, Decimal(_HOURS_A_MONTH)) or ZERO


def scene_of(activity: Activity, pros: int, calendar: Calendar) -> Scene:
    """The scene of the last hours of the days that the screens tell of. Its calls are as they were asked for."""
    since = datetime.combine(calendar.until, time(), UTC) - timedelta(hours=HOURS)
    rows = [as_asked(row) for row in activity.usage if row.feature == own.CODE]
    calls = tuple(row for row in rows if row.timestamp >= since and row.input_tokens > MESSAGE_TOKENS)
    paying = {row.customer_id for row in calls if row.plan == own.PRO}
    return Scene(
        calls=calls,
        history=tuple(_blocks(row for row in rows if row.timestamp < since and row.customer_id in paying)),
        pros=pros,
        since=datetime.combine(calendar.start, time(), UTC),
    )


def _blocks(rows: Iterable[UsageRow]) -> Iterable[UsageRow]:
    """The rows of a user and BLOCK_HOURS as one: prices are linear in tokens, so that it costs what they cost."""
    blocks: defaultdict[tuple[str, str, datetime], list[UsageRow]] = defaultdict(list)
    for row in rows:
        begun = row.timestamp.replace(
            hour=row.timestamp.hour // BLOCK_HOURS * BLOCK_HOURS, minute=0, second=0, microsecond=0
        )
        blocks[row.user_id, row.model, begun].append(row)
    for (user, _, begun), some in blocks.items():
        yield replace(
            some[0],
            request_id=f"month/{user}/{begun:%Y-%m-%dT%H}",
            timestamp=begun,
            run_id="",
            input_tokens=sum(row.input_tokens for row in some),
            output_tokens=sum(row.output_tokens for row in some),
            reasoning_tokens=0,
        )


def month_so_far(scene: Scene, now: datetime) -> tuple[list[UsageRow], list[MoneyRow]]:
    """The history and the subscriptions, moved into the month that holds `now`: what a gateway's figures are made of."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = now - first
    usage = [
        replace(row, timestamp=first + (row.timestamp - scene.since) * (spent / timedelta(days=DAYS)))
        for row in scene.history
    ]
    following = (first + timedelta(days=32)).date().replace(day=1)
    paying = sorted({row.customer_id for row in scene.calls if row.plan == own.PRO})
    bills = [
        MoneyRow(
            id=f"month-{customer}",
            customer=customer,
            plan=own.PRO,
            amount=own.PRO_USD_PER_MONTH,
            period_start=first.date(),
            period_end=following,
        )
        for customer in paying
    ]
    return usage, bills


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """What a caller got for one call of the scene: the gateway's id of it, what it says the call cost and which model served
    it; '' and nothing for a call that was `refused`.
    """

    row: UsageRow
    call_id: str
    cost: Decimal = ZERO
    served: str = ""
    refused: bool = False

    @property
    def before(self) -> Decimal:
        """What the call cost without guardrails, by the demo's own price list."""
        return _own_cost(self.row, self.row.model)

    @property
    def after(self) -> Decimal:
        """What it costs on the model that served it, by the same list."""
        return ZERO if self.refused else _own_cost(self.row, self.served)


def _own_cost(row: UsageRow, model: str) -> Decimal:
    return own.MODELS[model].cost(row.input_tokens, row.output_tokens, 0)


class StoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the scene as the base table has it, in 10^-12 USD; `asked` is what it would have cost untouched."""

    id: str
    verdict: str
    pico: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """A plan in these hours: what it brings in, and what its calls cost before and after."""

    plan: str
    calls: int
    refused: int
    moved: int
    brings: Decimal
    before: Decimal
    after: Decimal

    @property
    def margin_before(self) -> Decimal | None:
        """None where nothing comes in."""
        return ratio(self.brings - self.before, self.brings)

    @property
    def margin_after(self) -> Decimal | None:
        """None where nothing comes in."""
        return ratio(self.brings - self.after, self.brings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one guardrail saved, and its part of all that was. `held_out` customers it left alone."""

    guardrail: str
    touched: int
    saved: Decimal
    share: Decimal | None
    held_out: int

    @property
    def missing(self) -> int:
        """Held-out customers too few for an interval."""
        return max(CUSTOMERS_MIN - self.held_out, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heaviest:
    """The paying customer that has cost most in the month: `cost` against `pays`, and its calls of these hours."""

    customer: str
    pays: Decimal
    cost: Decimal
    calls: int
    moved: int
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The code assistant's hours before and after its guardrails. `conversions` to pro a month pay the free plan back, None
    when a subscriber leaves nothing.
    """

    lines: tuple[PlanLine, ...]
    total: PlanLine
    shares: tuple[Share, ...]
    heaviest: Heaviest | None
    free_limit: Decimal
    conversions: int | None
    checks: tuple[Check, ...]

    def line(self, plan: str) -> PlanLine:
        """One plan's line."""
        return next(line for line in self.lines if line.plan == plan)


def guarded_of(
    scene: Scene,
    replies: Sequence[Replied],
    stored: Sequence[StoredCall],
    effects: Sequence[Effect],
    month_cost: Mapping[str, Decimal],
) -> Guarded:
    """What came of the scene's calls: what callers were told, what the ledger holds, and what guardrails claim. `month_cost` is
    what gateways were told that each customer has cost this month.
    """
    heaviest = _heaviest(scene, replies)
    lines = tuple(_line(plan, replies, scene.brings if plan == own.PRO else ZERO) for plan in PLANS)
    return Guarded(
        lines=lines,
        total=_line("", replies, scene.brings),
        shares=_shares(effects),
        heaviest=heaviest,
        free_limit=scene.free_limit,
        conversions=_conversions(lines, scene),
        checks=(
            *_checks(replies, stored, effects, scene.free_limit),
            *([] if heaviest is None else [_as_published(heaviest, month_cost)]),
        ),
    )


def _line(plan: str, replies: Sequence[Replied], brings: Decimal) -> PlanLine:
    mine = [one for one in replies if plan in {"", one.row.plan}]
    return PlanLine(
        plan=plan,
        calls=len(mine),
        refused=sum(one.refused for one in mine),
        moved=_moved(mine),
        brings=brings,
        before=sum((one.before for one in mine), ZERO),
        after=sum((one.cost for one in mine), ZERO),
    )


def _moved(replies: Iterable[Replied]) -> int:
    return sum(1 for one in replies if not one.refused and one.served != one.row.model)


def _shares(effects: Sequence[Effect]) -> tuple[Share, ...]:
    whole = sum(one.net for one in effects)
    shares = [
        Share(
            guardrail=one.guardrail,
            touched=one.touched,
            saved=usd_of(one.net),
            share=ratio(Decimal(one.net), Decimal(whole)),
            held_out=one.held_out.customers,
        )
        for one in effects
    ]
    return tuple(sorted(shares, key=lambda one: (-one.saved, one.guardrail)))


def _heaviest(scene: Scene, replies: Sequence[Replied]) -> Heaviest | None:
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in scene.history:
        costs[row.customer_id] += _own_cost(row, row.model)
    if not costs:
        return None
    customer = max(costs, key=lambda name: (costs[name], name))
    mine = [one for one in replies if one.row.customer_id == customer]
    return Heaviest(
        customer=customer,
        pays=own.PRO_USD_PER_MONTH,
        cost=costs[customer],
        calls=len(mine),
        moved=_moved(mine),
        before=sum((one.before for one in mine), ZERO),
        after=sum((one.cost for one in mine), ZERO),
    )


def _conversions(lines: Sequence[PlanLine], scene: Scene) -> int | None:
    """Free accounts that must become subscribers a month for the free plan to pay back, at what a subscriber leaves now."""
    pro, free = (next(line for line in lines if line.plan == plan) for plan in PLANS)
    spent = Acquisition(
        plan=own.FREE,
        days=ACQUISITION_DAYS,
        customers=len({row.customer_id for row in scene.calls if row.plan == own.FREE}),
        calls=free.calls,
        cost=_pico_a_month(free.after),
        conversions=0,
        margin_per_customer=_pico_a_month(pro.brings - pro.after) // scene.pros,
        payback_months=PAYBACK_MONTHS,
    )
    return spent.needed


def _pico_a_month(of_these_hours: Decimal) -> int:
    return to_pico(usd(of_these_hours * _HOURS_A_MONTH / HOURS))


def _checks(
    replies: Sequence[Replied], stored: Sequence[StoredCall], effects: Sequence[Effect], free_limit: Decimal
) -> tuple[Check, ...]:
    by_id = {row.id: row for row in stored}
    served = [one for one in replies if not one.refused]
    rows = [by_id[one.call_id] for one in served if one.call_id in by_id]
    told = sum((one.cost for one in served), ZERO)
    free = sum((one.cost for one in served if one.row.plan == own.FREE), ZERO)
    claimed = usd_of(sum(one.saved for one in effects))
    saved = sum((one.before - one.after for one in served), ZERO)
    return (
        Check(what="guarded calls", shown=f"{len(replies):,}", raw=f"{len(stored):,}", raw_rows="stored"),
        _money(
            "guarded, before", usd_of(sum(row.asked for row in rows)), _sum(one.before for one in served), "generated"
        ),
        _money("guarded, after", told, _sum(one.after for one in served), "generated"),
        _money("guarded, after", told, usd_of(sum(row.pico for row in rows)), "stored"),
        _money("saved by guardrails", claimed, saved, "generated"),
        _money("free plan beyond budget", max(free - free_limit, ZERO), ZERO, "stored"),
    )


def _as_published(heaviest: Heaviest, month_cost: Mapping[str, Decimal]) -> Check:
    published = month_cost.get(heaviest.customer, ZERO)
    return _money("month of the heaviest", published, heaviest.cost, "generated")


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _money(what: str, shown: Decimal, raw: Decimal, raw_rows: str) -> Check:
    return Check(what=what, shown=text(shown), raw=text(raw), raw_rows=raw_rows)
