"""The backlog as tables for people and as JSON."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from floorline.backlog.model import Opportunity, Realised
from floorline.backlog.ranking import Ranked, Ranking
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.jobs.backlogging import Looked
from floorline.money import text

_DAY = timedelta(days=1)

Json = dict[str, object]


def document(one: Opportunity) -> Json:
    """One item; money a quarter as text, ratios and points as text, null is unknown."""
    return {
        "id": one.id,
        "kind": one.kind,
        "subject_kind": one.subject_kind,
        "subject": one.subject or None,
        "plan": one.plan or None,
        "title": one.title,
        "formula": one.formula,
        "dollars_a_quarter": text(one.dollars_a_quarter),
        "margin_points": None if one.margin_points is None else f"{one.margin_points:f}",
        "confidence": one.confidence,
        "effort": one.effort,
        "risk": one.risk,
        "owner": one.owner or None,
        "deadline": one.deadline,
        "state": one.state,
        "found_at": one.found_at,
        "seen_at": one.seen_at,
        "promised": None if one.promised is None else text(one.promised),
        "shipped_on": one.shipped_on,
        "quiet_until": one.quiet_until,
        "realised": None if one.realised is None else _realised(one.realised),
        "claims": [{"slice": list(c.slice), "spend": text(c.spend), "saves": text(c.saves)} for c in one.claims],
        "history": [{"at": s.at, "actor": s.actor, "state": s.state, "note": s.note} for s in one.history],
    }


def _realised(of: Realised) -> Json:
    return {
        "at": of.at,
        "before": {"from": of.before_start, "to": of.before_end, f"usd_per_{of.per}": text(of.before)},
        "after": {"from": of.after_start, "to": of.after_end, f"usd_per_{of.per}": text(of.after)},
        "per": of.per,
        "volume": of.volume,
        "dollars_a_quarter": text(of.dollars_a_quarter),
        "caveats": list(of.caveats),
    }


def _usd(amount: Decimal, places: int = 0) -> str:
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{places}f}"


def list_document(looked: Looked, ranks: Ranking, closed: Sequence[Opportunity]) -> Json:
    """The whole list: what the open ones are worth together, each of them in rank order, and the others."""
    return {
        "looked_at": looked.at,
        "days": looked.days,
        "dollars_a_quarter": text(ranks.dollars_a_quarter),
        "stated_dollars_a_quarter": text(ranks.stated),
        "open": [
            {
                **document(one.item),
                "adds": None if one.adds is None else text(one.adds),
                "shares_with": list(one.shares_with),
            }
            for one in ranks.items
        ],
        "closed": [document(item) for item in sorted(closed, key=lambda item: item.id)],
        "unseen": list(looked.unseen),
    }


def print_list(looked: Looked, ranks: Ranking, closed: Sequence[Opportunity]) -> None:
    """The open ones in rank order, then the others, then what could not be seen."""
    out = plain_console()
    if ranks.items:
        together = f"${ranks.dollars_a_quarter:,.0f} a quarter together, each dollar once"
        stated = f"; ${ranks.stated:,.0f} more stated by hand" if ranks.stated else ""
        print_grid(out, f"Backlog: {together}{stated}", _columns(ranks.items))
        if any(one.shares_with for one in ranks.items):
            out.print("* shares its dollars with one above it: `adds` is what it brings beside that", soft_wrap=True)
    else:
        out.print(f"No open opportunity was found in {looked.days} days of calls.")
    if closed:
        print_grid(out, "Shipped and closed", _closed_columns(closed))
    for sentence in looked.unseen:
        out.print(f"Not seen: {sentence}", soft_wrap=True)


def _columns(items: Sequence[Ranked]) -> list[Column]:
    return [
        Column(title="opportunity", cells=[_named(one.item) for one in items], name=True),
        Column(title="$/quarter", cells=[_usd(one.item.dollars_a_quarter) for one in items]),
        Column(title="adds", cells=[_adds(one) for one in items], weight=1),
        Column(
            title="points",
            cells=["–" if one.item.margin_points is None else f"{one.item.margin_points:.1f}" for one in items],
            weight=2,
        ),
        Column(title="state", cells=[one.item.state for one in items]),
    ]


def _named(item: Opportunity) -> str:
    words = f"confidence {item.confidence}, effort {item.effort}, risk {item.risk}"
    due = f"{item.owner or 'nobody yet'}{f', by {item.deadline}' if item.deadline else ''}"
    return f"{item.title}\n{item.id}\n{words}; {due}"


def _adds(one: Ranked) -> str:
    if one.adds is None:
        return "stated"
    return _usd(one.adds) + ("*" if one.shares_with else "")


def _closed_columns(items: Sequence[Opportunity]) -> list[Column]:
    return [
        Column(title="opportunity", cells=[_named(item) for item in items], name=True),
        Column(title="state", cells=[item.state for item in items]),
        Column(title="promised", cells=["–" if item.promised is None else _usd(item.promised) for item in items]),
        Column(
            title="realised",
            cells=["–" if item.realised is None else _usd(item.realised.dollars_a_quarter) for item in items],
        ),
        Column(title="since", cells=[str(item.shipped_on or "–") for item in items], weight=1),
    ]


def print_one(one: Opportunity) -> None:
    """Everything that is kept of one item."""
    out = plain_console()

    def say(line: str) -> None:
        out.print(line, soft_wrap=True)

    points = "" if one.margin_points is None else f", {one.margin_points:.2f} points of {one.subject or 'the company'}"
    say(one.title)
    say(f"  {one.id}: {one.state}, {_usd(one.dollars_a_quarter, 2)} a quarter{points}")
    say(f"  {one.formula}")
    say(f"  confidence {one.confidence}, effort {one.effort}, risk {one.risk}")
    say(f"  owner {one.owner or '–'}, deadline {one.deadline or '–'}")
    for claim in one.claims:
        say(
            f"  saves {_usd(claim.saves, 2)} of {_usd(claim.spend, 2)} of {' / '.join(word or '–' for word in claim.slice)}"
        )
    if one.promised is not None:
        say(f"  promised {_usd(one.promised, 2)} a quarter")
    if one.realised is not None:
        of = one.realised
        say(
            f"  realised {_usd(of.dollars_a_quarter, 2)} a quarter: {_usd(of.before, 6)} a {of.per} from {of.before_start} to"
            f" {of.before_end - _DAY}, {_usd(of.after, 6)} from {of.after_start} to {of.after_end - _DAY}, over {of.volume:,}"
        )
        for caveat in of.caveats:
            say(f"  but {caveat}")
    for step in one.history:
        say(f"  {step.at:%Y-%m-%d %H:%M} {step.actor}: {step.state}{f', {step.note}' if step.note else ''}")
