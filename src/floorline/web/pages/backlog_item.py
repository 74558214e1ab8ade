"""One opportunity: its estimate with its numbers, whose dollars it claims, what people did, what it brought; and what can be done with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec

from floorline.backlog.keeping import QUIET, Ruling
from floorline.backlog.model import NEXT, OPEN, Opportunity, Realised, State
from floorline.backlog.ranking import Ranked, ranking
from floorline.jobs import backlog_moves
from floorline.jobs.backlogging import shelf
from floorline.jobs.decisions import Done as Decided
from floorline.web.blocks import AnyBlock, Card, Column, Facts, Field, Form, Forms, Link, Note, Shown, Table
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.deciding import Mark, Name, Words, about, day_text, history, note_field, refusing, seen
from floorline.web.params import Params, Text, segment
from floorline.web.view import Action, Deed, Done, View


class ItemParams(Params, frozen=True, kw_only=True):
    """Which item."""

    id: Annotated[Text, msgspec.Meta(description="the item's id, as cheaper_model:chat, quoted")]


def item(desk: Desk, asked: ItemParams) -> Shown:
    """One opportunity."""
    found = shelf(desk.state).get(asked.id)
    if found is None:
        raise Refused(404, "not_found", f"no opportunity is called {asked.id!r}: /backlog?state=all lists them")
    rank = next((one for one in ranking(shelf(desk.state).all().values()).items if one.item.id == found.id), None)
    return Shown(
        title=titled(found),
        lead=f"{found.formula[:1].upper()}{found.formula[1:].rstrip('.')}.",
        about=about(desk),
        blocks=[
            *_standing(found, desk.today),
            Facts(name="facts", facts=_facts(found, rank)),
            *_measured(found),
            *_claims(found),
            Forms(name="act", title="Decide", forms=_forms(found)),
            history(Decided(one.at, one.actor, one.state, one.note) for one in found.history),
        ],
    )


def titled(one: Opportunity) -> str:
    """Its title as a page begins one."""
    return f"{one.title[:1].upper()}{one.title[1:]}"


def _standing(found: Opportunity, today: date) -> list[AnyBlock]:
    links = [Link(text="The whole backlog", to="/backlog")]
    pages = {"feature": "/features/", "customer": "/customers/"}
    if found.subject_kind in pages and found.subject:
        links.append(Link(text=found.subject, to=f"{pages[found.subject_kind]}{segment(found.subject)}"))
    ways = ", ".join(NEXT[found.state]) or "nowhere: it is measured"
    text = f"It is {found.state}. From here it goes to {ways}."
    if found.state == "rejected" and found.quiet_until is not None:
        text = f"It was rejected, and is not proposed again before {found.quiet_until}."
    late = found.state in OPEN and found.deadline is not None and found.deadline < today
    if late:
        text += f" It was due on {found.deadline}."
    return [Note(name="standing", kind="warning" if late else "info", text=text, links=links)]


def _facts(found: Opportunity, rank: Ranked | None) -> list[Card]:
    shares = f"shares its dollars with {len(rank.shares_with)} above it" if rank and rank.shares_with else ""
    return [
        Card(name="dollars_a_quarter", title="A quarter", value=found.dollars_a_quarter, unit="usd", definition="dollars_a_quarter"),
        Card(name="adds", title="Adds", value=rank.adds if rank else None, unit="usd", definition="adds", note=shares),
        Card(name="margin_points", title="Margin", value=None if found.margin_points is None else found.margin_points.scaleb(-2), unit="points", definition="margin_points",
             note=f"of {found.subject or 'the company'}"),
        Card(name="confidence", title="Confidence", value=found.confidence, unit="text", definition="confidence"),
        Card(name="effort", title="Effort", value=found.effort, unit="text"),
        Card(name="risk", title="Risk", value=found.risk, unit="text"),
        Card(name="owner", title="Owner", value=found.owner or "nobody", unit="text"),
        Card(name="by", title="By", value=day_text(found.deadline), unit="text"),
        Card(name="promised", title="Promised a quarter", value=found.promised, unit="usd", definition="promised"),
        Card(name="found_at", title="Found", value=found.found_at, unit="instant"),
        Card(name="seen_at", title="Seen last", value=found.seen_at, unit="instant"),
        Card(name="kind", title="Kind", value=found.kind.replace("_", " "), unit="text"),
        Card(name="id", title="Id", value=found.id, unit="code"),
    ]  # fmt: skip


def _measured(found: Opportunity) -> list[AnyBlock]:
    """What it brought, and what else changed meanwhile."""
    of: Realised | None = found.realised
    if of is None:
        return []
    caveats = [
        Note(name=f"caveat-{number}", kind="warning", text=f"But {text}.") for number, text in enumerate(of.caveats)
    ]
    figures = Facts(
        name="realised",
        title="Realised against promised",
        facts=[
            Card(name="realised", title="Realised a quarter", value=of.dollars_a_quarter, unit="usd", definition="realised",
                 compared=found.promised is not None, before=found.promised),
            Card(name="before", title=f"A {of.per} before", value=of.before, unit="usd", note=_days(of.before_start, of.before_end)),
            Card(name="after", title=f"A {of.per} after", value=of.after, unit="usd", note=_days(of.after_start, of.after_end)),
            Card(name="volume", title=f"Volume, {of.per}s", value=of.volume, unit="count"),
        ],
    )  # fmt: skip
    return [figures, *caveats]


def _days(start: date, end: date) -> str:
    return f"{start} to {end - timedelta(days=1)}"


def _claims(found: Opportunity) -> list[AnyBlock]:
    if not found.claims:
        return []
    return [
        Table(
            name="claims",
            title="Whose dollars it claims",
            columns=[
                Column(name="feature", title="Feature"),
                Column(name="call_type", title="Call type"),
                Column(name="model", title="Model"),
                Column(name="purpose", title="Purpose"),
                Column(name="spend", title="Spent a quarter", unit="usd"),
                Column(name="saves", title="Saves", unit="usd", definition="dollars_a_quarter"),
                Column(name="share", title="Share", unit="percent"),
            ],
            rows=[
                {
                    **dict(zip(("purpose", "feature", "call_type", "provider", "model"), claim.slice, strict=False)),
                    "model": "/".join(claim.slice[3:]) or None,
                    "spend": claim.spend,
                    "saves": claim.saves,
                    "share": round(claim.saves / claim.spend, 6) if claim.spend else None,
                }
                for claim in found.claims
            ],
            empty="It claims no slice of the spend.",
        )
    ]


_MOVES: Sequence[tuple[State, str]] = (
    ("shadow", "Try it in shadow"), ("canary", "Move to canary"), ("accepted", "Back to accepted"), ("proposed", "Propose it again"),
)  # fmt: skip


def _forms(found: Opportunity) -> list[Form]:
    """What can be done with the item from where it is, in the order in which it is likely."""
    ways = NEXT[found.state]
    whose = [
        Field(name="owner", label="Owner", value=found.owner),
        Field(name="deadline", label="By", kind="date", value=str(found.deadline or "")),
    ]
    on = Field(name="on", label="The day from which all traffic has it", kind="date", help="empty: today")
    days = Field(name="days", label="Not proposed again for, days", kind="number", value=str(QUIET.days))
    why = note_field("Why", required=True)
    known = [
        (found.state == "proposed", _form(found, "accept", "Accept", "Accept", [*whose, note_field()], key="a")),
        ("shipped" in ways, _form(found, "ship", "Shipped", "It is shipped", [on, note_field()])),
        *(
            (to in ways and (to, found.state) != ("accepted", "proposed"), _moving(found, to, words))
            for to, words in _MOVES
        ),
        (found.state in OPEN, _form(found, "amend", "Whose, and by when", "Keep", [*whose, note_field()])),
        ("rejected" in ways, _form(found, "reject", "Reject", "Reject", [why, days], key="x", danger=True)),
        (found.state not in OPEN, _form(found, "amend", "Say something", "Add the note", [note_field(required=True)])),
    ]
    return [form for is_possible, form in known if is_possible]


def _form(
    found: Opportunity, action: str, title: str, submit: str, fields: Sequence[Field], *, key: str = "", danger: bool = False
) -> Form:  # fmt: skip
    path, mark = f"/backlog/{segment(found.id)}", seen(backlog_moves.mark_of(found))
    return Form(
        name=action, title=title, action=f"{path}/{action}", submit=submit, fields=[mark, *fields], key=key, danger=danger
    )  # fmt: skip


def _moving(found: Opportunity, to: State, words: str) -> Form:
    fields = [Field(name="to", label="", kind="hidden", value=to), note_field()]
    return msgspec.structs.replace(_form(found, "move", words, words, fields), name=f"move-{to}")


# -- what is done


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose an item is to do, and by when; its estimate of now becomes its promise."""

    owner: Name = ""
    deadline: date | None = None
    note: Words = ""
    seen: Mark = ""


class Rejection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is not done, and for how many days it is not proposed again."""

    note: Annotated[Words, msgspec.Meta(min_length=1)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = QUIET.days
    seen: Mark = ""


class Shipping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The day from which all traffic has it; today when not given."""

    on: date | None = None
    note: Words = ""
    seen: Mark = ""


class Move(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another state, on or back."""

    to: Literal["accepted", "shadow", "canary", "proposed"]
    note: Words = ""
    seen: Mark = ""


class Amendment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another owner or day, or a note; the state stays."""

    owner: Name = ""
    deadline: date | None = None
    note: Words = ""
    seen: Mark = ""


def accept(desk: Desk, deed: Deed, body: Acceptance) -> Done:
    """Take it on."""
    ruling = _ruling(desk, deed, body.note)
    return _moved(desk, deed, "accepted", body.seen, replace(ruling, owner=body.owner, deadline=body.deadline))


def reject(desk: Desk, deed: Deed, body: Rejection) -> Done:
    """Dismiss it for a time."""
    ruling = replace(_ruling(desk, deed, body.note), quiet=timedelta(days=body.days))
    return _moved(desk, deed, "rejected", body.seen, ruling)


def ship(desk: Desk, deed: Deed, body: Shipping) -> Done:
    """Say from when on all traffic has it."""
    if body.on is not None and body.on > desk.today:
        raise Refused(400, "invalid", f"{body.on} is still to come: say it is shipped once it is")
    ruling = replace(_ruling(desk, deed, body.note), shipped_on=body.on or desk.today)
    return _moved(desk, deed, "shipped", body.seen, ruling)


def move(desk: Desk, deed: Deed, body: Move) -> Done:
    """Move it on, or back."""
    return _moved(desk, deed, body.to, body.seen, _ruling(desk, deed, body.note))


def amend(desk: Desk, deed: Deed, body: Amendment) -> Done:
    """Say whose it is, by when, or anything else."""
    id_ = deed.names["id"]
    with refusing():
        found = shelf(desk.state).get(id_)
        owner = "" if found is not None and body.owner == found.owner else body.owner
        deadline = None if found is not None and body.deadline == found.deadline else body.deadline
        ruling = replace(_ruling(desk, deed, body.note), owner=owner, deadline=deadline)
        after = backlog_moves.amend(desk.state, id_, ruling, seen=body.seen)
    return done(after, "It is kept.")


def _ruling(desk: Desk, deed: Deed, note: str) -> Ruling:
    return Ruling(by=deed.who.name, at=desk.now(), note=note)


def _moved(desk: Desk, deed: Deed, to: State, mark: str, ruling: Ruling) -> Done:
    with refusing():
        after = backlog_moves.move(desk.state, deed.names["id"], to, ruling, seen=mark)
    return done(after, f"{titled(after)}: it is {after.state} now.")


def done(after: Opportunity, said: str) -> Done:
    """What was done to an item."""
    document = {
        "id": after.id,
        "state": after.state,
        "owner": after.owner or None,
        "deadline": None if after.deadline is None else after.deadline.isoformat(),
        "mark": backlog_moves.mark_of(after),
    }
    to = f"/backlog/{segment(after.id)}"
    return Done(to=to, said=said, subject=after.id, audited=True, document=document)


VIEWS = (
    View(
        path="/backlog/{id}", title="Opportunity", params=ItemParams, build=item, windowed=False, fresh_s=0,
        said="One opportunity: its estimate with its numbers, whose dollars it claims, its history, what it brought.",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path="/backlog/{id}/accept", name="backlog.accepted", body=Acceptance, run=accept, said="Take an opportunity on."),
    Action(path="/backlog/{id}/reject", name="backlog.rejected", body=Rejection, run=reject, said="Dismiss an opportunity for a time."),
    Action(path="/backlog/{id}/ship", name="backlog.shipped", body=Shipping, run=ship, said="Say from which day on all traffic has it."),
    Action(path="/backlog/{id}/move", name="backlog.move", body=Move, run=move, said="Move an opportunity on, or back."),
    Action(path="/backlog/{id}/amend", name="backlog.amend", body=Amendment, run=amend, said="Say whose an opportunity is, by when, or anything of it."),
)  # fmt: skip
