"""The backlog: what would raise the margin, the most dollars first, who does it, and what it brought against its promise."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args

import msgspec

from floorline.backlog.keeping import checked, slug
from floorline.backlog.model import OPEN, Effort, Kind, Level, Opportunity, State, SubjectKind
from floorline.backlog.ranking import Ranked, ranking
from floorline.charts.conditions import Kept, promised_and_realised
from floorline.clock import timezone
from floorline.errors import BadInput
from floorline.jobs import backlog_moves
from floorline.jobs.backlogging import Backlog, last_looked, shelf
from floorline.margin.words import counted
from floorline.money import ZERO, usd
from floorline.web.blocks import AnyBlock, Card, Cards, Chart, Column, Field, Form, Forms, Link, Shown, Table, Tabs
from floorline.web.desk import Desk
from floorline.web.pages.backlog_item import done, titled
from floorline.web.pages.deciding import Name, Words, about, choice, day_text, refusing
from floorline.web.params import Params, Text, address
from floorline.web.view import Action, Deed, Done, View

Which = Literal["open", "proposed", "accepted", "shadow", "canary", "shipped", "measured", "rejected", "all"]
_TABS: Sequence[tuple[Which, str]] = (
    ("open", "Open"), ("proposed", "Proposed"), ("accepted", "Accepted"), ("shadow", "In shadow"), ("canary", "Canary"),
    ("shipped", "Shipped"), ("measured", "Measured"), ("rejected", "Rejected"), ("all", "All"),
)  # fmt: skip
_DONE: frozenset[State] = frozenset({"shipped", "measured"})
_CHARTED = 12


class BacklogParams(Params, frozen=True, kw_only=True):
    """Which items."""

    state: Annotated[
        Which, msgspec.Meta(description="open (proposed, accepted, in shadow or canary), one state, or all")
    ] = "open"
    kind: Annotated[Text, msgspec.Meta(description="of this kind, as cheaper_model")] = ""
    feature: Annotated[Text, msgspec.Meta(description="about this feature, plan or customer")] = ""
    owner: Annotated[Text, msgspec.Meta(description="whose it is to do; `nobody` for those without one")] = ""


def backlog(desk: Desk, asked: BacklogParams) -> Shown:
    """The list."""
    every = list(shelf(desk.state).all().values())
    named = [one for one in every if _is_asked(one, asked)]
    found = [one for one in named if _is_in(one, asked.state)]
    ranks = {one.item.id: one for one in ranking(every).items}
    done = sorted([one for one in every if one.state in _DONE], key=lambda one: (-(one.promised or ZERO), one.id))
    return Shown(
        title="Backlog",
        lead=_lead(desk, every),
        about=about(desk, *_unseen(desk)),
        blocks=[
            Cards(name="figures", cards=_cards(desk, every)),
            Tabs(name="states", title="State", links=[_tab(asked, named, state, text) for state, text in _TABS]),
            _filters(asked, every),
            _table(found, ranks, asked, desk.today),
            *_kept(done),
            Forms(
                name="search", forms=[Form(name="look", action="/backlog/look", submit="Look for opportunities now")]
            ),
            _add_form(),
        ],
    )


def _is_in(item: Opportunity, state: Which) -> bool:
    if state == "all":
        return True
    return item.state in OPEN if state == "open" else item.state == state


def _is_asked(item: Opportunity, asked: BacklogParams) -> bool:
    owner = "" if asked.owner == "nobody" else asked.owner
    return (
        asked.kind in {"", item.kind}
        and asked.feature in {"", item.subject}
        and (not asked.owner or item.owner == owner)
    )


def _lead(desk: Desk, every: Sequence[Opportunity]) -> str:
    ranks, looked = ranking(every), last_looked(desk.state)
    at = None if looked is None else looked.at.astimezone(timezone(desk.ledger.timezone))
    when = (
        ""
        if looked is None or at is None
        else f" Looked for on {at:%-d %b %H:%M}, over {counted(looked.days, 'day')} of calls."
    )
    if not ranks.items:
        return f"Nothing is open.{when}"
    return f"{len(ranks.items)} are open. The dearest: {titled(ranks.items[0].item)}.{when}"


def _unseen(desk: Desk) -> list[str]:
    looked = last_looked(desk.state)
    if looked is None:
        return ["Nobody has looked for opportunities yet: a job does once a day."]
    return [f"Not seen: {sentence}." for sentence in looked.unseen]


def _cards(desk: Desk, every: Sequence[Opportunity]) -> list[Card]:
    ranks = ranking(every)
    taken = [one for one in every if one.state in OPEN and one.state != "proposed"]
    late = [one for one in taken if one.deadline is not None and one.deadline < desk.today]
    measured = [one for one in every if one.realised is not None and one.state in _DONE]
    brought = sum((one.realised.dollars_a_quarter for one in measured if one.realised is not None), ZERO)
    promised = sum((one.promised or ZERO for one in measured), ZERO)
    return [
        Card(name="together", title="Open, a quarter", value=ranks.dollars_a_quarter, unit="usd", definition="backlog_together",
             note=f"and {_usd(ranks.stated)} stated by hand" if ranks.stated else "each dollar once"),
        Card(name="accepted", title="Accepted, promised a quarter", value=sum((one.promised or ZERO for one in taken), ZERO), unit="usd", definition="promised", note=counted(len(taken), "item")),
        Card(name="late", title="Past their deadline", value=len(late), unit="count"),
        Card(name="realised", title="Realised a quarter", value=brought if measured else None, unit="usd", definition="realised",
             note=f"of {_usd(promised)} promised by {len(measured)}" if measured else "nothing is measured yet"),
    ]  # fmt: skip


def _tab(asked: BacklogParams, named: Sequence[Opportunity], state: Which, text: str) -> Link:
    count = sum(_is_in(one, state) for one in named)
    to = address("/backlog", msgspec.structs.replace(asked, state=state, page="", sort=""))
    return Link(text=f"{text} {count}", to=to, current=asked.state == state)


def _filters(asked: BacklogParams, every: Sequence[Opportunity]) -> Form:
    return Form(
        name="filter", method="get", action="/backlog", submit="Filter", rule="viewer",
        fields=[
            Field(name="state", label="", kind="hidden", value=asked.state),
            choice("kind", "Kind", asked.kind, sorted({one.kind for one in every}), {kind: kind.replace("_", " ") for kind in get_args(Kind)}),
            choice("feature", "Feature, plan or customer", asked.feature, sorted({one.subject for one in every if one.subject})),
            choice("owner", "Owner", asked.owner, ["nobody", *sorted({one.owner for one in every if one.owner})]),
        ],
    )  # fmt: skip


def _table(found: Sequence[Opportunity], ranks: dict[str, Ranked], asked: BacklogParams, today: date) -> Table:
    ordered = sorted(found, key=lambda one: (-one.dollars_a_quarter, one.id))
    return Table(
        name="items",
        title="Opportunities",
        columns=[
            Column(name="title", title="Opportunity", link="/backlog/{id}"),
            Column(name="dollars_a_quarter", title="A quarter", unit="usd", definition="dollars_a_quarter"),
            Column(name="adds", title="Adds", unit="usd", definition="adds"),
            Column(name="margin_points", title="Margin", unit="points", definition="margin_points"),
            Column(name="confidence", title="Confidence", definition="confidence"),
            Column(name="takes", title="Effort, risk"),
            Column(name="effort", title="Effort", hidden=True),
            Column(name="risk", title="Risk", hidden=True),
            Column(name="state", title="State", definition="stage"),
            Column(name="owner", title="Owner"),
            Column(name="by", title="By"),
            Column(name="deadline", title="Deadline", unit="day", hidden=True),
            Column(name="overdue", title="Overdue", unit="flag", hidden=True),
            Column(name="kind", title="Kind", hidden=True),
            Column(name="subject", title="About", hidden=True),
            Column(name="promised", title="Promised", unit="usd", definition="promised", hidden=asked.state != "all"),
            Column(name="realised", title="Realised", unit="usd", definition="realised", hidden=asked.state not in {"all", *_DONE}),
            Column(name="id", title="Id", unit="code", hidden=True),
        ],
        rows=[_row(one, ranks.get(one.id), today) for one in ordered],
        empty="No opportunity is like that. They are looked for once a day over four weeks of calls; fewer than seven days are no ground for an estimate.",
        note="“Adds” counts each dollar once: what an item brings beside those above it. Unknown: its dollars are somebody's word.",
        sort="-dollars_a_quarter",
    )  # fmt: skip


def _row(item: Opportunity, rank: Ranked | None, today: date) -> dict[str, object]:
    points = None if item.margin_points is None else item.margin_points.scaleb(-2)
    late = item.state in OPEN and item.deadline is not None and item.deadline < today
    return {
        "title": titled(item),
        "dollars_a_quarter": item.dollars_a_quarter,
        "adds": None if rank is None else rank.adds,
        "margin_points": points,
        "confidence": item.confidence,
        "takes": f"{item.effort}, {item.risk}",
        "effort": item.effort,
        "risk": item.risk,
        "state": f"{item.state}, late" if late else item.state,
        "owner": item.owner or "nobody",
        "by": day_text(item.deadline),
        "deadline": item.deadline,
        "overdue": late,
        "kind": item.kind,
        "subject": item.subject or None,
        "promised": item.promised,
        "realised": None if item.realised is None else item.realised.dollars_a_quarter,
        "id": item.id,
    }


def _kept(done: Sequence[Opportunity]) -> list[AnyBlock]:
    """What was shipped, against its promise."""
    table = Table(
        name="shipped",
        title="Shipped: realised against promised",
        columns=[
            Column(name="title", title="Opportunity", link="/backlog/{id}"),
            Column(name="shipped_on", title="Shipped on", unit="day"),
            Column(name="promised", title="Promised", unit="usd", definition="promised"),
            Column(name="realised", title="Realised", unit="usd", definition="realised"),
            Column(name="share", title="Of the promise", unit="percent"),
            Column(name="state", title="State", definition="stage"),
            Column(name="caveats", title="But"),
            Column(name="id", title="Id", unit="code", hidden=True),
        ],
        rows=[_shipped_row(one) for one in done],
        empty="Nothing is shipped yet. What is, is measured by a week of whole days on, against the four weeks before.",
    )
    if not done:
        return [table]
    names = [
        Kept(titled(one), one.promised or ZERO, one.realised.dollars_a_quarter if one.realised else None)
        for one in done
    ]
    kept = sum(one.realised is not None and one.realised >= one.promised for one in names)
    measured = sum(one.realised is not None for one in names)
    chart = Chart(
        name="kept",
        title="Realised against promised, USD a quarter",
        said=f"{len(names)} are shipped, {measured} measured; {kept} brought what they promised or more. The tick is the promise.",
        spec=promised_and_realised("", names[:_CHARTED]),
        table="shipped",
    )
    return [chart, table]


def _shipped_row(item: Opportunity) -> dict[str, object]:
    realised = None if item.realised is None else item.realised.dollars_a_quarter
    share = realised / item.promised if realised is not None and item.promised else None
    return {
        "title": titled(item),
        "shipped_on": item.shipped_on,
        "promised": item.promised,
        "realised": realised,
        "share": None if share is None else round(share, 4),
        "state": item.state,
        "caveats": "; ".join(item.realised.caveats) if item.realised else "",
        "id": item.id,
    }


def _add_form() -> Forms:
    levels = [(level, level) for level in get_args(Level)]
    form = Form(
        name="add", title="Add one by hand", action="/backlog/add", submit="Add",
        fields=[
            Field(name="title", label="What", required=True),
            Field(name="dollars_a_quarter", label="USD a quarter", kind="number", required=True, help="your word: it is summed apart from what was found"),
            Field(name="subject_kind", label="About a", kind="choice", value="feature", options=[(kind, kind) for kind in get_args(SubjectKind)]),
            Field(name="subject", label="Which one", help="empty: the company"),
            Field(name="why", label="How the estimate was made", kind="long"),
            Field(name="confidence", label="Confidence", kind="choice", value="medium", options=levels),
            Field(name="owner", label="Owner"),
            Field(name="deadline", label="By", kind="date"),
        ],
    )  # fmt: skip
    return Forms(name="more", forms=[form])


# -- what is done


class Addition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An opportunity by hand; `dollars_a_quarter` is your word."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    dollars_a_quarter: Annotated[str, msgspec.Meta(max_length=32, description="USD as decimal text")]
    subject_kind: SubjectKind = "feature"
    subject: Name = ""
    why: Words = ""
    confidence: Level = "medium"
    effort: Effort = "medium"
    risk: Level = "medium"
    owner: Name = ""
    deadline: date | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to say."""


def add(desk: Desk, deed: Deed, body: Addition) -> Done:
    """Put an opportunity on the backlog that nobody's search found."""
    now = desk.now()
    with refusing():
        made = Opportunity(
            id=slug(body.title), kind="by_hand", subject_kind=body.subject_kind if body.subject else "company",
            subject=body.subject, title=body.title, formula=body.why or "stated by hand",
            dollars_a_quarter=checked(_amount(body.dollars_a_quarter)), confidence=body.confidence, effort=body.effort,
            risk=body.risk, owner=body.owner, deadline=body.deadline, found_at=now, seen_at=now,
        )  # fmt: skip
        after = backlog_moves.add(desk.state, made, by=deed.who.name, now=now)
    return done(after, f"{after.title} is on the backlog.")


def look(desk: Desk, deed: Deed, body: Look) -> Done:
    """Look for opportunities now, whenever the daily job last did."""
    del deed, body
    looked = Backlog(desk.ledger, desk.policies, desk.book()).refresh(desk.now())
    return Done(to="/backlog", said=looked.sentence[:1].upper() + looked.sentence[1:] + ".", subject="backlog")


def _amount(text: str) -> Decimal:
    try:
        return usd(text)
    except ValueError as error:
        raise BadInput(f"dollars_a_quarter: {error}") from error


def _usd(amount: Decimal) -> str:
    return f"${amount:,.0f}"


VIEWS = (
    View(
        path="/backlog", title="Backlog", params=BacklogParams, build=backlog, group="Decide", key="b", windowed=False,
        fresh_s=0, said="What would raise the margin, ranked by dollars a quarter, and what came of it.",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path="/backlog/add", name="backlog.add", body=Addition, run=add, said="Add an opportunity by hand."),
    Action(path="/backlog/look", name="backlog.look", body=Look, run=look, said="Look for opportunities now."),
)  # fmt: skip
