"""One review as a page: the same sections that are mailed, in the look of every page; and the decisions taken on its actions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec
from msgspec.structs import replace

from floorline.charts.base import Chart as Spec
from floorline.jobs.decisions import done_to
from floorline.jobs.reviewing import AREA, mark_of
from floorline.margin.words import counted
from floorline.reviews import quarterly_page, weekly_page
from floorline.reviews.follow_up import follow_up
from floorline.reviews.model import VERDICTS, Decision, Verdict, WeeklyReview
from floorline.reviews.model import Action as Proposed
from floorline.reviews.page import Section
from floorline.reviews.pictures import quarterly_pictures, weekly_pictures
from floorline.reviews.weeks import Quarter, Week, parse_week
from floorline.web.blocks import (
    About,
    AnyBlock,
    Card,
    Cards,
    Chart,
    Column,
    Facts,
    Field,
    Form,
    Forms,
    Link,
    Note,
    Shown,
    Table,
    Text,
)
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.deciding import Mark, Name, Words, about, day_text, history, note_field, refusing, said, seen
from floorline.web.pages.review_tables import Kind, plain, tables
from floorline.web.pages.reviews import followed, period_of, quarterly_of, weekly_of
from floorline.web.params import Params, segment
from floorline.web.params import Text as Words512
from floorline.web.view import Action, Deed, Done, View

_ACTIONS = "Actions"


class ReviewParams(Params, frozen=True, kw_only=True):
    """Which review."""

    id: Annotated[Words512, msgspec.Meta(description="the week or quarter, as 2026-W46 or 2026-Q4")]


class ActionParams(Params, frozen=True, kw_only=True):
    """Which action of which review."""

    id: Annotated[Words512, msgspec.Meta(description="the week, as 2026-W46")]
    action: Annotated[Words512, msgspec.Meta(description="the action's id, as floor/chat, its slash quoted")]


def review(desk: Desk, asked: ReviewParams) -> Shown:
    """The review."""
    found = _kept(desk, asked.id)
    weekly = isinstance(found, WeeklyReview)
    page = weekly_page.page(found) if isinstance(found, WeeklyReview) else quarterly_page.page(found)
    pictures = weekly_pictures(found) if isinstance(found, WeeklyReview) else quarterly_pictures(found)
    blocks: list[AnyBlock] = [
        *_head(found),
        Cards(name="figures", cards=_cards(found)),
    ]
    if isinstance(found, WeeklyReview):
        blocks += [_actions(found), *_followed(desk, found)]
    own = tables(found)
    for number, section in enumerate(page.sections):
        if section.title != _ACTIONS or not weekly:
            blocks += _section(section, number, own, pictures)
    return Shown(title=page.title, lead=_lead(found), about=_about(desk, found), blocks=blocks)  # fmt: skip


def _cards(found: Kind) -> list[Card]:
    total = found.total
    before = found.total.ratio_before if isinstance(found, WeeklyReview) else None
    cards = [
        Card(
            name="margin_ratio",
            title="Gross margin %",
            value=total.ratio,
            unit="percent",
            definition="margin_ratio",
            compared=isinstance(found, WeeklyReview),
            before=before,
        ),
        Card(name="margin", title="Gross margin", value=total.margin, unit="usd", definition="margin"),
        Card(name="revenue", title="Revenue", value=total.revenue, unit="usd", definition="revenue"),
        Card(name="cost", title="Cost", value=total.cost, unit="usd", definition="cogs"),
    ]
    if isinstance(found, WeeklyReview):
        red = sum(line.zone == "red" for line in found.features)
        return [
            *cards,
            Card(
                name="red",
                title="Below floor",
                value=red,
                unit="count",
                definition="zone",
                note=f"of {counted(len(found.features), 'feature')}",
            ),
            Card(
                name="open",
                title="Open actions",
                value=sum(one.is_open for one in found.actions),
                unit="count",
                definition="open_action",
            ),
        ]
    return [
        *cards,
        Card(name="structural", title="Structurally below floor", value=sum(line.structural for line in found.floors), unit="count", definition="structural"),
        Card(name="rises", title="Plans to reprice", value=sum(line.rise is not None for line in found.plans), unit="count", definition="price_rise"),
    ]  # fmt: skip


def _kept(desk: Desk, text: str) -> Kind:
    """The kept review. Refused with how to make it where there is none."""
    period = period_of(text)
    kept: Kind | None = (
        quarterly_of(desk).shelf.get(str(period))
        if isinstance(period, Quarter)
        else weekly_of(desk).shelf.get(str(period))
    )
    if kept is None:
        raise Refused(
            404,
            "not_found",
            f"no review of {period} is kept: POST /reviews/{period}/make makes it, as the button on /reviews does",
        )
    return kept  # fmt: skip


def _about(desk: Desk, found: Kind) -> About:
    end = found.end if isinstance(found, WeeklyReview) else found.seen_to
    return replace(about(desk), as_of=found.made_at, from_=found.start, to=end)


def _lead(found: Kind) -> str:
    if isinstance(found, WeeklyReview):
        undecided = sum(one.decision is None for one in found.actions)
        return f"{counted(len(found.actions), 'action')}, {undecided} undecided. The figures are those of when it was made."
    structural = sum(line.structural for line in found.floors)
    return f"{structural} features are structurally below their floors. The figures are those of when it was made."


def _head(found: Kind) -> list[AnyBlock]:
    links = [Link(text="All reviews", to="/reviews"), *_neighbours(found)]
    kept = Note(
        name="kept",
        kind="info",
        text="Kept as the meeting saw it. Made anew, it has today's figures, and its decisions stay.",
        links=links,
    )
    anew = Form(
        name="anew",
        action=f"/reviews/{found.id}/make",
        submit="Make it anew",
        fields=[Field(name="refresh", label="", kind="hidden", value="true")],
    )
    notes = [Note(name=f"note-{at}", kind="warning", text=text) for at, text in enumerate(found.notes)]
    return [kept, *notes, Forms(name="anew-form", forms=[anew])]  # fmt: skip


def _neighbours(found: Kind) -> list[Link]:
    if not isinstance(found, WeeklyReview):
        return []
    before = parse_week(found.id).before()
    return [Link(text=f"The week before, {before}", to=f"/reviews/{before}")]


def _actions(found: WeeklyReview) -> Table:
    return Table(
        name="actions",
        title=_ACTIONS,
        columns=[
            Column(name="what", title="Action", link="/reviews/{week}/actions/{id}"),
            Column(name="why", title="Why"),
            Column(name="usd_a_month", title="A month", unit="usd", definition="usd_a_month"),
            Column(name="decision", title="Decided"),
            Column(name="owner", title="Owner"),
            Column(name="by", title="By"),
            Column(name="weeks_open", title="Weeks open", unit="count", definition="open_action"),
            Column(name="id", title="Id", unit="code", hidden=True),
            Column(name="week", title="Week", hidden=True),
        ],
        rows=[
            {
                "what": said(one.what if one.proposed else f"{one.what} (left open; no longer proposed)"),
                "why": one.why,
                "usd_a_month": one.usd_a_month,
                "decision": one.decision.verdict if one.decision else "undecided",
                "owner": _owner(one) or "nobody",
                "by": day_text(_due(one)),
                "weeks_open": one.weeks_open,
                "id": one.id,
                "week": found.id,
            }
            for one in found.actions
        ],
        empty="Nothing is proposed and nothing is open.",
    )


def _owner(one: Proposed) -> str:
    return (one.decision.owner if one.decision else "") or one.owner


def _due(one: Proposed) -> date | None:
    return (one.decision.by if one.decision else None) or one.by


def _followed(desk: Desk, found: WeeklyReview) -> list[AnyBlock]:
    earlier = max(
        (one for one in weekly_of(desk).shelf.all().values() if one.id < found.id), key=lambda one: one.id, default=None
    )
    return [] if earlier is None else [followed(follow_up(earlier, found, desk.today), earlier.id)]  # fmt: skip


def _section(section: Section, number: int, own: Mapping[str, Table], pictures: Mapping[str, Spec]) -> list[AnyBlock]:
    """A section's picture, its table with its figures, and what it says."""
    name = f"section-{number}"
    if section.is_empty:
        return [Text(name=name, title=section.title, paragraphs=[section.empty])]
    table = own.get(section.title)
    typed = [] if table is None or not table.rows else [replace(table, empty=section.empty)]
    shown = typed or plain(section, number, "section")
    blocks: list[AnyBlock] = []
    if section.chart in pictures and shown:
        seen_there = f"{section.title}: the figures are in the table below."
        blocks.append(
            Chart(
                name=f"chart-{section.chart}",
                title=section.title,
                said=seen_there,
                spec=pictures[section.chart],
                table=shown[0].name,
            )
        )
    blocks += shown
    words = [*section.points, *section.after]
    if words:
        blocks.append(Text(name=name, title="" if shown else section.title, paragraphs=[said(one) for one in words]))
    return blocks  # fmt: skip


# -- one action


def action(desk: Desk, asked: ActionParams) -> Shown:
    """One action of a review, with its history over the weeks."""
    found = _kept(desk, asked.id)
    one = (
        None
        if not isinstance(found, WeeklyReview)
        else next((each for each in found.actions if each.id == asked.action), None)
    )
    if one is None:
        raise Refused(
            404, "not_found", f"the review of {asked.id} has no action {asked.action!r}: /reviews/{asked.id} lists them"
        )
    path = f"/reviews/{asked.id}/actions/{segment(one.id)}"
    weeks = [str(parse_week(found.id).before(back)) for back in range(one.weeks_open, -1, -1)]
    events = [event for week in weeks for event in done_to(desk.state, AREA, f"{week}/{one.id}")]
    decision = one.decision
    return Shown(
        title=said(one.what),
        lead=f"{one.why[:1].upper()}{one.why[1:]}.",
        about=_about(desk, found),
        blocks=[
            Note(name="standing", kind="info", text=_standing(one), links=[Link(text=f"The review of {found.id}", to=f"/reviews/{found.id}")]),
            Facts(
                name="facts",
                facts=[
                    Card(name="decision", title="Decided", value=decision.verdict if decision else "undecided", unit="text", note=decision.note if decision else ""),
                    Card(name="usd_a_month", title="A month", value=one.usd_a_month, unit="usd", definition="usd_a_month"),
                    Card(name="owner", title="Owner", value=_owner(one) or "nobody", unit="text"),
                    Card(name="by", title="By", value=day_text(_due(one)), unit="text"),
                    Card(name="since", title="First proposed", value=one.since, unit="text"),
                    Card(name="weeks_open", title="Weeks open", value=one.weeks_open, unit="count", definition="open_action"),
                ],
            ),
            Forms(name="act", title="Decide", forms=_forms(one, path)),
            history(events),
        ],
    )  # fmt: skip


def _standing(one: Proposed) -> str:
    proposed = (
        "The figures of this week propose it."
        if one.proposed
        else "The figures of this week no longer propose it: it was left open."
    )
    return f"{proposed} {f'Earlier: {one.earlier}.' if one.earlier else ''}".strip()


_BUTTONS: Sequence[tuple[Verdict, str, str]] = (
    ("accept", "Accept", "a"), ("done", "Mark done", "d"), ("defer", "Defer", ""), ("reject", "Reject", "x"),
)  # fmt: skip


def _forms(one: Proposed, path: str) -> list[Form]:
    mark = seen(mark_of(one))
    forms: list[Form] = []
    for verdict, words, key in _BUTTONS:
        whose = (
            []
            if verdict in {"done", "reject"}
            else [
                Field(name="owner", label="Owner", value=_owner(one)),
                Field(name="by", label="By", kind="date", value=str(_due(one) or "")),
            ]
        )
        fields = [
            mark,
            Field(name="verdict", label="", kind="hidden", value=verdict),
            *whose,
            note_field("Why" if verdict == "reject" else "Note"),
        ]
        forms.append(
            Form(
                name=verdict,
                title=words,
                action=f"{path}/decide",
                submit=words,
                key=key,
                danger=verdict == "reject",
                fields=fields,
            )
        )
    return forms  # fmt: skip


class Decided(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is decided: accept, reject, defer or done; by whom it is done and by when."""

    verdict: Verdict
    owner: Name = ""
    by: date | None = None
    note: Words = ""
    seen: Mark = ""


def decide(desk: Desk, deed: Deed, body: Decided) -> Done:
    """Decide on an action of a weekly review."""
    period, name = period_of(deed.names["id"]), deed.names["action"]
    if not isinstance(period, Week):
        raise Refused(404, "not_found", f"{period} has no actions: they are of weekly reviews")
    now = desk.now()
    decision = Decision(verdict=body.verdict, at=now, actor=deed.who.name, owner=body.owner, by=body.by, note=body.note)
    with refusing():
        after = weekly_of(desk).decide(period, name, decision, now, seen=body.seen)
    left = sum(one.decision is None for one in after.actions)
    done = next(one for one in after.actions if one.id == name)
    return Done(
        to=f"/reviews/{period}/actions/{segment(name)}",
        said=f"{body.verdict.capitalize()}: {said(done.what)}. {left} are undecided.",
        subject=f"{period}/{name}",
        audited=True,
        document={"id": name, "verdict": body.verdict, "undecided": left, "mark": mark_of(done)},
    )


assert set(VERDICTS) == {verdict for verdict, _, _ in _BUTTONS}, "every verdict has its button"

VIEWS = (
    View(
        path="/reviews/{id}", title="Review", params=ReviewParams, build=review, windowed=False, fresh_s=0,
        said="One review: figures, alerts, what is coming, actions, and what came of the last ones.",
    ),
    View(
        path="/reviews/{id}/actions/{action}", title="Action", params=ActionParams, build=action, windowed=False, fresh_s=0,
        said="One action of a weekly review, what was decided of it and by whom.",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path="/reviews/{id}/actions/{action}/decide", name="review.decide", body=Decided, run=decide, said="Decide on an action of a weekly review."),
)  # fmt: skip
