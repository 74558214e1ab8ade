"""Data quality: what of the figures is unknown, nobody's, estimated or late, what that means for a margin, and how to mend it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from floorline.jobs.closing import Closings
from floorline.jobs.margins import MarginRequest
from floorline.jobs.quality import Doubts, UnpricedRow, UnsureKey, doubts
from floorline.jobs.reconciling import Checked, of_health, of_months, of_quarantine
from floorline.ledger.state import Quarantined
from floorline.margin.identities import Identities, Unmatched
from floorline.margin.metrics import ratio_of
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE, MarginReport
from floorline.web.abouts import about
from floorline.web.blocks import AnyBlock, Card, Cards, Column, Link, Note, Shown, Snippet, Snippets, Table, Tabs, Value
from floorline.web.desk import Desk
from floorline.web.params import Window, address
from floorline.web.view import View

NAMES = "/quality/names"
MONTHS = 3
"""How many of the latest closed months are compared with what they are now."""

ENTRIES_MAX = 5
QUARANTINED_MAX = 200
_LEVELS = {"wrong": "✕ wrong", "warning": "! to look at", "ok": "✓ well"}
_RANK = ("wrong", "warning", "ok")

CHECKS = (
    Column(name="state", title="State", definition="check_state"),
    Column(name="area", title="What"),
    Column(name="said", title="How it stands"),
    Column(name="means", title="What that means for margins"),
    Column(name="mend", title="What to do"),
)
IDENTITIES = (
    Column(name="name", title="Name"),
    Column(name="kind", title="Kind"),
    Column(name="side", title="Known to", definition="identity_side"),
    Column(name="usd", title="Dollars", unit="usd", definition="identity_dollars"),
    Column(name="partner", title="Probably", definition="identity_partner"),
    Column(name="percent", title="Sure", unit="percent", definition="identity_partner"),
    Column(name="because", title="Because"),
)
QUARANTINE = (
    Column(name="at", title="Since", unit="instant"),
    Column(name="source", title="Source"),
    Column(name="record", title="Record", unit="code"),
    Column(name="origin", title="From"),
    Column(name="reason", title="Why it is not in the ledger"),
)


def build(desk: Desk, params: Window) -> Shown:
    """The page."""
    days = params.window(desk.today)
    report = desk.margins.table(
        MarginRequest(
            by=("feature",), start=days.start, end=days.end, scope=params.scope, with_p95=False, with_users=False
        )
    )
    found = doubts(desk.ledger, days.start, days.end, params.scope)
    quarantined = desk.state.quarantined()
    checks = [*_checks(desk), of_quarantine(len(quarantined))]
    return Shown(
        title="Data quality",
        lead=_lead(checks, found),
        about=about(params, desk.today, desk.now(), desk.ledger.timezone, report=report),
        blocks=[
            _tabs(params, "/quality"),
            Cards(name="figures", cards=_cards(report, params)),
            *_check_tables(checks),
            *_unpriced(found, params),
            _features(found, params),
            *_keys(desk, found, params),
            _quarantine(quarantined),
        ],
    )


def build_names(desk: Desk, params: Window) -> Shown:
    """The page of names."""
    days = params.window(desk.today)
    found = desk.margins.identities(days.start, days.end, params.scope)
    count = len(found.unmatched)
    return Shown(
        title="Names that do not match",
        lead=f"{_counted(count, 'name is', 'names are')} known to one side alone."
        if count
        else "Both sides know every name.",
        about=about(params, desk.today, desk.now(), desk.ledger.timezone),
        blocks=[_tabs(params, NAMES), _identities(found), *_unnamed(found)],
    )


def _tabs(params: Window, current: str) -> Tabs:
    pages = (("/quality", "Calls and checks"), (NAMES, "Names that do not match"))
    links = [
        Link(text=text, to=address(path, params, sort=None, page=None), current=path == current) for path, text in pages
    ]
    return Tabs(name="parts", links=links)


def _checks(desk: Desk) -> Iterator[Checked]:
    health = None if desk.health is None else desk.health()
    if health is not None:
        yield from of_health(health)
    yield from of_months(Closings(desk.ledger, desk.policies, health.revenue if health else None), MONTHS)


def _lead(checks: Sequence[Checked], found: Doubts) -> str:
    levels = [one.finding.level for one in checks]
    parts = [
        _counted(levels.count("wrong"), "thing is wrong", "things are wrong"),
        _counted(levels.count("warning"), "thing to look at", "things to look at"),
        _counted(len(found.unpriced), "model has no price", "models have no price"),
    ]
    said = [part for part in parts if part]
    return f"{', '.join(said)}." if said else "Nothing is known that stands against the figures of these days."


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""


def _cards(report: MarginReport, params: Window) -> list[Card]:
    total, sums = report.total, report.total.sums
    revenue = sum(row.revenue_pico for row in report.rows if UNMATCHED_REVENUE in row.key)
    cost = sum(row.cogs_pico for row in report.rows if UNMATCHED_COST in row.key)
    names = address(NAMES, params, sort=None, page=None)
    return [
        Card(
            name="unpriced", title="Unpriced calls", value=sums.unpriced, unit="count", definition="unpriced",
            note="cost unknown, counted as nothing" if sums.unpriced else f"of {sums.calls:,}",
            to=f"{_scoped('/calls', params)}&basis=unpriced" if sums.unpriced else "",
        ),
        Card(name="unattributed", title="Cost of nobody", value=ratio_of(sums.unattributed, sums.effective), unit="percent", definition="unattributed"),
        Card(name="estimated", title="Estimated cost", value=ratio_of(sums.estimated, sums.effective), unit="percent", definition="estimated_cost"),
        Card(name="unmatched_revenue", title="Revenue of no feature", value=ratio_of(revenue, total.revenue_pico), unit="percent", definition="unmatched_revenue", to=names),
        Card(name="unmatched_cost", title="Cost of no feature", value=ratio_of(cost, total.cogs_pico), unit="percent", definition="unmatched_cost", to=names),
    ]  # fmt: skip


def _check_tables(checks: Sequence[Checked]) -> Sequence[AnyBlock]:
    """What is checked, wrong ones first; jobs that are well are folded away."""
    ranked = sorted(checks, key=lambda one: _RANK.index(one.finding.level))
    jobs = [one for one in ranked if one.finding.level == "ok" and one.finding.area.startswith("job ")]
    main = Table(
        name="checks", title="Has everything come in, and does it agree?", columns=CHECKS,
        rows=[_check(one) for one in ranked if one not in jobs],
        empty="Nothing is checked: no control process runs here.", note="As of now, not of the days shown.",
    )  # fmt: skip
    if not jobs:
        return [main]
    rows = [_check(one) for one in jobs]
    return [main, Table(name="jobs", title=f"{len(jobs)} jobs that are well", columns=CHECKS[:3], rows=rows, empty="", closed=True)]  # fmt: skip


def _check(one: Checked) -> Mapping[str, Value]:
    well = one.finding.level == "ok"
    return {
        "state": _LEVELS[one.finding.level], "area": one.finding.area, "said": one.finding.said, "means": "–" if well else one.means,
        "mend": one.finding.mend or "–",
    }  # fmt: skip


def _scoped(path: str, params: Window) -> str:
    """An address of calls of the same days and scope, to be gone on with `&`."""
    days = {"from_": params.from_, "to": params.to, "days": params.days or (None if params.from_ else 30)}
    return address(path, None, **days, environment=params.environment, purpose=params.purpose)


def _unpriced(found: Doubts, params: Window) -> Sequence[AnyBlock]:
    columns = (
        Column(name="model", title="Model", link=f"{_scoped('/calls', params)}&basis=unpriced&model={{model}}"),
        Column(name="provider", title="Provider"),
        Column(name="unpriced", title="Unpriced", unit="count", definition="unpriced"),
        Column(name="calls", title="Of its calls", unit="count", definition="calls"),
        Column(name="cost", title="Their cost", unit="usd"),
        Column(name="first", title="First", unit="day"),
        Column(name="last", title="Last", unit="day"),
        Column(name="reason", title="Why, and what to do"),
    )
    rows = [
        {
            "model": one.model or None, "provider": one.provider or None, "unpriced": one.unpriced, "calls": one.calls, "cost": None,
            "first": one.first, "last": one.last, "reason": _reason(one, found),
        }
        for one in found.unpriced
    ]  # fmt: skip
    table = Table(
        name="unpriced",
        title="Calls without a price",
        columns=columns,
        rows=rows,
        empty="Every call of these days has a price.",
        note="Costs lack them, so margins are too high by what they cost. Reasons are those of the last days shown."
        if rows
        else "",
    )
    return [table, *_entries(found)]


def _reason(row: UnpricedRow, found: Doubts) -> str:
    if found.reasons is None:
        return "the reasons could not be read in time: show fewer days"
    known = found.reasons.get((row.provider, row.model))
    return known or "no call of the last days shown: state the price below, then re-rate"


def _entries(found: Doubts) -> Sequence[AnyBlock]:
    """What to write into floorline.yaml, and what to run then."""
    stated = [one for one in found.unpriced if one.entry][:ENTRIES_MAX]
    if not stated:
        return []
    snippets = [
        Snippet(title=f"{one.provider or 'unnamed'}/{one.model}", text=one.entry, said="Put its prices in place of 0.00 into floorline.yaml:")
        for one in stated
    ]  # fmt: skip
    first, last = min(one.first for one in stated), max(one.last for one in stated)
    command = f"floorline re-rate --from {first} --to {last + timedelta(days=1)}"
    said = "Shows what would change, and writes nothing; the same with --apply and --reason writes it."
    snippets.append(Snippet(title="Then", text=command, said=said))
    return [Snippets(name="entries", title="Give them a price", snippets=snippets)]


def _features(found: Doubts, params: Window) -> Table:
    columns = (
        Column(
            name="feature", title="Feature", link=f"{_scoped('/calls', params)}&unattributed=true&feature={{named}}"
        ),
        Column(name="calls", title="Calls", unit="count", definition="calls"),
        Column(name="nobodys", title="Of nobody", unit="count", definition="nobodys_calls"),
        Column(name="unattributed", title="Cost of nobody", unit="usd", definition="nobodys_cost"),
        Column(name="unattributed_share", title="Share", unit="percent", definition="unattributed"),
        Column(name="estimated", title="Estimated cost", unit="usd", definition="estimated_cost"),
        Column(name="estimated_share", title="Share", unit="percent", definition="estimated_cost"),
        Column(name="named", title="Named", hidden=True),
    )
    rows: list[Mapping[str, Value]] = [
        {
            "feature": one.feature or "(none)", "named": one.feature or None, "calls": one.calls, "nobodys": one.nobodys,
            "unattributed": one.unattributed, "unattributed_share": ratio_of(one.unattributed_pico, one.cost_pico),
            "estimated": one.estimated, "estimated_share": ratio_of(one.estimated_pico, one.cost_pico),
        }
        for one in found.features
    ]  # fmt: skip
    return Table(
        name="features",
        title="Cost without an owner, and cost that is an estimate",
        columns=columns,
        rows=rows,
        empty="Every call names its customer and its feature, and no cost is an estimate.",
        note="Nobody's cost is in the total and in no customer's margin. Bind keys to customers and features, or send both with each call (docs/attribution.md)." if rows else "",
    )  # fmt: skip


def _keys(desk: Desk, found: Doubts, params: Window) -> Sequence[AnyBlock]:
    if found.keys is None:
        return [Note(name="keys", kind="info", text="By key it could not be read in time: show fewer days.")]
    columns = (
        Column(name="key", title="Key", link=f"{_scoped('/calls', params)}&key={{key_id}}"),
        Column(name="feature", title="Feature"),
        Column(name="no_customer", title="No customer", unit="count", definition="nobodys_calls"),
        Column(name="no_feature", title="No feature", unit="count", definition="nobodys_calls"),
        Column(name="unattributed", title="Cost of nobody", unit="usd", definition="nobodys_cost"),
        Column(name="lost", title="Lost", unit="count", definition="lost_calls"),
        Column(name="lost_cost", title="Their estimated cost", unit="usd", definition="lost_calls"),
        Column(name="mend", title="What to do"),
        Column(name="key_id", title="Key's id", unit="code", hidden=True),
    )
    names = {key.id: key.name for key in desk.state.virtual_keys()}
    rows = [_key(one, names) for one in found.keys]
    note = f"Calls from {found.close_from:%-d %b %Y} on, at the cost at which they were served."
    return [Table(name="keys", title="Where they come from, by key", columns=columns, rows=rows, empty="No call of the last days shown was lost or is nobody's.", note=note if rows else "")]  # fmt: skip


def _key(row: UnsureKey, names: Mapping[str, str]) -> Mapping[str, Value]:
    parts = [
        "bind it to a customer" if row.no_customer else "",
        "bind it to a feature" if row.no_feature else "",
        "see why gateways ended" if row.lost else "",
    ]
    return {
        "key": names.get(row.key_id, row.key_id) or "(none)", "key_id": row.key_id or None, "feature": row.feature or "(none)",
        "no_customer": row.no_customer, "no_feature": row.no_feature, "unattributed": row.unattributed, "lost": row.lost,
        "lost_cost": row.lost_cost, "mend": "; ".join(part for part in parts if part),
    }  # fmt: skip


def _identities(unmatched: Identities) -> Table:
    return Table(
        name="identities",
        title="Names that only usage or only billing knows",
        columns=IDENTITIES,
        rows=[_unmatched(one) for one in unmatched.unmatched],
        empty="Every name of usage is known to billing, and the other way round.",
        note="Until they are joined, one customer is two: one that only costs and one that only pays. Join them in `aliases:` of floorline.yaml, or with `floorline import aliases`." if unmatched.unmatched else "",
    )  # fmt: skip


def _unmatched(one: Unmatched) -> Mapping[str, Value]:
    partner = one.partners[0] if one.partners else None
    return {
        "name": one.name, "kind": one.kind, "side": one.side, "usd": one.usd, "partner": partner.name if partner else "nobody alike",
        "percent": ratio_of(partner.percent, 100) if partner else None, "because": partner.because if partner else "–",
    }  # fmt: skip


def _unnamed(unmatched: Identities) -> Sequence[AnyBlock]:
    rows: list[Mapping[str, Value]] = [
        {"kind": kind, "usd": usd} for kind, usd in sorted(unmatched.unnamed.items()) if usd
    ]
    columns = (Column(name="kind", title="Calls that name no"), Column(name="usd", title="Cost", unit="usd", definition="nobodys_cost"))  # fmt: skip
    return [Table(name="unnamed", title="Cost of calls that name none", columns=columns, rows=rows, empty="")] if rows else []  # fmt: skip


def _quarantine(rows: Sequence[Quarantined]) -> Table:
    return Table(
        name="quarantine",
        title="Records that are not in the ledger",
        columns=QUARANTINE,
        rows=[
            {"at": one.at, "source": one.source or "–", "record": one.record_id, "origin": one.origin, "reason": one.reason}
            for one in reversed(rows[-QUARANTINED_MAX:])
        ],
        empty="No record was refused.",
        note=f"The latest {QUARANTINED_MAX} of {len(rows):,}." if len(rows) > QUARANTINED_MAX else "",
    )  # fmt: skip


VIEWS = (
    View(
        path="/quality",
        title="Data quality",
        group="Data",
        key="q",
        params=Window,
        build=build,
        compares=False,
        said="What of the figures is unknown, nobody's, estimated or late, and how to mend it",
        fresh_s=30,
    ),
    View(
        path=NAMES,
        title="Names that do not match",
        params=Window,
        build=build_names,
        compares=False,
        said="Names of customers, plans and features that only usage or only billing knows, and whom they probably are",
        fresh_s=30,
    ),
)
