"""A quarterly review as a page to read."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from floorline.margin.words import UNKNOWN, counted, dollars, percent, points
from floorline.reviews.page import Cell, Page, Section, Table, Tone, number, word
from floorline.reviews.quarter_model import Commitment, FloorLine, QuarterlyReview
from floorline.reviews.weekly_page import ZONE_TONE

MARGIN_CHART = "margins"
MODELS_SHOWN = 12


def page(review: QuarterlyReview) -> Page:
    """The review, what was earned first and what is negotiated after."""
    last = review.seen_to - timedelta(days=1)
    return Page(
        title=f"Quarterly margin review {review.id}",
        subtitle=f"{review.start} to {last}, days of {review.timezone}, USD. Made {review.made_at:%Y-%m-%d %H:%M} UTC.",
        tiles=_tiles(review),
        notes=review.notes,
        sections=[
            _floors(review),
            _structural(review),
            _market(review),
            _plans(review),
            _prices(review),
            _windfalls(review),
            _contracts(review),
            _volume(review),
            _hosting(review),
            _shipped(review),
        ],
    )


def _tiles(review: QuarterlyReview) -> list[tuple[str, str, Tone]]:
    structural = sum(line.structural for line in review.floors)
    rising = sum(line.rise is not None for line in review.plans)
    return [
        ("Gross margin", percent(review.total.ratio), ""),
        ("Margin", f"{dollars(review.total.margin)} of {dollars(review.total.revenue)}", ""),
        ("Structurally below floor", str(structural), "bad" if structural else "good"),
        ("Plans to reprice", str(rising), "warn" if rising else "good"),
    ]


def _floors(review: QuarterlyReview) -> Section:
    columns = [
        word("feature", 24), number("revenue"), number("cost"), number("margin"), number("margin %"), number("floor"),
        word("zone"), number("weeks below"),
    ]  # fmt: skip
    rows = [_floor_cells(line) for line in (*review.floors, review.total)]
    return Section(
        title="Floors against targets",
        tables=[Table(columns=columns, rows=rows, total=True)] if review.floors else [],
        after=[f"{line.feature}: {line.note}." for line in review.floors if line.note],
        empty="No feature had a call, a cost or revenue in this quarter.",
        chart=MARGIN_CHART,
    )


def _floor_cells(line: FloorLine) -> list[Cell]:
    known = sum(ratio is not None for ratio in line.weeks)
    return [
        Cell(line.feature or "total"),
        Cell(dollars(line.revenue)),
        Cell(dollars(line.cost)),
        Cell(dollars(line.margin)),
        Cell(percent(line.ratio), "bad" if line.zone == "red" else ""),
        Cell(percent(line.floor, 0) if line.floor is not None else ""),
        Cell(line.zone if line.floor is not None else "", ZONE_TONE[line.zone]),
        Cell(f"{line.weeks_below} of {known}" if line.floor is not None else "", "bad" if line.structural else ""),
    ]


def _structural(review: QuarterlyReview) -> Section:
    needed, weeks = review.structural_weeks, len(review.week_names)
    found = [
        f"{line.feature}: below its floor in {line.weeks_below} weeks; margin {percent(line.ratio)}, floor {percent(line.floor, 0)}."
        f" Its price, its model or its place in the product has to change{f' ({line.owner})' if line.owner else ''}."
        for line in review.floors
        if line.structural
    ]
    return Section(
        title="Structurally below floor",
        points=found,
        empty=f"No feature was below its floor in {needed} or more of the {weeks} weeks seen.",
    )


def _market(review: QuarterlyReview) -> Section:
    columns = [
        word("figure", 28), word("of", 18), number("market"), number("ours"), number("floor"), number("ahead"), word("source", 24),
        word("date", 10),
    ]  # fmt: skip
    rows = [
        [
            Cell(one.name),
            Cell(one.feature or "the whole"),
            Cell(percent(one.market)),
            Cell(percent(one.ours)),
            Cell(percent(one.floor, 0) if one.floor is not None else ""),
            Cell(points(one.ahead), _sign_tone(one.ahead)),
            Cell(one.source),
            Cell(str(one.date)),
        ]
        for one in review.market
    ]
    return Section(
        title="Against the market",
        tables=[Table(columns=columns, rows=rows)],
        empty="No market figure is stated: add some to `reviews.market` in floorline.yaml, each with source and date.",
    )


def _plans(review: QuarterlyReview) -> Section:
    columns = [
        word("plan", 20), number("revenue"), number("cost"), number("margin %"), number("paying"), number("under water"),
        number("at P90"), number("price"),
    ]  # fmt: skip
    rows = [
        [
            Cell(line.plan),
            Cell(dollars(line.revenue)),
            Cell(dollars(line.cost)),
            Cell(percent(line.ratio)),
            Cell(f"{line.customers:,}"),
            Cell(f"{line.under_water:,}" if line.under_water else ""),
            Cell(percent(line.p90_ratio)),
            Cell("" if line.rise is None else f"+{percent(line.rise, 0)}", "warn"),
        ]
        for line in review.plans
    ]
    return Section(
        title="Plans to reprice, from 90 days",
        tables=[Table(columns=columns, rows=rows)],
        after=[f"{line.plan}: {line.why}." for line in review.plans if line.why],
        empty="No plan had a customer in the last 90 days.",
    )


def _prices(review: QuarterlyReview) -> Section:
    rows = [
        [Cell(f"{one.month:%Y-%m}"), Cell(dollars(one.usd)), Cell(percent(one.index, 0))] for one in review.price_months
    ]
    priced = bool(review.dated_share)
    return Section(
        title="Provider prices of twelve months on this quarter's calls",
        tables=[Table(columns=[word("prices of"), number("these tokens cost"), number("of the last")], rows=rows)] if priced else [],
        after=list(_price_notes(review)) if priced else [],
        empty="Nothing is known of how prices moved: no model of the quarter has a price of tokens that the price book dates.",
    )  # fmt: skip


def _price_notes(review: QuarterlyReview) -> Iterator[str]:
    yield f"{percent(review.dated_share, 0)} of this is on models whose prices are dated."
    if review.undated:
        yield f"Not dated, so that today's price stands in every month: {_some(review.undated)}."
    if review.without_price:
        yield f"Left out, without a price of tokens: {_some(review.without_price)}."
    yield "Prices that providers may still cut are never planned on."


def _some(names: Sequence[str]) -> str:
    more = len(names) - MODELS_SHOWN
    return ", ".join(names[:MODELS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _windfalls(review: QuarterlyReview) -> Section:
    columns = [
        word("price cut", 34), word("since", 10), number("$ a month"), number("to margin"), number("to price"), number("to product"),
    ]  # fmt: skip
    rows = [
        [
            Cell(f"{one.provider}/{one.model}"),
            Cell(str(one.since)),
            Cell(dollars(one.usd_a_month)),
            *(Cell(dollars(part), "muted" if part is None else "") for part in (one.margin, one.price, one.product)),
        ]
        for one in review.windfalls
    ]
    open_ones = [one for one in review.windfalls if one.margin is None]
    return Section(
        title="Windfalls of price cuts",
        tables=[Table(columns=columns, rows=rows)],
        after=[
            f"Undecided: floorline review windfall {one.provider} {one.model} --since {one.since} --margin 50 --price 30 --product 20"
            for one in open_ones
        ],
        empty="No provider cut the price of a model in use.",
    )


def _contracts(review: QuarterlyReview) -> Section:
    columns = [
        word("provider", 18), number("calls"), number("tokens in"), number("tokens out"), number("cost"), number("least month"),
        *(number(f"{percent(one.discount, 0)} off") for one in _discounts(review)),
    ]  # fmt: skip
    rows = [
        [
            Cell(line.provider or UNKNOWN),
            Cell(f"{line.calls:,}"),
            Cell(_millions(line.input_tokens)),
            Cell(_millions(line.output_tokens)),
            Cell(dollars(line.cost)),
            Cell(dollars(min(line.months, default=None))),
            *(Cell(dollars(one.saves_usd_a_year)) for one in line.commitments),
            *(Cell(UNKNOWN) for _ in range(len(_discounts(review)) - len(line.commitments))),
        ]
        for line in review.providers
    ]
    return Section(
        title="Volume to negotiate with",
        tables=[Table(columns=columns, rows=rows)],
        after=[
            "`20 % off` and the like: saved a year by committing to what the least month used, for a year. At 20 % off a commitment pays as long as 80 % of it is used, at 40 % off from 60 % on."
        ]
        if any(line.commitments for line in review.providers)
        else [],
        empty="No call was made in this quarter.",
    )


def _discounts(review: QuarterlyReview) -> Sequence[Commitment]:
    empty: Sequence[Commitment] = ()
    return max((line.commitments for line in review.providers), key=len, default=empty)


def _volume(review: QuarterlyReview) -> Section:
    columns = [
        word("model", 34), number("calls"), number("cost"), number("share"), number("cached"), number("in P50"), number("in P95"),
        number("out P50"), number("out P95"),
    ]  # fmt: skip
    rows = [
        [
            Cell(f"{line.provider}/{line.model}"),
            Cell(f"{line.calls:,}"),
            Cell(dollars(line.cost)),
            Cell(percent(line.share, 0)),
            Cell(percent(line.cached_share, 0)),
            *(Cell(_at(line.input_p50_p95_p99, at)) for at in (0, 1)),
            *(Cell(_at(line.output_p50_p95_p99, at)) for at in (0, 1)),
        ]
        for line in review.volume[:MODELS_SHOWN]
    ]
    more = len(review.volume) - MODELS_SHOWN
    return Section(
        title="Models and tokens a call",
        tables=[Table(columns=columns, rows=rows)],
        after=[f"{counted(more, 'more model')} in the JSON."] if more > 0 else [],
        empty="No call was made in this quarter.",
    )


def _at(values: Sequence[int], at: int) -> str:
    return f"{values[at]:,}" if at < len(values) else UNKNOWN


def _hosting(review: QuarterlyReview) -> Section:
    columns = [
        word("feature", 20), word("model", 24), number("$ a month"), number("GPUs up to"), number("busy"), word("verdict"),
    ]  # fmt: skip
    rows = [
        [
            Cell(line.feature),
            Cell(line.model),
            Cell(dollars(line.usd_a_month)),
            Cell(dollars(line.gpu_usd_a_month_max)),
            Cell(percent(line.busy, 0)),
            Cell(line.verdict, "good" if line.verdict == "candidate" else "muted"),
        ]
        for line in review.hosting
    ]
    return Section(
        title="Workloads worth hosting",
        tables=[Table(columns=columns, rows=rows)],
        empty="No workload (a feature on a model) costs $10,000 a month or more.",
    )


def _shipped(review: QuarterlyReview) -> Section:
    columns = [
        word("item", 26), word("shipped", 10), number("promised a quarter"), number("measured a quarter"), number("in this quarter"),
    ]  # fmt: skip
    rows = [
        [
            Cell(one.what),
            Cell(str(one.shipped)),
            Cell(dollars(one.promised)),
            Cell(dollars(one.realised)),
            Cell(dollars(one.in_quarter), _sign_tone(one.in_quarter)),
        ]
        for one in review.shipped
    ]
    total = [[Cell("total"), Cell(""), Cell(""), Cell(""), Cell(dollars(review.shipped_total))]] if rows else []
    return Section(
        title="What shipped actions brought",
        tables=[Table(columns=columns, rows=[*rows, *total], total=True)],
        empty="No backlog item was shipped.",
    )


def _millions(tokens: int) -> str:
    return f"{Decimal(tokens) / 1_000_000:,.1f} M"


def _sign_tone(amount: Decimal | None) -> Tone:
    return "" if not amount else "good" if amount > 0 else "bad"
