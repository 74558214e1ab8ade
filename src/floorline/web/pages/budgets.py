"""Budgets as meters: what is used and reserved of each limit, who is refused now, when it begins anew; and the rates."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from floorline.clock import timezone
from floorline.guardrails.budget import Budget
from floorline.jobs.budget_standings import BudgetStanding, billed, scope_text, standings, unit_of
from floorline.jobs.guardrail_days import Decided, refused_lately
from floorline.margin.words import cents, counted
from floorline.web.blocks import (
    AnyBlock,
    Card,
    Cards,
    Column,
    Field,
    Form,
    Link,
    Meter,
    Meters,
    Note,
    Shown,
    Table,
    Tabs,
)
from floorline.web.desk import Desk
from floorline.web.pages.deciding import about, choice
from floorline.web.params import Params, Text, address
from floorline.web.view import View

Which = Literal["all", "near", "over", "blocked"]
_TABS: Sequence[tuple[Which, str]] = (("all", "All"), ("near", "Near"), ("over", "Used up"), ("blocked", "Refused now"))
_METERS = 24
_NAMED = 5


class BudgetsParams(Params, frozen=True, kw_only=True):
    """Which counters."""

    state: Annotated[Which, msgspec.Meta(description="near (from the first threshold on), over (used up), blocked (calls are refused), or all")] = "all"  # fmt: skip
    kind: Annotated[Text, msgspec.Meta(description="of this budget")] = ""
    holder: Annotated[Text, msgspec.Meta(description="whose holder (a customer, a plan, a feature) holds these words")] = ""  # fmt: skip


def budgets(desk: Desk, asked: BudgetsParams) -> Shown:
    """Every counter of a running window."""
    now, allowance = desk.now(), desk.gateway.allowance
    every = sorted(standings(desk.ledger.home, allowance.budgets, now), key=lambda one: -one.ratio)
    named = [one for one in every if _is_asked(one, asked)]
    found = [one for one in named if _is_in(one, asked.state)]
    return Shown(
        title="Budgets",
        lead=_lead(every, allowance.budgets),
        about=about(desk, *_notes(every)),
        blocks=[
            *_banner(every),
            Cards(name="figures", cards=_cards(desk, every)),
            Tabs(name="states", title="State", links=[_tab(asked, named, state, text) for state, text in _TABS]),
            _filters(asked, allowance.budgets),
            Meters(
                name="meters",
                title="Nearest to their limits",
                meters=[_meter(one, desk) for one in found[:_METERS]],
                empty="No counter is like that: nothing was used in the running windows, or a filter hides it.",
            ),
            _counters(found, desk),
            _refused(refused_lately(desk.ledger, now)),
            _configured(allowance.budgets, every),
            _rates(desk),
        ],
    )


def _is_asked(one: BudgetStanding, asked: BudgetsParams) -> bool:
    return asked.kind in {"", one.budget.name} and asked.holder.casefold() in (one.holder or "everyone").casefold()


def _is_in(one: BudgetStanding, state: Which) -> bool:
    fills = {"near": {"near"}, "over": {"over", "blocked"}, "blocked": {"blocked"}}
    return state == "all" or one.fill in fills[state]


def _lead(every: Sequence[BudgetStanding], configured: Sequence[Budget]) -> str:
    if not configured:
        return "No budget is configured: `budgets` of a plan, a feature or a customer in floorline.yaml."
    full = sum(one.fill in {"over", "blocked"} for one in every)
    return (
        f"{len(every)} counters run, {full} of them used up." if every else "Nothing was used in the running windows."
    )


def _notes(every: Sequence[BudgetStanding]) -> list[str]:
    presumed = sum(one.presumed > 0 for one in every)
    if not presumed:
        return []
    return [
        f"Of {counted(presumed, 'counter')} a part is presumed: calls whose cost nobody knows count as what they reserved."
    ]


def _banner(every: Sequence[BudgetStanding]) -> list[AnyBlock]:
    """Who is refused now."""
    blocked = [one for one in every if one.blocks]
    if not blocked:
        return []
    names = ", ".join(f"{one.holder or 'everyone'} ({one.budget.name})" for one in blocked[:_NAMED])
    more = f" and {len(blocked) - _NAMED} more" if len(blocked) > _NAMED else ""
    text = f"Calls are refused with 402 for {names}{more}, until the window ends or the limit is raised."
    links = [Link(text="Who is refused", to="/budgets?state=blocked")]
    return [Note(name="blocked", title="A hard stop holds.", kind="wrong", text=text, links=links)]


def _cards(desk: Desk, every: Sequence[BudgetStanding]) -> list[Card]:
    blocked = sum(one.blocks for one in every)
    near = sum(one.fill == "near" for one in every)
    now = desk.now()
    projected = [at for one in every if (at := one.projected_at(now)) is not None]
    soon = sum(at < now + timedelta(days=1) for at in projected)
    return [
        Card(name="blocked", title="Refused now", value=blocked, unit="count", definition="hard_stop"),
        Card(name="over", title="Used up, calls go on", value=sum(one.fill == "over" for one in every), unit="count", definition="budget_over"),
        Card(name="near", title="Near their limit", value=near, unit="count", definition="budget_near"),
        Card(name="soon", title="Used up within a day", value=soon, unit="count", definition="projected_exhaustion"),
        Card(name="counters", title="Counters", value=len(every), unit="count", definition="budget_counter", note=f"{counted(len(desk.gateway.allowance.budgets), 'budget')}, {counted(len(desk.gateway.allowance.rates), 'rate')}"),
    ]  # fmt: skip


def _tab(asked: BudgetsParams, named: Sequence[BudgetStanding], state: Which, text: str) -> Link:
    count = sum(_is_in(one, state) for one in named)
    to = address("/budgets", msgspec.structs.replace(asked, state=state, page="", sort=""))
    return Link(text=f"{text} {count}", to=to, current=asked.state == state)


def _filters(asked: BudgetsParams, configured: Sequence[Budget]) -> Form:
    return Form(
        name="filter", method="get", action="/budgets", submit="Filter", rule="viewer",
        fields=[
            Field(name="state", label="", kind="hidden", value=asked.state),
            choice("kind", "Budget", asked.kind, [one.name for one in configured]),
            Field(name="holder", label="Whose name holds", value=asked.holder),
        ],
    )  # fmt: skip


def _meter(one: BudgetStanding, desk: Desk) -> Meter:
    budget = one.budget
    states: dict[str, Literal["ok", "near", "over"]] = {"ok": "ok", "near": "near", "over": "over", "blocked": "over"}
    return Meter(
        title=f"{one.holder or 'everyone'} · {budget.name}",
        used=_figure(budget, one.used),
        limit=_figure(budget, budget.limit_quanta),
        reserved=_figure(budget, one.held) if one.held else None,
        unit="usd" if budget.unit == "usd" else "number" if budget.unit == "credits" else "count",
        state=states[one.fill],
        said=_said(one, desk),
        marks=[Decimal(percent) / 100 for percent in budget.thresholds if percent <= 100],
        to=address("/budgets", BudgetsParams(kind=budget.name, holder=one.holder)),
    )


def _figure(budget: Budget, quanta: int) -> Decimal | int:
    """An amount in the budget's unit: a number of tokens and calls is whole."""
    return quanta if budget.unit in {"tokens", "calls"} else budget.shown(quanta)


def _amount(budget: Budget, quanta: int) -> str:
    """The same in words, with its unit."""
    if budget.unit == "usd":
        return cents(budget.shown(quanta))
    return f"{_figure(budget, quanta):,f}".rstrip("0").rstrip(".") if budget.unit == "credits" else f"{quanta:,}"


def _said(one: BudgetStanding, desk: Desk) -> str:
    """How full, what that does, when it is used up at this rate, when it begins anew."""
    does = {"ok": "", "near": _near(one.budget), "over": _over(one), "blocked": " Calls are refused."}[one.fill]
    unit = "" if one.budget.unit == "usd" else f" of its {unit_of(one.budget)}"
    at = one.projected_at(desk.now())
    soon = f" At this rate it is used up on {_moment(at, desk)}." if at is not None else ""
    return f"{one.percent}\u00a0%{unit}.{does}{soon} It begins anew on {_moment(one.window.end, desk)}."


def _moment(at: datetime, desk: Desk) -> str:
    return f"{at.astimezone(timezone(desk.ledger.timezone)):%-d %b %H:%M}"


def _near(budget: Budget) -> str:
    if budget.soft is None:
        return ""
    does = {
        "warn": "Answers carry a warning",
        "downgrade": "Calls go to the cheaper model",
        "delay": "Calls are delayed",
    }
    return f" {does[budget.soft.action]} from {budget.soft.percent.normalize():f}\u00a0% on."


def _over(one: BudgetStanding) -> str:
    over = billed(one)
    return (
        f" {_amount(one.budget, over)} beyond the limit are billed." if over else " Calls go on: it is no hard limit."
    )


def _counters(found: Sequence[BudgetStanding], desk: Desk) -> Table:
    return Table(
        name="counters",
        title="Counters",
        columns=[
            Column(name="holder", title="Whose"),
            Column(name="budget", title="Budget", link="/budgets?kind={budget}"),
            Column(name="use", title="Used", definition="budget_used"),
            Column(name="ratio", title="Of the limit", unit="percent", definition="budget_ratio"),
            Column(name="state", title="State", definition="budget_state"),
            Column(name="resets_at", title="Begins anew", unit="instant"),
            Column(name="used", title="Used", unit="number", definition="budget_used", hidden=True),
            Column(name="reserved", title="Reserved", unit="number", definition="budget_reserved", hidden=True),
            Column(name="limit", title="Limit", unit="number", hidden=True),
            Column(name="unit", title="Unit", hidden=True),
            Column(
                name="projected_at", title="Used up", unit="instant", definition="projected_exhaustion", hidden=True
            ),
            Column(name="overage", title="Billed overage", unit="number", definition="budget_overage", hidden=True),
            Column(name="presumed", title="Presumed", unit="number", definition="budget_presumed", hidden=True),
            Column(name="window", title="Window", hidden=True),
        ],
        rows=[_counter(one, desk) for one in found],
        empty="No counter is like that.",
        note="The figures are the gateways' own, of half a second ago; `floorline doctor` compares them with the ledger.",
        sort="-ratio",
    )


def _counter(one: BudgetStanding, desk: Desk) -> dict[str, object]:
    budget = one.budget
    reserved = f" + {_amount(budget, one.held)} reserved" if one.held else ""
    unit = "" if budget.unit == "usd" else f" {unit_of(budget)}"
    at = one.projected_at(desk.now())
    return {
        "holder": one.holder or "everyone",
        "budget": budget.name,
        "use": f"{_amount(budget, one.used)}{reserved} of {_amount(budget, budget.limit_quanta)}{unit}",
        "ratio": one.ratio,
        "state": f"{_WORDS[one.fill]}{f'; used up on {_moment(at, desk)} at this rate' if at is not None else ''}",
        "resets_at": one.window.end,
        "used": budget.shown(one.used),
        "reserved": budget.shown(one.held),
        "limit": budget.limit,
        "unit": unit_of(budget),
        "projected_at": at,
        "overage": budget.shown(billed(one)),
        "presumed": budget.shown(one.presumed),
        "window": one.window.name,
    }


_WORDS = {
    "ok": "within",
    "near": "near its limit",
    "over": "used up, calls go on",
    "blocked": "used up, calls are refused",
}


def _refused(refused: Sequence[Decided]) -> Table:
    return Table(
        name="refused",
        title="Refused lately",
        columns=[
            Column(name="at", title="At", unit="instant", link="/calls/{id}"),
            Column(name="customer", title="Customer", link="/customers/{customer}"),
            Column(name="feature", title="Feature", link="/features/{feature}"),
            Column(name="by", title="By"),
            Column(name="why", title="Why"),
            Column(name="id", title="Call", unit="code", hidden=True),
        ],
        rows=[
            {
                "at": one.opened_at,
                "customer": one.customer or None,
                "feature": one.feature or None,
                "by": ", ".join(one.by) or "policy",
                "why": " ".join(f"{reason}." for reason in one.reasons) or "no reason is on its record",
                "id": one.id,
            }
            for one in refused
        ],
        empty="No call of the last two days was refused.",
    )


def _configured(configured: Sequence[Budget], every: Sequence[BudgetStanding]) -> Table:
    return Table(
        name="budgets",
        title="Budgets as they are configured",
        columns=[
            Column(name="budget", title="Budget", link="/budgets?kind={budget}"),
            Column(name="scope", title="Counts", definition="budget_scope"),
            Column(name="most", title="Limit"),
            Column(name="limit", title="Limit", unit="number", hidden=True),
            Column(name="unit", title="Unit", hidden=True),
            Column(name="window", title="Window"),
            Column(name="hard", title="Hard", unit="flag", definition="hard_stop"),
            Column(name="soft", title="Soft limit", definition="soft_limit"),
            Column(name="thresholds", title="Told at", definition="budget_thresholds"),
            Column(name="within", title="Part of"),
            Column(name="counters", title="Counters", unit="count", definition="budget_counter"),
            Column(name="acquisition", title="To win customers", unit="flag", definition="acquisition"),
        ],
        rows=[
            {
                "budget": one.name,
                "scope": scope_text(one.scope),
                "most": _amount(one, one.limit_quanta) + ("" if one.unit == "usd" else f" {unit_of(one)}"),
                "limit": one.limit,
                "unit": unit_of(one),
                "window": f"{one.window.unit}, {one.window.timezone}",
                "hard": one.hard,
                "soft": "none" if one.soft is None else f"{one.soft.action} from {one.soft.percent.normalize():f} %",
                "thresholds": ", ".join(f"{percent} %" for percent in one.thresholds) or "never",
                "within": one.within or "nothing",
                "counters": sum(standing.budget.id == one.id for standing in every),
                "acquisition": one.acquisition,
            }
            for one in configured
        ],
        empty="No budget is configured: docs/budgets.md shows how one is written.",
    )


def _rates(desk: Desk) -> Table:
    return Table(
        name="rates",
        title="Rates",
        columns=[
            Column(name="rate", title="Rate"),
            Column(name="scope", title="Counts", definition="budget_scope"),
            Column(name="requests", title="Requests a minute", unit="count", definition="rate"),
            Column(name="tokens", title="Tokens a minute", unit="tokens", definition="rate"),
        ],
        rows=[
            {"rate": one.name, "scope": scope_text(one.scope), "requests": one.requests, "tokens": one.tokens}
            for one in desk.gateway.allowance.rates
        ],
        empty="No rate is configured.",
        note="Unknown: the rate does not count that. Rates are counted in the gateways by the second; what they refuse is above.",
    )


VIEWS = (
    View(
        path="/budgets", title="Budgets", params=BudgetsParams, build=budgets, group="Decide", key="u", windowed=False,
        fresh_s=5, said="What is used and reserved of each budget, who is refused now, and the rates.",
    ),
)  # fmt: skip
