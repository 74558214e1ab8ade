"""Guardrails from close by: cache use, limits, prompt caching; and what free plans cost and bring."""

from collections.abc import Sequence
from datetime import timedelta

from floorline.jobs.acquisition import acquisitions_of
from floorline.jobs.caching import Use, use
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.limits import UseRow, limits_use
from floorline.margin.acquisition import PAYBACK_MONTHS, Acquisition, monthly_limits, shortfall
from floorline.margin.bridge import Days
from floorline.margin.effectiveness import Effect
from floorline.margin.metrics import ratio_of
from floorline.money import ZERO, usd_of
from floorline.web.blocks import AnyBlock, Card, Cards, Column, Note, Shown, Table
from floorline.web.desk import Desk
from floorline.web.pages.drills import drill_blocks
from floorline.web.pages.guardrails import GuardrailsParams, about_days, filters, tabs
from floorline.web.view import View

USE_DAYS_MAX = 7
"""Days of calls that these figures are read from: no rollup has them."""


def use_page(desk: Desk, asked: GuardrailsParams) -> Shown:
    """Cache, limits and prompts."""
    window = asked.window(desk.today)
    days = Days(max(window.start, window.end - timedelta(days=USE_DAYS_MAX)), window.end)
    kept = (
        ""
        if days.start == window.start
        else f"Cache and limits are those of the last {USE_DAYS_MAX} days of the window, from {days.start} on: they are read from single calls."
    )
    cached = [one for one in use(desk.ledger, *days) if asked.feature in {"", one.feature}]
    limits = [one for one in limits_use(desk.ledger, *days) if asked.feature in {"", one.feature}]
    marked = effects_of(desk.margins, *window, asked.scope, asked.feature, "prompt_cache")
    return Shown(
        title="Guardrails: cache, limits and prompts",
        lead=_lead(cached),
        about=about_days(desk, asked, *([kept] if kept else [])),
        blocks=[
            tabs(asked, "/guardrails/use"),
            filters(asked, "/guardrails/use", desk),
            Cards(name="figures", cards=_cards(cached, limits)),
            _cache(cached),
            *_suggestions(limits),
            _limits(limits),
            _marked(marked),
            *drill_blocks(desk),
        ],
    )  # fmt: skip


def _lead(cached: Sequence[Use]) -> str:
    hits = sum(one.hits for one in cached)
    avoided = sum(one.avoided for one in cached)
    return (
        f"{hits:,} calls were answered from the cache, which avoided ${avoided:,.2f}."
        if hits
        else "No call was answered from the cache."
    )


def _cards(cached: Sequence[Use], limits: Sequence[UseRow]) -> list[Card]:
    hits, misses = sum(one.hits for one in cached), sum(one.misses for one in cached)
    watched, cut = sum(one.watched for one in limits), sum(one.cut for one in limits)
    return [
        Card(name="hit_ratio", title="Cache hits", value=ratio_of(hits, hits + misses) if hits + misses else None, unit="percent", definition="hit_ratio", better="up"),
        Card(name="avoided", title="Avoided by hits", value=sum((one.avoided for one in cached), ZERO), unit="usd", definition="avoided"),
        Card(name="cut", title="Answers cut by a bound", value=ratio_of(cut, watched) if watched else None, unit="percent", definition="cut_ratio", better="down", note=f"of {watched:,} watched"),
        Card(name="preambles", title="Words before JSON", value=sum((one.preamble_cost for one in limits), ZERO) if limits else None, unit="usd", definition="preamble"),
    ]  # fmt: skip


def _cache(cached: Sequence[Use]) -> Table:
    return Table(
        name="cache",
        title="The exact cache",
        columns=[
            Column(name="feature", title="Feature", link="/features/{named}"),
            Column(name="hits", title="Hits", unit="count"),
            Column(name="misses", title="Misses", unit="count"),
            Column(name="hit_ratio", title="Hit rate", unit="percent", definition="hit_ratio"),
            Column(name="avoided", title="Avoided", unit="usd", definition="avoided"),
            Column(name="bypassed", title="Not asked", unit="count", definition="cache_bypassed"),
            Column(name="shadow", title="In shadow", unit="count", definition="shadow"),
            Column(name="shadow_hits", title="Would hit", unit="count", definition="shadow"),
            Column(name="reported", title="Reported bad", unit="count", definition="cache_reported"),
            Column(name="unvalued", title="Of unknown cost", unit="count", definition="unvalued"),
            Column(name="named", title="Feature's page", hidden=True),
        ],
        rows=[
            {
                "named": one.feature,
                "feature": one.feature or "(none)", "hits": one.hits, "misses": one.misses,
                "hit_ratio": None if one.hit_ratio is None else round(one.hit_ratio, 6), "avoided": one.avoided,
                "bypassed": one.bypassed, "shadow": one.shadow, "shadow_hits": one.shadow_hits, "reported": one.reported,
                "unvalued": one.unvalued,
            }
            for one in cached
        ],
        empty="No call asked a cache: `guardrails.cache` in floorline.yaml turns it on, in shadow first.",
    )  # fmt: skip


def _suggestions(limits: Sequence[UseRow]) -> list[AnyBlock]:
    return [
        Note(
            name=f"structured-{number}",
            kind="info",
            text=f"{one.feature or '(none)'}: {one.with_preamble:,} of {one.watched:,} answers say something before their JSON ({one.preamble_tokens:,} tokens): ask for structured output instead.",
        )
        for number, one in enumerate(row for row in limits if row.suggests_structured)
    ]


def _limits(limits: Sequence[UseRow]) -> Table:
    return Table(
        name="limits",
        title="Limits: how answers ended, and what could be shorter",
        columns=[
            Column(name="feature", title="Feature", link="/features/{named}"),
            Column(name="watched", title="Watched", unit="count", definition="watched"),
            Column(name="cut_ratio", title="Cut", unit="percent", definition="cut_ratio"),
            Column(name="bounded", title="Bounded", unit="count", definition="bounded"),
            Column(name="bounded_cut", title="Cut by our bound", unit="count", definition="bounded"),
            Column(name="preamble_cost", title="Preambles", unit="usd", definition="preamble"),
            Column(name="context_cost", title="Context", unit="usd", definition="context_cost"),
            Column(name="one_piece_fewer", title="A piece less", unit="usd", definition="one_piece_fewer"),
            Column(name="examples_cost", title="Examples", unit="usd", definition="examples_cost"),
            Column(name="one_example_fewer", title="An example less", unit="usd", definition="one_example_fewer"),
            Column(name="named", title="Feature's page", hidden=True),
        ],
        rows=[
            {
                "named": one.feature,
                "feature": one.feature or "(none)", "watched": one.watched,
                "cut_ratio": None if one.cut_ratio is None else round(one.cut_ratio, 6), "bounded": one.bounded,
                "bounded_cut": one.bounded_cut, "preamble_cost": one.preamble_cost, "context_cost": one.context_cost,
                "one_piece_fewer": round(one.one_piece_fewer, 12), "examples_cost": one.examples_cost,
                "one_example_fewer": round(one.one_example_fewer, 12),
            }
            for one in limits
        ],
        empty="No call was watched or bounded: `guardrails.watch: true` turns it on for a feature.",
    )  # fmt: skip


def _marked(marked: Sequence[Effect]) -> Table:
    return Table(
        name="prompt_cache",
        title="Prompt caching: prefixes marked for the provider's cache",
        columns=[
            Column(name="feature", title="Feature", link="/features/{named}"),
            Column(name="mode", title="Mode", definition="mode"),
            Column(name="touched", title="Marked calls", unit="count", definition="touched"),
            Column(name="saved", title="Saved", unit="usd", definition="saved_claimed"),
            Column(name="own_cost", title="Discount lost", unit="usd", definition="own_cost"),
            Column(name="net", title="Net", unit="usd", definition="net_saved"),
            Column(name="would_save", title="Shadow would save", unit="usd", definition="shadow"),
            Column(name="named", title="Feature's page", hidden=True),
        ],
        rows=[
            {
                "named": one.feature,
                "feature": one.feature or "(none)", "mode": ", ".join(one.modes), "touched": one.touched,
                "saved": usd_of(one.saved), "own_cost": usd_of(one.spent), "net": usd_of(one.net),
                "would_save": usd_of(one.would_save),
            }
            for one in marked
        ],
        empty="No prefix was marked in these days: `guardrails.prompt_cache` turns it on.",
    )  # fmt: skip


# -- acquisition


def acquisition(desk: Desk, asked: GuardrailsParams) -> Shown:
    """What free plans cost and bring."""
    window = asked.window(desk.today)
    limits = monthly_limits(desk.gateway.allowance.budgets)
    found = acquisitions_of(desk.margins, *window, asked.scope, limits=limits, payback_months=PAYBACK_MONTHS)
    cost = usd_of(sum(one.cost_a_month for one in found))
    return Shown(
        title="Guardrails: the acquisition budget",
        lead=f"Plans that nobody pays for cost ${cost:,.2f} a month." if found else "No plan that nobody pays for was used in these days.",
        about=about_days(desk, asked),
        blocks=[
            tabs(asked, "/guardrails/acquisition"),
            *[Note(name=f"why-{number}", kind="warning", text=shortfall(one)) for number, one in enumerate(found) if not one.pays_back],
            Table(
                name="plans",
                title="Free plans",
                columns=[
                    Column(name="plan", title="Plan"),
                    Column(name="customers", title="Customers", unit="count"),
                    Column(name="cost_a_month", title="A month", unit="usd", definition="acquisition"),
                    Column(name="budget_a_month", title="Budget", unit="usd", definition="acquisition"),
                    Column(name="used", title="Used", unit="percent", definition="budget_ratio"),
                    Column(name="conversions", title="Pay now", unit="count", definition="conversions"),
                    Column(name="conversion_ratio", title="Rate", unit="percent", definition="conversions"),
                    Column(name="needed", title="Must", unit="count", definition="conversions_needed"),
                    Column(name="pays_back", title="Pays back", unit="flag", definition="conversions_needed"),
                    Column(name="margin_per_customer", title="Margin of one that pays", unit="usd", definition="margin_per_customer", hidden=True),
                ],
                rows=[_plan(one) for one in found],
                empty="No plan that nobody pays for was used in these days.",
                note=f"A conversion pays back what free users cost within {PAYBACK_MONTHS} months.",
            ),
        ],
    )  # fmt: skip


def _plan(one: Acquisition) -> dict[str, object]:
    return {
        "plan": one.plan,
        "customers": one.customers,
        "cost_a_month": usd_of(one.cost_a_month),
        "budget_a_month": None if one.limit is None else usd_of(one.limit),
        "used": one.used_ratio,
        "conversions": one.conversions,
        "conversion_ratio": one.conversion_ratio,
        "needed": one.needed,
        "pays_back": one.pays_back,
        "margin_per_customer": None if one.margin_per_customer is None else usd_of(one.margin_per_customer),
    }


VIEWS = (
    View(
        path="/guardrails/use", title="Cache, limits and prompts", params=GuardrailsParams, build=use_page,
        said="What the cache, limits and prompt caching did.",
    ),
    View(
        path="/guardrails/acquisition", title="Acquisition", params=GuardrailsParams, build=acquisition,
        said="What free plans cost a month against their budget, and whether conversions pay it back.",
    ),
)  # fmt: skip
