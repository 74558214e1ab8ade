"""Guardrails: what is on, what each saved and what customers made of it, and the latest decisions in words."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Annotated

import msgspec

from floorline.charts.guardrails import SavedDay, saved_by_day
from floorline.clock import timezone
from floorline.guardrails.listing import Rail, mode_text, percent, rails
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.guardrail_days import DayRow, by_day, decided_lately, net_by_day
from floorline.margin.bridge import Days
from floorline.margin.effectiveness import CUSTOMERS_MIN, HARMS, Difference, Effect, Rate, Side, total
from floorline.margin.words import percent as ratio_text
from floorline.money import usd_of
from floorline.web.abouts import about
from floorline.web.blocks import (
    About,
    AnyBlock,
    Card,
    Cards,
    Chart,
    Column,
    Field,
    Form,
    Link,
    Note,
    Shown,
    Table,
    Tabs,
)
from floorline.web.desk import Desk
from floorline.web.pages.deciding import choice
from floorline.web.params import Text, Window, address
from floorline.web.view import View

TABS: Sequence[tuple[str, str]] = (
    ("/guardrails", "What they save"), ("/guardrails/decisions", "Decisions explained"),
    ("/guardrails/certificates", "Certificates"), ("/guardrails/experiments", "Experiments"), ("/guardrails/use", "Cache, limits and prompts"), ("/guardrails/acquisition", "Acquisition"),
)  # fmt: skip


class GuardrailsParams(Window, frozen=True, kw_only=True):
    """Which guardrails, of which days."""

    feature: Annotated[Text, msgspec.Meta(description="of this feature's calls alone")] = ""
    kind: Annotated[Text, msgspec.Meta(description="this guardrail alone, as cache")] = ""


def guardrails(desk: Desk, asked: GuardrailsParams) -> Shown:
    """What each saved."""
    window, before = asked.window(desk.today), asked.before(desk.today)
    found = _effects(desk, asked, window)
    was = None if before is None else _effects(desk, asked, before)
    days = [
        row for row in by_day(desk.margins, *window, asked.scope, asked.feature) if asked.kind in {"", row.guardrail}
    ]
    on = [one for one in rails(desk.gateway.guardrails) if asked.kind in {"", one.guardrail}]
    return Shown(
        title="Guardrails",
        lead=_lead(found, on),
        about=about_days(desk, asked),
        blocks=[
            tabs(asked, "/guardrails"),
            *_harms(found),
            Cards(name="figures", cards=_cards(found, was, on)),
            filters(asked, "/guardrails", desk, found),
            *_trend(days),
            _effects_table(found),
            _sides(found),
            _configured(on, found, desk),
        ],
    )


def tabs(asked: GuardrailsParams, current: str) -> Tabs:
    """The pages of guardrails, each with the same filters."""
    links = [
        Link(text=text, to=address(path, msgspec.structs.replace(asked, sort="", page="")), current=path == current)
        for path, text in TABS
    ]
    return Tabs(name="tabs", title="Guardrails", links=links)


def about_days(desk: Desk, asked: Window, *notes: str) -> About:
    """Of a page about a window of days."""
    return about(asked, desk.today, desk.now(), desk.ledger.timezone, notes=notes)


def filters(asked: GuardrailsParams, action: str, desk: Desk, found: Iterable[Effect] = ()) -> Form:
    """Feature and guardrail."""
    names = sorted({one.feature for one in found if one.feature} | set(desk.policies.features))
    kinds = sorted({one.guardrail for one in found} | {one.guardrail for one in rails(desk.gateway.guardrails)})
    kept = [
        Field(name=name, label="", kind="hidden", value=str(value))
        for name, value in (
            ("from", asked.from_), ("to", asked.to), ("days", asked.days), ("against", asked.against),
            ("environment", asked.environment), ("purpose", asked.purpose),
        )
        if value not in {None, ""}
    ]  # fmt: skip

    return Form(
        name="filter", method="get", action=action, submit="Filter", rule="viewer",
        fields=[*kept, choice("feature", "Feature", asked.feature, names), choice("kind", "Guardrail", asked.kind, kinds)],
    )  # fmt: skip


def _effects(desk: Desk, asked: GuardrailsParams, days: Days) -> tuple[Effect, ...]:
    return effects_of(desk.margins, days.start, days.end, asked.scope, asked.feature, asked.kind)


def _lead(found: Sequence[Effect], on: Sequence[Rail]) -> str:
    if not on and not found:
        return "No guardrail is on: `guardrails` in floorline.yaml turns them on, in shadow first."
    summed = total(found)
    touched = sum(one.touched for one in found)
    harmed = (
        f" {len([one for one in found if one.harms])} do harm: look at them first."
        if any(one.harms for one in found)
        else ""
    )
    return f"{touched:,} calls touched, ${usd_of(summed.net):,.2f} saved net of what the guardrails cost.{harmed}"


def _harms(found: Sequence[Effect]) -> list[AnyBlock]:
    """A saving that costs customers is a loss: said before any saving is."""
    return [
        Note(
            name=f"harm-{number}",
            kind="wrong",
            title=f"{one.guardrail} of {one.feature or 'calls without a feature'}:",
            text=f"{HARMS[name]} where it acts, by {ratio_text(by.low)} to {ratio_text(by.high)}. A saving that costs customers is a loss: look at the answers before it goes on.",
        )
        for number, (one, name, by) in enumerate((one, name, by) for one in found for name, by in one.harms.items())
    ]


def _cards(found: Sequence[Effect], was: Sequence[Effect] | None, on: Sequence[Rail]) -> list[Card]:
    now, then = total(found), None if was is None else total(was)
    touched = sum(one.touched for one in found)
    compared = then is not None
    return [
        Card(name="net", title="Saved, net", value=usd_of(now.net), unit="usd", definition="net_saved", better="up",
             compared=compared, before=None if then is None else usd_of(then.net)),
        Card(name="own_cost", title="Their own cost", value=usd_of(now.spent), unit="usd", definition="own_cost", better="down",
             compared=compared, before=None if then is None else usd_of(then.spent)),
        Card(name="touched", title="Calls touched", value=touched, unit="count", definition="touched",
             compared=compared, before=None if was is None else sum(one.touched for one in was)),
        Card(name="would_save", title="Shadow would save", value=usd_of(sum(one.would_save for one in found)), unit="usd", definition="shadow"),
        Card(name="on", title="Guardrails on", value=len(on), unit="count", definition="mode",
             note=", ".join(f"{count} {mode}" for mode in ("enforce", "canary", "shadow") if (count := sum(one.setting.mode == mode for one in on)))),
    ]  # fmt: skip


def _trend(days: Sequence[DayRow]) -> list[AnyBlock]:
    rows = list(net_by_day(days))
    if not rows:
        return []
    best = max(rows, key=lambda row: row[2])
    chart = Chart(
        name="trend",
        title="Saved a day, net of their own cost",
        said=f"{len({row[0] for row in rows})} days with a guardrail at work; the most on one was ${best[2]:,.2f} by {best[1]} on {best[0]}.",
        spec=saved_by_day("", [SavedDay(day, guardrail, net) for day, guardrail, net in rows]),
        table="days",
    )
    return [chart, _days(days)]


def _days(days: Sequence[DayRow]) -> Table:
    return Table(
        name="days",
        title="Day by day, as a table",
        columns=[
            Column(name="day", title="Day", unit="day"),
            Column(name="guardrail", title="Guardrail"),
            Column(name="feature", title="Feature"),
            Column(name="touched", title="Touched", unit="count", definition="touched"),
            Column(name="held_out", title="Held out", unit="count", definition="hold_out"),
            Column(name="shadow", title="In shadow", unit="count", definition="shadow"),
            Column(name="saved", title="Saved", unit="usd", definition="saved_claimed"),
            Column(name="own_cost", title="Own cost", unit="usd", definition="own_cost"),
            Column(name="net", title="Net", unit="usd", definition="net_saved"),
        ],
        rows=[
            {
                "day": row.day, "guardrail": row.guardrail, "feature": row.feature or "(none)", "touched": row.touched,
                "held_out": row.held_out, "shadow": row.shadow, "saved": usd_of(row.saved), "own_cost": usd_of(row.spent),
                "net": row.net,
            }
            for row in reversed(days)
        ],
        empty="No guardrail touched a call in these days.",
        closed=True,
    )  # fmt: skip


def _effects_table(found: Sequence[Effect]) -> Table:
    summed = total(found)
    totals: list[dict[str, object]] = [
        {
            "feature": "total", "guardrail": "", "modes": "", "touched": sum(one.touched for one in found),
            "saved": usd_of(summed.saved), "own_cost": usd_of(summed.spent), "net": usd_of(summed.net), "measured": "",
        }
    ]  # fmt: skip
    return Table(
        name="effects",
        title="What each saved",
        columns=[
            Column(name="feature", title="Feature", link="/features/{named}"),
            Column(name="guardrail", title="Guardrail", definition="guardrail"),
            Column(name="modes", title="Mode", definition="mode"),
            Column(name="touched", title="Touched", unit="count", definition="touched"),
            Column(name="saved", title="Saved", unit="usd", definition="saved_claimed"),
            Column(name="own_cost", title="Own cost", unit="usd", definition="own_cost"),
            Column(name="net", title="Net", unit="usd", definition="net_saved"),
            Column(name="measured", title="By hold-out, 95 % sure", definition="hold_out"),
            Column(name="measured_usd", title="Measured", unit="usd", definition="hold_out", hidden=True),
            Column(name="measured_low", title="Low end", unit="usd", definition="hold_out", hidden=True),
            Column(name="measured_high", title="High end", unit="usd", definition="hold_out", hidden=True),
            Column(name="customers_missing", title="Customers missing", unit="count", definition="hold_out", hidden=True),
            Column(name="would_save", title="In shadow", unit="usd", definition="shadow", hidden=not any(one.shadow_calls for one in found)),
            Column(name="unvalued", title="Unvalued", unit="count", definition="unvalued", hidden=not any(one.unvalued for one in found)),
            Column(name="named", title="Feature's page", hidden=True),
        ],
        rows=[*(_effect_row(one) for one in found), *(totals if found else [])],
        totals=1 if found else 0,
        empty="No guardrail touched a call in these days, or would have.",
        note="Saved is each guardrail's own claim, call by call; the hold-out is the proof. Where a claim lies far outside the interval, believe the interval.",
    )  # fmt: skip


def _effect_row(one: Effect) -> dict[str, object]:
    measured = one.measured
    return {
        "feature": one.feature or "(none)",
        "named": one.feature,
        "guardrail": one.guardrail,
        "modes": ", ".join(one.modes),
        "touched": one.touched,
        "saved": usd_of(one.saved),
        "own_cost": usd_of(one.spent),
        "net": usd_of(one.net),
        "measured": _measured(one),
        "measured_usd": None if measured is None else usd_of(int(measured.value)),
        "measured_low": None if measured is None else usd_of(int(measured.low)),
        "measured_high": None if measured is None else usd_of(int(measured.high)),
        "customers_missing": one.missing,
        "would_save": usd_of(one.would_save),
        "unvalued": one.unvalued,
    }


def _measured(one: Effect) -> str:
    """The saving that the hold-out shows over all treated calls, or what it lacks."""
    found: Difference | None = one.measured
    if found is None:
        held_out = one.held_out.cost_per_call.customers if one.held_out.cost_per_call else 0
        thin = f"{held_out} of {CUSTOMERS_MIN} held out" if held_out < CUSTOMERS_MIN else "too few treated"
        return f"not enough: {thin}"
    low, value, high = (
        f"${usd_of(int(amount)):,.2f}".replace("$-", "−$") for amount in (found.low, found.value, found.high)
    )
    return f"{value} ({low} to {high})"


def _sides(found: Sequence[Effect]) -> Table:
    compared = [one for one in found if one.held_out.customers]
    rows: list[dict[str, object]] = []
    for one in compared:
        enough = one.measured is not None
        rows += [_side(one, "treated", one.treated, enough), _side(one, "held out", one.held_out, enough)]
    return Table(
        name="sides",
        title="Treated customers, and those that were left alone",
        columns=[
            Column(name="feature", title="Feature"),
            Column(name="guardrail", title="Guardrail"),
            Column(name="arm", title="Arm", definition="hold_out"),
            Column(name="customers", title="Customers", unit="count", thin="thin"),
            Column(name="calls", title="Calls", unit="count"),
            Column(name="cost_per_call", title="A call", unit="usd", definition="cost_per_touched_call"),
            Column(name="errors", title="Errors", unit="percent", definition="error_ratio"),
            Column(name="successes", title="Successes", unit="percent", definition="success_ratio"),
            Column(name="retention", title="Came back", unit="percent", definition="retention_ratio"),
            Column(name="thin", title="Thin", unit="flag", hidden=True),
        ],
        rows=rows,
        empty="No customer is held out in these days: nothing can be compared. `guardrails.holdout` says how many are left alone.",
        note=_changed_sides(compared),
    )


def _changed_sides(compared: Sequence[Effect]) -> str:
    both = sum(one.in_both for one in compared)
    return f"{both} customers changed sides in these days and are compared on neither." if both else ""


def _side(one: Effect, arm: str, side: Side, enough: bool) -> dict[str, object]:
    def value(of: Rate | None) -> Decimal | None:
        return None if of is None else round(of.value, 6)

    return {
        "feature": one.feature or "(none)",
        "guardrail": one.guardrail,
        "arm": arm,
        "customers": side.customers,
        "calls": side.calls,
        "cost_per_call": None if side.cost_per_call is None else usd_of(int(side.cost_per_call.value)),
        "errors": value(side.errors),
        "successes": value(side.successes),
        "retention": value(side.retention),
        "thin": not enough,
    }


def _configured(on: Sequence[Rail], found: Sequence[Effect], desk: Desk) -> Table:
    rules = desk.gateway.guardrails
    stated = set[str]() if rules is None else set(rules.features)
    return Table(
        name="configured",
        title="What is on",
        columns=[
            Column(name="guardrail", title="Guardrail", definition="guardrail"),
            Column(name="rule", title="Rule"),
            Column(name="feature", title="For"),
            Column(name="mode", title="Mode", definition="mode"),
            Column(name="holdout", title="Hold-out", definition="hold_out"),
            Column(name="does", title="What it does"),
            Column(name="touched", title="Touched", unit="count", definition="touched"),
            Column(name="net", title="Net saved", unit="usd", definition="net_saved"),
        ],
        rows=[_rail_row(one, [effect for effect in found if _is_of(effect, one, stated)]) for one in on],
        empty="No guardrail is on: `guardrails` in floorline.yaml turns them on, in shadow first.",
        note="Several route or margin rules of one feature share what is touched and saved: it is shown with each.",
    )


def _is_of(effect: Effect, rail: Rail, stated: set[str]) -> bool:
    scope = effect.feature == rail.feature if rail.feature else effect.feature not in stated
    return scope and effect.guardrail == rail.guardrail


def _rail_row(rail: Rail, effects: Sequence[Effect]) -> dict[str, object]:
    return {
        "guardrail": rail.guardrail,
        "rule": rail.rule,
        "feature": rail.feature or "every other feature",
        "mode": mode_text(rail.setting),
        "holdout": percent(rail.holdout_ppm),
        "does": rail.does,
        "touched": sum(one.touched for one in effects),
        "net": usd_of(sum(one.net for one in effects)),
    }


# -- decisions explained


def decisions(desk: Desk, asked: GuardrailsParams) -> Shown:
    """The latest calls that a guardrail acted on, with its reasons."""
    window = asked.window(desk.today)
    zone = timezone(desk.ledger.timezone)
    until = min(desk.now(), datetime.combine(window.end, time(), zone))
    lately = decided_lately(desk.margins, until + timedelta(microseconds=1), asked.scope)
    found = [
        one
        for one in lately
        if asked.feature in {"", one.feature} and (not asked.kind or asked.kind in {*one.acted, *one.by})
    ]
    table = Table(
        name="decisions",
        title="The latest calls that a guardrail acted on, or refused",
        columns=[
            Column(name="at", title="At", unit="instant", link="/calls/{id}"),
            Column(name="by", title="Guardrail", definition="guardrail"),
            Column(name="did", title="Did"),
            Column(name="feature", title="Feature", link="/features/{feature}"),
            Column(name="customer", title="Customer", link="/customers/{customer}"),
            Column(name="model", title="Model"),
            Column(name="why", title="Why"),
            Column(name="saved", title="Saved", unit="usd", definition="counterfactual"),
            Column(name="id", title="Call", unit="code", hidden=True),
        ],
        rows=[
            {
                "at": one.opened_at,
                "by": ", ".join(dict.fromkeys(one.by)) or "policy",
                "did": "refused" if one.verdict == "refuse" else ", ".join(dict.fromkeys(one.actions)),
                "feature": one.feature or None,
                "customer": one.customer or None,
                "model": _served(one.model_requested, one.model_served),
                "why": " ".join(f"{reason}." for reason in one.reasons) or "its rule holds for every call",
                "saved": one.saved,
                "id": one.id,
            }
            for one in found
        ],
        empty="No call of the days before was touched or refused.",
        note="A few of each kind, the latest first; a call's page tells all of it, as `floorline explain` does.",
    )
    return Shown(
        title="Guardrails: decisions explained",
        lead="Each call is decided once, in a fixed order: policy, rate, cache, route, prompt, output, budget.",
        about=about_days(desk, asked),
        blocks=[tabs(asked, "/guardrails/decisions"), filters(asked, "/guardrails/decisions", desk), table],
    )


def _served(requested: str, served: str) -> str:
    if not served or served == requested:
        return requested or served
    return f"{served} for {requested}" if requested else served


VIEWS = (
    View(
        path="/guardrails", title="Guardrails", params=GuardrailsParams, build=guardrails, group="Decide", key="g",
        said="What each guardrail saved, net of its own cost, and held-out against treated customers.",
    ),
    View(
        path="/guardrails/decisions", title="Decisions explained", params=GuardrailsParams, build=decisions,
        said="The latest calls that guardrails acted on, with their reasons.",
    ),
)  # fmt: skip
