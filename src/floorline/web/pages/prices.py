"""Prices: the book as it is used, a model's prices over time with the calls that each was stamped on, and one price version."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec.structs import replace

from floorline.alerts.events import PriceChange, PriceNotice
from floorline.charts.prices import PriceSpan, price_history
from floorline.gateway.accounting import priced_as
from floorline.jobs.prices_used import ModelPriced, Prices, Stamped
from floorline.jobs.pricing_use import Change
from floorline.jobs.quality import UnpricedRow
from floorline.margin.bridge import Days
from floorline.margin.table import NONE
from floorline.margin.words import dollars
from floorline.money import EXACT, usd_of
from floorline.pricing.version import PriceVersion, UnitPrice, Unpriced
from floorline.web.abouts import about
from floorline.web.blocks import Card, Chart, Column, Facts, Note, Shown, Snippet, Snippets, Table, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Text, Window, address
from floorline.web.view import View

SNIPPETS_MAX = 5
HISTORY = timedelta(days=365)
"""How far back a model's prices are shown, where the window does not begin earlier."""

LINES_MAX = 8
_MILLION = 1_000_000
_VERSION = "/prices/versions/{version}"


class ModelWindow(Window, frozen=True, kw_only=True):
    """One model of a provider, `(none)` being calls that name none, over a window."""

    provider: Text
    model: Text


class VersionWindow(Window, frozen=True, kw_only=True):
    """One price version, by its id."""

    version: Text


def build(desk: Desk, params: Window) -> Shown:
    """The book as it is used."""
    prices, window = _prices(desk), params.window(desk.today)
    found, notices = prices.models(window.start, window.end, params.scope), prices.notices()
    unpriced = [one for one in found if isinstance(one.version, Unpriced)]
    return Shown(
        title="Prices",
        lead=_lead(found, unpriced),
        about=about(params, desk.today, desk.now(), desk.ledger.timezone),
        blocks=[
            *_unpriced_blocks([_entry(one.use.provider, one.use.model, one.version, window) for one in unpriced if one.use.model]),
            *_late_prices(found),
            Table(
                name="models",
                title="Models called, at their price of today",
                columns=_model_columns(params, desk.today),
                rows=[_model_row(one) for one in found],
                empty="No call of these days names a model.",
                note="USD a million tokens, as contracted. The book is consulted as of each call's own time.",
            ),
            Table(
                name="changes",
                title="Changes of price, to come and seen",
                columns=_CHANGE_COLUMNS,
                rows=[
                    *(_to_come(change) for change in prices.to_come([one.use for one in found], (window.end - window.start).days)),
                    *(_seen(change, notices.get(change.notice)) for change in prices.seen()),
                ],
                empty="No price of a model in use changes, or has changed since prices are watched. "
                "`floorline notices add` says what a provider announced.",
            ),
        ],
    )  # fmt: skip


def build_model(desk: Desk, params: ModelWindow) -> Shown:
    """One model."""
    prices, window = _prices(desk), params.window(desk.today)
    provider = "" if params.provider == NONE else params.provider
    start = min(window.start, window.end - HISTORY)
    ahead = window.end + HISTORY
    versions = prices.versions(provider, params.model, start, ahead)
    stamped, since = prices.stamped(window.start, window.end, provider=provider, model=params.model)
    today = prices.of(provider, params.model, desk.today)
    if isinstance(today, Unpriced) and not stamped and not _was_called(prices, params, provider):
        raise Refused(404, "not_found", f"{today.reason}; and no call of these days is of it")
    return Shown(
        title=f"{params.provider}/{params.model}",
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, notes=_counted_since(since, params, desk)),
        blocks=[
            *_today_block(today, provider, params.model, window),
            *_history(versions, window.end),
            Table(
                name="versions",
                title="Its standard prices over time",
                columns=_HISTORY_COLUMNS,
                rows=[_history_row(day, version) for day, version in versions],
                empty="No price is known.",
                note=f"From {start} on, by the book as it is now. The book's earlier states stay in the versions of calls.",
            ),
            Table(
                name="stamped",
                title="Versions that its calls were stamped with",
                columns=_STAMPED_COLUMNS,
                rows=[_stamped_row(one) for one in stamped],
                empty="No priced call of these days is of it.",
                note="Cost as recorded; what re-rating changed is an adjustment beside it.",
            ),
        ],
    )


def build_version(desk: Desk, params: VersionWindow) -> Shown:
    """One version: where a cost line's price comes from."""
    prices, window = _prices(desk), params.window(desk.today)
    version = prices.find(params.version, window.start, window.end, params.scope)
    if version is None:
        raise Refused(
            404, "not_found", f"no call was ever stamped with the price version {params.version[:40]!r}: its id is in the "
            "cost lines of a call, and in x-floorline-price-version"
        )  # fmt: skip
    stamped, since = prices.stamped(window.start, window.end, version=version.id)
    return Shown(
        title=f"Price version {version.id}",
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, notes=_counted_since(since, params, desk)),
        blocks=[
            Facts(name="version", facts=_version_facts(version)),
            _units_table(version),
            Table(
                name="stamped",
                title="Calls stamped with it in these days",
                columns=_STAMPED_COLUMNS,
                rows=[_stamped_row(one) for one in stamped],
                empty="None in these days.",
            ),
        ],
    )


def _prices(desk: Desk) -> Prices:
    price_as = {name: priced_as(provider) for name, provider in desk.gateway.providers.items()}
    return Prices(ledger=desk.ledger, book=desk.book(), today=desk.today, price_as=price_as)


def _was_called(prices: Prices, params: ModelWindow, provider: str) -> bool:
    window = params.window(prices.today)
    found = prices.models(window.start, window.end, params.scope)
    return any((one.use.provider, one.use.model) == (provider, params.model) for one in found)


def _counted_since(since: date, params: Window, desk: Desk) -> list[str]:
    window = params.window(desk.today)
    if since == window.start:
        return []
    if since >= window.end:
        return ["There are too many calls a day to count them by price version on a page."]
    return [f"Calls are counted from {since} on: those before are too many for a page."]


# -- models


def _lead(found: Sequence[ModelPriced], unpriced: Sequence[ModelPriced]) -> str:
    if not found:
        return ""
    calls = sum(one.use.unpriced for one in found)
    unknown = f"The cost of {calls:,} calls is unknown." if calls else "The cost of every call is known."
    if not unpriced:
        return f"All {len(found)} models that were called have a price. {unknown}"
    has = "has" if len(unpriced) == 1 else "have"
    return f"{len(unpriced)} of {len(found)} models that were called {has} no price. {unknown}"


def _unpriced_blocks(entries: Sequence[Snippet]) -> list[Snippets]:
    if not entries:
        return []
    title = "Without a price: add to floorline.yaml, then `floorline re-rate`"
    return [Snippets(name="unpriced", title=title, snippets=entries[:SNIPPETS_MAX])]


def _entry(provider: str, model: str, version: PriceVersion | Unpriced, window: Days) -> Snippet:
    """What prices a model from the window's first day on, once its amounts are written."""
    assert isinstance(version, Unpriced), "what has a price needs no entry"
    row = UnpricedRow(provider=provider, model=model, calls=0, unpriced=0, first=window.start, last=window.end)
    return Snippet(title=f"{provider or NONE}/{model}", said=version.reason, text=row.entry)


def _late_prices(found: Sequence[ModelPriced]) -> list[Note]:
    late = [one for one in found if one.use.unpriced and isinstance(one.version, PriceVersion)]
    if not late:
        return []
    calls = sum(one.use.unpriced for one in late)
    names = ", ".join(f"{one.use.provider}/{one.use.model}" for one in late[:SNIPPETS_MAX])
    text = (
        f"{calls:,} calls have no price although the book knows their models today ({names}): they used something that "
        "has none, or came before the price did. `floorline re-rate` shows what it would make of them."
    )
    return [Note(name="late-prices", kind="warning", text=text)]


def _model_columns(params: Window, today: date) -> list[Column]:
    window = params.window(today)
    calls = address("/calls", from_=window.start, to=window.end, environment=params.environment, purpose=params.purpose)
    return [
        Column(name="named", title="Model", link=address("/prices/{provider}/{model}", replace(params, sort="", page=""))),
        Column(name="provider", title="Provider", hidden=True),
        Column(name="model", title="Name", hidden=True),
        Column(name="input", title="Input", unit="usd", definition="price_mtok"),
        Column(name="output", title="Output", unit="usd", definition="price_mtok"),
        Column(name="cache_read", title="Cache read", unit="usd", definition="price_mtok", hidden=True),
        Column(name="tiers", title="Tiers", unit="flag", definition="price_tiers", hidden=True),
        Column(name="source", title="Source", definition="price_source"),
        Column(name="list_source", title="List from", definition="price_source", hidden=True),
        Column(name="discount", title="Off list", unit="percent", definition="price_discount"),
        Column(name="effective_from", title="Since", unit="day", definition="price_since"),
        Column(name="version", title="Version", unit="code", definition="price_version", link=_VERSION),
        Column(name="calls", title="Calls", unit="count", definition="calls", link=f"{calls}&model={{model}}"),
        Column(name="unpriced", title="Unpriced", unit="count", definition="unpriced", link=f"{calls}&model={{model}}&basis=unpriced"),
        Column(name="cost", title="Spend", unit="usd", definition="spend"),
        Column(name="input_tokens", title="Input tokens", unit="tokens", hidden=True),
        Column(name="output_tokens", title="Output tokens", unit="tokens", hidden=True),
    ]  # fmt: skip


def _model_row(one: ModelPriced) -> dict[str, Value]:
    use = one.use
    return {
        "named": f"{use.provider or NONE}/{use.model or NONE}",
        "provider": use.provider or NONE,
        "model": use.model or NONE,
        "calls": use.calls,
        "unpriced": use.unpriced,
        "cost": usd_of(use.cost) if use.calls > use.unpriced else None,
        "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens,
        **_priced(one.version),
    }


def _priced(version: PriceVersion | Unpriced) -> dict[str, Value]:
    if isinstance(version, Unpriced):
        return dict.fromkeys(
            ("input", "output", "cache_read", "tiers", "source", "list_source", "discount", "effective_from", "version")
        )
    return {
        **{unit: _mtok(version, unit) for unit in ("input", "output", "cache_read")},
        "tiers": version.tiered,
        "source": "free" if version.free else version.source,
        "list_source": version.list_source,
        "discount": _discount(version.prices),
        "effective_from": version.effective_from,
        "version": version.id,
    }


def _mtok(version: PriceVersion, unit: str) -> Decimal | None:
    """USD of a million, as contracted."""
    price = version.by_unit.get(unit)
    return None if price is None else EXACT.divide(price.contracted * _MILLION, Decimal(price.per))


def _discount(prices: Iterable[UnitPrice]) -> Decimal:
    """What a contract takes off the list price of the first unit that it covers; 0 where it covers none."""
    for price in prices:
        if price.list != price.contracted and price.list:
            return 1 - EXACT.divide(price.contracted, price.list)
    return Decimal(0)


# -- changes

_CHANGE_COLUMNS = (
    Column(name="on", title="From", unit="day"),
    Column(name="model", title="Model", link="/prices/{provider}/{model}"),
    Column(name="provider", title="Provider"),
    Column(name="what", title="What changes"),
    Column(name="usd_a_month", title="Costs more a month", unit="usd", definition="price_effect"),
    Column(name="known_by", title="Known by"),
    Column(name="before", title="Version before", unit="code", definition="price_version", hidden=True),
    Column(name="after", title="Version after", unit="code", definition="price_version", hidden=True),
)


def _to_come(change: Change) -> dict[str, Value]:
    effect = None if change.usd_a_month is None else -change.usd_a_month
    return {
        "on": change.on, "provider": change.provider, "model": change.model, "what": change.what, "usd_a_month": effect,
        "known_by": "the price book", "before": None, "after": None,
    }  # fmt: skip


def _seen(change: PriceChange, notice: PriceNotice | None) -> dict[str, Value]:
    said = "other prices than before"
    if notice is not None:
        announced = (f"{unit.replace('_', ' ')} {dollars(price)}" for unit, price in notice.prices.items())
        said = f"announced: {', '.join(announced)}"
    return {
        "on": change.valid_from, "provider": change.provider, "model": change.model, "what": said,
        "usd_a_month": change.monthly_effect_usd, "known_by": notice.source if notice and notice.source else f"seen {change.seen_at:%Y-%m-%d}",
        "before": change.before or None, "after": change.after or None,
    }  # fmt: skip


# -- one model

_HISTORY_COLUMNS = (
    Column(name="on", title="From", unit="day"),
    Column(name="input", title="Input", unit="usd", definition="price_mtok"),
    Column(name="output", title="Output", unit="usd", definition="price_mtok"),
    Column(name="cache_read", title="Cache read", unit="usd", definition="price_mtok"),
    Column(name="tiers", title="Tiers", unit="flag", definition="price_tiers"),
    Column(name="source", title="Source", definition="price_source"),
    Column(name="discount", title="Off list", unit="percent", definition="price_discount"),
    Column(name="version", title="Version", unit="code", definition="price_version"),
)
_STAMPED_COLUMNS = (
    Column(name="version", title="Version", unit="code", definition="price_version", link=_VERSION),
    Column(name="model", title="Model"),
    Column(name="provider", title="Provider"),
    Column(name="calls", title="Calls", unit="count", definition="calls"),
    Column(name="cost", title="Cost as recorded", unit="usd"),
    Column(name="first", title="First", unit="instant"),
    Column(name="last", title="Last", unit="instant"),
)


def _history_row(day: date, version: PriceVersion | Unpriced) -> dict[str, Value]:
    return {"on": day, **_priced(version)}


def _stamped_row(one: Stamped) -> dict[str, Value]:
    return {
        "version": one.version, "provider": one.provider or NONE, "model": one.model, "calls": one.calls,
        "cost": usd_of(one.pico), "first": one.first, "last": one.last,
    }  # fmt: skip


def _today_block(today: PriceVersion | Unpriced, provider: str, model: str, window: Days) -> Sequence[Facts | Snippets]:
    if isinstance(today, PriceVersion):
        return [Facts(name="today", title=f"Today: version {today.id}", facts=_version_facts(today))]
    return _unpriced_blocks([_entry(provider, model, today, window)])


def _history(versions: Sequence[tuple[date, PriceVersion | Unpriced]], window_end: date) -> list[Chart]:
    end = max(window_end, versions[-1][0] + timedelta(days=30))
    until = [*(day for day, _ in versions[1:]), end]
    spans = [
        PriceSpan(unit.replace("_", " "), day, last, price)
        for (day, version), last in zip(versions, until, strict=True)
        if isinstance(version, PriceVersion)
        for unit in _telling(version)
        if (price := _mtok(version, unit)) is not None
    ]
    if not spans:
        return []
    return [
        Chart(
            name="history",
            title="USD a million tokens",
            said="What a million tokens cost as contracted, each price by the first unit that has it; a dashed line where one changes.",
            spec=price_history("USD a million tokens", spans, changes=[day for day, _ in versions[1:]]),
            table="versions",
        )
    ]


def _telling(version: PriceVersion) -> list[str]:
    """The first unit of each price of a million, so that what costs the same is one line."""
    first: dict[Decimal, str] = {}
    for price in version.prices:
        if price.per == _MILLION:
            first.setdefault(price.contracted, price.unit)
    return list(first.values())[:LINES_MAX]


# -- one version


def _version_facts(version: PriceVersion) -> list[Card]:
    context = ", ".join(f"{name} {value}" for name, value in version.context)
    source = version.source if version.source == version.list_source else f"{version.source} over {version.list_source}"
    return [
        Card(name="version", title="Version", value=version.id, unit="code", definition="price_version"),
        Card(name="model", title="Model", value=f"{version.provider}/{version.model}", unit="text"),
        Card(name="source", title="Source", value="free, as the book says" if version.free else source, unit="text", definition="price_source"),
        Card(name="effective_from", title="Since", value=version.effective_from, unit="day", definition="price_since"),
        Card(name="context", title="For", value=context or "standard calls", unit="text", definition="price_context"),
        Card(name="discount", title="Off list", value=_discount(version.prices), unit="percent", definition="price_discount"),
    ]  # fmt: skip


_MINIMUM = (Column(name="minimum", title="At least", unit="count", definition="price_minimum"),)
_UTILISATION = (Column(name="utilisation", title="Utilisation", unit="percent", definition="price_utilisation"),)


def _units_table(version: PriceVersion) -> Table:
    return Table(
        name="units",
        title="What each unit costs",
        columns=(
            Column(name="unit", title="Unit"),
            Column(name="per", title="For", unit="count", definition="price_per"),
            Column(name="contracted", title="Costs", unit="usd", definition="price_contracted"),
            Column(name="list", title="List price", unit="usd", definition="price_list"),
            Column(name="tiers", title="Tiers", definition="price_tiers"),
            *(_MINIMUM if any(price.minimum for price in version.prices) else ()),
            *(_UTILISATION if any(price.utilisation is not None for price in version.prices) else ()),
        ),
        rows=[_unit_row(price) for price in version.prices],
        empty="The book says that this model is free." if version.free else "It prices nothing.",
    )


def _unit_row(price: UnitPrice) -> dict[str, Value]:
    tiers = "; ".join(
        f"above {tier.above_tokens:,} input tokens ${tier.contracted.normalize():f}" for tier in price.tiers
    )
    return {
        "unit": price.unit.replace("_", " "), "per": price.per, "contracted": price.contracted, "list": price.list,
        "tiers": tiers or "none", "minimum": price.minimum, "utilisation": price.utilisation,
    }  # fmt: skip


VIEWS = (
    View(
        path="/prices",
        title="Prices",
        group="Data",
        key="p",
        params=Window,
        build=build,
        compares=False,
        said="The price book as it is used: models called, their prices, what changes, and what has none",
    ),
    View(
        path="/prices/versions/{version}",
        title="Price version",
        params=VersionWindow,
        build=build_version,
        compares=False,
        said="One price version, as cost lines are stamped with it",
    ),
    View(
        path="/prices/{provider}/{model}",
        title="Model",
        params=ModelWindow,
        build=build_model,
        compares=False,
        said="One model's prices over time, and the calls stamped with each",
    ),
)
