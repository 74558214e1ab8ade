"""`floorline backlog`: what would raise the margin, ranked by dollars a quarter, and what it did."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import get_args

import click

from floorline.backlog.keeping import QUIET, Ruling, checked, slug
from floorline.backlog.model import OPEN, Effort, Level, Opportunity, State, SubjectKind
from floorline.backlog.ranking import ranking
from floorline.cli.backlog_text import document, list_document, print_list, print_one
from floorline.cli.margin import Day
from floorline.cli.output import emit_json, note
from floorline.errors import BadInput
from floorline.jobs import backlog_moves
from floorline.jobs.backlogging import Backlog, shelf
from floorline.ledger.state import State as Kept
from floorline.money import usd
from floorline.wiring import actor, load_book, load_config, now, open_ledger, open_state

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
_OWNER = click.option("--owner", default="", help="Who answers for it.")
_DEADLINE = click.option("--deadline", type=Day(), help="The day it is due.")
_MOVES = ("shadow", "canary", "shipped", "accepted", "proposed")


@contextmanager
def _backlog() -> Generator[Backlog]:
    config = load_config(secrets=False)
    book, _ = load_book(config)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        yield Backlog(ledger, config.policies, book)


@click.group("backlog", invoke_without_command=True)
@_JSON
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Opportunities found and added, ranked by dollars a quarter: decided on, shipped, measured against the promise.

    Without a command it lists them. docs/backlog.md has every formula.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=as_json)


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Rejected and measured ones too.")
@click.option("--find", "find_", is_flag=True, help="Look now, whenever the daily job last did.")
@_JSON
def list_(*, all_: bool = False, find_: bool = False, as_json: bool = False) -> None:
    """The open ones, the most dollars first, each dollar counted once in the sum; then what is shipped."""
    instant = now()
    with _backlog() as backlog:
        looked = backlog.refresh(instant) if find_ else backlog.looked(instant)
        items = list(backlog.shelf.all().values())
    ranks = ranking(items)
    closed = [item for item in items if item.state not in OPEN and (all_ or item.state == "shipped")]
    if as_json:
        emit_json(list_document(looked, ranks, closed))
    else:
        print_list(looked, ranks, closed)


@command.command("show")
@click.argument("item")
@_JSON
def show(item: str, *, as_json: bool) -> None:
    """One opportunity: its formula, whose dollars it claims, its history, what it brought. ITEM is its id or a part of it."""
    with open_state() as state:
        one = _find(state, item)
    if as_json:
        emit_json(document(one))
    else:
        print_one(one)


@command.command("add")
@click.argument("title")
@click.option("--dollars", type=str, required=True, metavar="USD", help="What it would bring, in a quarter.")
@click.option("--subject", default="", help="The feature, plan or customer it is about; the company when not given.")
@click.option(
    "--subject-kind",
    type=click.Choice(get_args(SubjectKind)),
    default="feature",
    show_default=True,
    help="What --subject is; its margin or cost is what is measured once this is shipped.",
)
@click.option("--points", type=str, default="", help="Points of the subject's margin.")
@click.option("--why", default="", help="How the estimate was made.")
@click.option("--confidence", type=click.Choice(get_args(Level)), default="medium", show_default=True)
@click.option("--effort", type=click.Choice(get_args(Effort)), default="medium", show_default=True)
@click.option("--risk", type=click.Choice(get_args(Level)), default="medium", show_default=True)
@_OWNER
@_DEADLINE
@_JSON
def add(
    title: str,
    dollars: str,
    subject: str,
    subject_kind: SubjectKind,
    points: str,
    why: str,
    confidence: Level,
    effort: Effort,
    risk: Level,
    owner: str,
    deadline: date | None,
    *,
    as_json: bool,
) -> None:
    """Add an opportunity by hand. Its dollars are your word: they are summed apart from those that were found."""
    instant = now()
    item = Opportunity(
        id=slug(title),
        kind="by_hand",
        subject_kind=subject_kind if subject else "company",
        subject=subject,
        title=title,
        formula=why or "stated by hand",
        dollars_a_quarter=checked(_decimal(dollars, "--dollars")),
        margin_points=_decimal(points, "--points") if points else None,
        confidence=confidence,
        effort=effort,
        risk=risk,
        owner=owner,
        deadline=deadline,
        found_at=instant,
        seen_at=instant,
    )
    with open_state() as state:
        kept = backlog_moves.add(state, item, by=actor(), now=instant)
    _tell(kept, as_json=as_json)


@command.command("accept")
@click.argument("item")
@_OWNER
@_DEADLINE
@_JSON
def accept(item: str, owner: str, deadline: date | None, *, as_json: bool) -> None:
    """Take an opportunity on: its estimate of now becomes the promise it is measured against."""
    _move(item, "accepted", Ruling(by=actor(), at=now(), owner=owner, deadline=deadline), as_json=as_json)


@command.command("reject")
@click.argument("item")
@click.option("--reason", required=True, help="Why; kept in its history.")
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=QUIET.days,
    show_default=True,
    help="How long it is not proposed again, however often it is found.",
)
@_JSON
def reject(item: str, reason: str, days: int, *, as_json: bool) -> None:
    """Dismiss an opportunity for a time."""
    ruling = Ruling(by=actor(), at=now(), note=reason, quiet=timedelta(days=days))
    _move(item, "rejected", ruling, as_json=as_json)


@command.command("move")
@click.argument("item")
@click.argument("state", type=click.Choice(_MOVES))
@click.option(
    "--on", "on_", type=Day(), help="With shipped: the day from which all traffic has it; today when not given."
)
@click.option("--reason", default="", help="Kept in its history.")
@_OWNER
@_DEADLINE
@_JSON
def move(
    item: str, state: State, on_: date | None, reason: str, owner: str, deadline: date | None, *, as_json: bool
) -> None:
    """Move an opportunity on, or back: accepted, shadow, canary, shipped. Shipped ones are measured from the next day on."""
    if on_ is not None and state != "shipped":
        raise BadInput("--on is the day of shipping: it goes with shipped alone")
    ruling = Ruling(by=actor(), at=now(), note=reason, owner=owner, deadline=deadline, shipped_on=on_)
    _move(item, state, ruling, as_json=as_json)


@command.command("amend")
@click.argument("item")
@_OWNER
@_DEADLINE
@click.option("--note", default="", help="Kept in its history.")
@_JSON
def amend(item: str, owner: str, deadline: date | None, note: str, *, as_json: bool) -> None:
    """Say whose an opportunity is, by when it is to be done, or anything else of it; its state stays."""
    with open_state() as state:
        ruling = Ruling(by=actor(), at=now(), note=note, owner=owner, deadline=deadline)
        kept = backlog_moves.amend(state, _find(state, item).id, ruling)
    _tell(kept, as_json=as_json)


@command.command("measure")
@click.argument("item")
@_JSON
def measure(item: str, *, as_json: bool) -> None:
    """What a shipped opportunity has brought so far, against its promise. The daily job does this too."""
    instant = now()
    with _backlog() as backlog:
        one = _find_in(backlog.shelf.all(), item)
        if one.state not in {"shipped", "measured"}:
            raise BadInput(f"{one.id} is {one.state}: only what is shipped can be measured")
        if one.state == "shipped":
            result = backlog.measure(one, instant)
            if isinstance(result, str):
                raise BadInput(f"{one.id}: {result}")
            backlog.shelf.put(one.id, result, now=instant)
            one = result
    _tell(one, as_json=as_json)


def _move(item: str, to: State, ruling: Ruling, *, as_json: bool) -> None:
    with open_state() as state:
        kept = backlog_moves.move(state, _find(state, item).id, to, ruling)
    _tell(kept, as_json=as_json)


def _find(state: Kept, words: str) -> Opportunity:
    return _find_in(shelf(state).all(), words)


def _find_in(items: dict[str, Opportunity], words: str) -> Opportunity:
    """The item of that id, or the only one whose id holds `words`."""
    if words in items:
        return items[words]
    found = [item for id_, item in items.items() if words in id_]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"no opportunity is called {words!r}: floorline backlog list --all shows them")
    raise BadInput(f"{words!r} is a part of {len(found)} ids: {', '.join(one.id for one in found[:5])}")


def _tell(one: Opportunity, *, as_json: bool) -> None:
    if as_json:
        emit_json(document(one))
    else:
        print_one(one)


def _decimal(value: str, option: str) -> Decimal:
    try:
        return usd(value)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error
