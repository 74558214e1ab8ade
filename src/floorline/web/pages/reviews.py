"""Reviews: the list of the kept ones, what came of the last decisions, and making one now."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from floorline.errors import BadInput
from floorline.jobs.quarterly_reviewing import QuarterlyReviewer
from floorline.jobs.reviewing import Reviewer
from floorline.margin.words import counted
from floorline.reviews.follow_up import FollowUp, follow_up
from floorline.reviews.model import WeeklyReview
from floorline.reviews.quarter_model import QuarterlyReview
from floorline.reviews.weeks import Quarter, Week, parse_quarter, parse_week
from floorline.web.blocks import AnyBlock, Card, Cards, Column, Form, Forms, Link, Note, Shown, Table, Tabs
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.deciding import about, day_text, refusing, said
from floorline.web.params import Params, address
from floorline.web.view import Action, Deed, Done, View

Which = Literal["all", "weekly", "quarterly"]
_TABS: Sequence[tuple[Which, str]] = (("all", "All"), ("weekly", "Weekly"), ("quarterly", "Quarterly"))


class ReviewsParams(Params, frozen=True, kw_only=True):
    """Which reviews."""

    kind: Annotated[Which, msgspec.Meta(description="weekly, quarterly, or all")] = "all"


def weekly_of(desk: Desk) -> Reviewer:
    """Makes and keeps weekly reviews."""
    return Reviewer(margins=desk.margins, policy=desk.reviews, book=desk.book())


def quarterly_of(desk: Desk) -> QuarterlyReviewer:
    """Makes and keeps quarterly reviews."""
    return QuarterlyReviewer(margins=desk.margins, policy=desk.reviews, book=desk.book())


def period_of(text: str) -> Week | Quarter:
    """The week or quarter that an address names. Refused for what is neither."""
    try:
        return parse_quarter(text) if "Q" in text else parse_week(text)
    except ValueError as error:
        raise Refused(404, "not_found", f"{error}; a quarter is written as 2026-Q4") from error


def reviews(desk: Desk, asked: ReviewsParams) -> Shown:
    """The list."""
    weeks = sorted(weekly_of(desk).shelf.all().values(), key=lambda one: one.id, reverse=True)
    quarters = sorted(quarterly_of(desk).shelf.all().values(), key=lambda one: one.id, reverse=True)
    blocks: list[AnyBlock] = [
        *_missing(desk, {one.id for one in weeks}, {one.id for one in quarters}),
        Cards(name="figures", cards=_cards(weeks)),
        Tabs(name="kinds", title="Kind", links=[_tab(asked, kind, text) for kind, text in _TABS]),
    ]  # fmt: skip
    if asked.kind != "quarterly":
        blocks.append(_weeks(weeks))
        if len(weeks) > 1:
            blocks.append(followed(follow_up(weeks[1], weeks[0], desk.today), weeks[1].id))
    if asked.kind != "weekly":
        blocks.append(_quarters(quarters))
    return Shown(title="Reviews", lead=_lead(weeks), about=about(desk), blocks=blocks)


def _lead(weeks: Sequence[WeeklyReview]) -> str:
    if not weeks:
        return "No review is kept yet: one of the last week is made before each meeting, or now."
    latest = weeks[0]
    undecided = sum(one.decision is None for one in latest.actions)
    return f"{latest.id} has {counted(len(latest.actions), 'action')}, {undecided} undecided."


def _missing(desk: Desk, weeks: set[str], quarters: set[str]) -> list[AnyBlock]:
    """The last week and the last quarter that are over, where nobody made their review yet."""
    now = desk.now()
    last = [
        (str(weekly_of(desk).last_week(now)), weeks, "week"),
        (str(quarterly_of(desk).last_quarter(now)), quarters, "quarter"),
    ]
    blocks: list[AnyBlock] = []
    for id_, kept, what in last:
        if id_ not in kept:
            text = (
                f"The last {what} that is over, {id_}, has no review yet. What is made is kept as the meeting saw it."
            )
            form = Form(name=f"make-{what}", action=f"/reviews/{id_}/make", submit=f"Make {id_} now")
            blocks += [Note(name=f"missing-{what}", kind="info", text=text), Forms(name=f"now-{what}", forms=[form])]
    return blocks


def _cards(weeks: Sequence[WeeklyReview]) -> list[Card]:
    if not weeks:
        return [Card(name="reviews", title="Weekly reviews", value=0, unit="count")]
    latest = weeks[0]
    total = latest.total
    red = sum(line.zone == "red" for line in latest.features)
    to = f"/reviews/{latest.id}"
    return [
        Card(name="margin_ratio", title=f"Margin of {latest.id}", value=total.ratio, unit="percent", definition="margin_ratio",
             compared=True, before=total.ratio_before, better="up", to=to),
        Card(name="margin", title="Margin", value=total.margin, unit="usd", definition="margin"),
        Card(name="red", title="Features below floor", value=red, unit="count", definition="zone", note=f"of {len(latest.features)}"),
        Card(name="open", title="Open actions", value=sum(one.is_open for one in latest.actions), unit="count", definition="open_action", to=f"{to}#actions"),
        Card(name="undecided", title="Undecided", value=sum(one.decision is None for one in latest.actions), unit="count", definition="open_action"),
    ]  # fmt: skip


def _tab(asked: ReviewsParams, kind: Which, text: str) -> Link:
    return Link(text=text, to=address("/reviews", ReviewsParams(kind=kind)), current=asked.kind == kind)


def _weeks(weeks: Sequence[WeeklyReview]) -> Table:
    return Table(
        name="weekly",
        title="Weekly reviews",
        columns=[
            Column(name="id", title="Week", link="/reviews/{id}"),
            Column(name="margin_ratio", title="Margin", unit="percent", definition="margin_ratio"),
            Column(name="before", title="Week before", unit="percent", definition="margin_ratio"),
            Column(name="margin", title="Margin in USD", unit="usd", definition="margin"),
            Column(name="red", title="Below floor", unit="count", definition="zone"),
            Column(name="actions", title="Actions", unit="count", definition="open_action"),
            Column(name="open", title="Open", unit="count", definition="open_action"),
            Column(name="undecided", title="Undecided", unit="count", definition="open_action"),
            Column(name="made_at", title="Made", unit="instant"),
        ],
        rows=[
            {
                "id": one.id, "margin_ratio": one.total.ratio, "before": one.total.ratio_before, "margin": one.total.margin,
                "red": sum(line.zone == "red" for line in one.features), "actions": len(one.actions),
                "open": sum(action.is_open for action in one.actions),
                "undecided": sum(action.decision is None for action in one.actions), "made_at": one.made_at,
            }
            for one in weeks
        ],
        empty="No weekly review is kept yet.",
        note="The figures are those that the meeting saw; a review is made anew on its own page.",
    )  # fmt: skip


def _quarters(quarters: Sequence[QuarterlyReview]) -> Table:
    return Table(
        name="quarterly",
        title="Quarterly reviews",
        columns=[
            Column(name="id", title="Quarter", link="/reviews/{id}"),
            Column(name="margin_ratio", title="Margin", unit="percent", definition="margin_ratio"),
            Column(name="margin", title="Margin in USD", unit="usd", definition="margin"),
            Column(name="structural", title="Structurally below floor", unit="count", definition="structural"),
            Column(name="rises", title="Plans to reprice", unit="count"),
            Column(name="shipped", title="Shipped", unit="count"),
            Column(name="made_at", title="Made", unit="instant"),
        ],
        rows=[
            {
                "id": one.id, "margin_ratio": one.total.ratio, "margin": one.total.margin,
                "structural": sum(line.structural for line in one.floors),
                "rises": sum(line.rise is not None for line in one.plans), "shipped": len(one.shipped), "made_at": one.made_at,
            }
            for one in quarters
        ],
        empty="No quarterly review is kept yet.",
    )  # fmt: skip


def followed(found: Sequence[FollowUp], week: str) -> Table:
    """What came of the decisions of an earlier week."""
    return Table(
        name="followed",
        title=f"What came of the decisions of {week}",
        columns=[
            Column(name="what", title="Action", link="/reviews/{week}/actions/{id}"),
            Column(name="decision", title="Decided"),
            Column(name="owner", title="Owner"),
            Column(name="by", title="By"),
            Column(name="outcome", title="What came of it", definition="outcome_of_decision"),
            Column(name="usd_before", title="Then, a month", unit="usd", definition="usd_a_month"),
            Column(name="usd_now", title="Now, a month", unit="usd", definition="usd_a_month"),
            Column(name="overdue", title="Overdue", unit="flag"),
            Column(name="id", title="Id", unit="code", hidden=True),
            Column(name="week", title="Week", hidden=True),
        ],
        rows=[
            {
                "what": said(one.what),
                "decision": one.decision.verdict if one.decision else "undecided",
                "owner": (one.decision.owner if one.decision else "") or "nobody",
                "by": day_text(one.decision.by if one.decision else None),
                "outcome": OUTCOMES[one.outcome],
                "usd_before": one.usd_before,
                "usd_now": one.usd_now,
                "overdue": one.overdue,
                "id": one.id,
                "week": week,
            }
            for one in found
        ],
        empty=f"Nothing was proposed in {week}.",
    )


OUTCOMES = {
    "done": "done",
    "gone": "the figures no longer propose it",
    "smaller": "less is at stake",
    "larger": "more is at stake",
    "the same": "as much is at stake",
    "open": "still proposed",
}
"""Outcomes in words."""


class Making(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make it anew from today's figures where it is kept already; decisions stay."""

    refresh: bool = False


def make(desk: Desk, deed: Deed, body: Making) -> Done:
    """Make a review now."""
    period = period_of(deed.names["id"])
    try:
        with refusing():
            of = quarterly_of(desk) if isinstance(period, Quarter) else weekly_of(desk)
            made = of.review(period, desk.now(), refresh=body.refresh)  # pyright: ignore[reportArgumentType] - of the same kind
    except BadInput as error:
        raise Refused(400, "invalid", str(error)) from error
    kept = "" if of.shelf.get(made.id) is not None else " It is not kept: the time is not over, or has no figures."
    return Done(
        to=f"/reviews/{made.id}",
        said=f"The review of {made.id} is made.{kept}",
        subject=made.id,
        detail="anew" if body.refresh else "",
        document={"id": made.id, "whole": made.whole},
    )


VIEWS = (
    View(
        path="/reviews", title="Reviews", params=ReviewsParams, build=reviews, group="Decide", key="r", windowed=False,
        fresh_s=0, said="Weekly and quarterly reviews, and what came of the last decisions.",
    ),
)  # fmt: skip
ACTIONS = (Action(path="/reviews/{id}/make", name="review.make", body=Making, run=make, said="Make a review now."),)
