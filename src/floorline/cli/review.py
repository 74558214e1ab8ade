"""`floorline review`: weekly and quarterly reviews, and what was decided on them."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import cast

import click

from floorline.cli.margin import Day
from floorline.cli.output import emit_json, note
from floorline.jobs.margins import Margins
from floorline.jobs.quarterly_reviewing import QuarterlyReviewer
from floorline.jobs.review_rendering import Review, rendered
from floorline.jobs.reviewing import Reviewer
from floorline.reviews.json_document import document
from floorline.reviews.model import VERDICTS, Decision, Verdict
from floorline.reviews.quarter_model import Shares, Windfall
from floorline.reviews.weeks import Quarter, Week, parse_quarter, parse_week
from floorline.wiring import actor, load_book, load_config, now, open_ledger

FORMATS = ("md", "html", "json")


class WeekType(click.ParamType[Week]):
    """A week as 2026-W46."""

    name = "week"

    def convert(self, value: str | Week, param: click.Parameter | None, ctx: click.Context | None) -> Week:
        """The week, or a usage error that says how to write one."""
        if isinstance(value, Week):
            return value
        try:
            return parse_week(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class QuarterType(click.ParamType[Quarter]):
    """A quarter as 2026-Q4."""

    name = "quarter"

    def convert(self, value: str | Quarter, param: click.Parameter | None, ctx: click.Context | None) -> Quarter:
        """The quarter, or a usage error that says how to write one."""
        if isinstance(value, Quarter):
            return value
        try:
            return parse_quarter(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@contextmanager
def reviewers() -> Generator[tuple[Reviewer, QuarterlyReviewer]]:
    """What makes reviews of the ledger in the home folder."""
    config = load_config(secrets=False)
    book, _ = load_book(config)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        margins = Margins(ledger, config.policies)
        yield (
            Reviewer(margins=margins, policy=config.reviews, book=book),
            QuarterlyReviewer(margins=margins, policy=config.reviews, book=book),
        )


@click.group("review")
def command() -> None:
    """Reviews that are ready before the meeting, and the decisions taken on them."""


@command.command("weekly")
@click.option("--week", type=WeekType(), help="The ISO week, as 2026-W46; the last one that is over when not given.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="md", show_default=True, help="How it is printed."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--refresh", is_flag=True, help="Make it anew from today's figures; decisions stay.")
def weekly(week: Week | None, format_: str, *, as_json: bool, refresh: bool) -> None:
    """Features against floors, trends, alerts, unit economics, what is coming, and what to do.

    A review of a week that is over is kept: the same command shows the same figures until --refresh.
    """
    with reviewers() as (reviews, _):
        review = reviews.review(week or reviews.last_week(now()), now(), refresh=refresh)
    _show(review, "json" if as_json else format_)


@command.command("quarterly")
@click.option("--quarter", type=QuarterType(), help="As 2026-Q4; the last one that is over when not given.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="md", show_default=True, help="How it is printed."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--refresh", is_flag=True, help="Make it anew from today's figures.")
def quarterly(quarter: Quarter | None, format_: str, *, as_json: bool, refresh: bool) -> None:
    """Floors against targets and market, plans to reprice, provider prices, contracts, hosting, shipped actions.

    A review of a quarter that is over is kept, as a weekly one is.
    """
    with reviewers() as (_, reviews):
        review = reviews.review(quarter or reviews.last_quarter(now()), now(), refresh=refresh)
    _show(review, "json" if as_json else format_)


@command.command("windfall")
@click.argument("provider")
@click.argument("model")
@click.option("--since", type=Day(), required=True, help="The day from which the lower price holds.")
@click.option("--margin", type=click.IntRange(0, 100), required=True, help="Percent that stays as margin.")
@click.option("--price", type=click.IntRange(0, 100), required=True, help="Percent that goes into lower prices.")
@click.option("--product", type=click.IntRange(0, 100), required=True, help="Percent that goes into the product.")
@click.option("--note", "words", default="", help="Why.")
def windfall(provider: str, model: str, since: date, margin: int, price: int, product: int, words: str) -> None:
    """Record how the windfall of a provider's price cut is shared; the shares add up to 100."""
    try:
        shares = Shares(margin=margin, price=price, product=product)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    decided = Windfall(provider=provider, model=model, since=since, shares=shares, note=words, actor=actor(), at=now())
    with reviewers() as (_, reviews):
        reviews.share(decided)
    click.echo(f"{provider}/{model} since {since}: {margin} % margin, {price} % price, {product} % product")


@command.command("decide")
@click.argument("week", type=WeekType())
@click.argument("action")
@click.argument("verdict", type=click.Choice(VERDICTS))
@click.option("--owner", default="", help="Who does it.")
@click.option("--by", type=Day(), help="By which day.")
@click.option("--note", "words", default="", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="Print the action as JSON.")
def decide(week: Week, action: str, verdict: str, owner: str, by: date | None, words: str, *, as_json: bool) -> None:
    """Record what was decided of an ACTION of the review of WEEK, as in `2026-W46 floor/chat accept --owner maria`.

    An action that is accepted or deferred carries over, with its age, until it is done or rejected.
    """
    instant = now()
    decision = Decision(verdict=cast("Verdict", verdict), at=instant, actor=actor(), owner=owner, by=by, note=words)
    with reviewers() as (reviews, _):
        review = reviews.decide(week, action, decision, instant)
    decided = next(one for one in review.actions if one.id == action)
    if as_json:
        emit_json(document(decided))
    else:
        left = sum(one.decision is None for one in review.actions)
        click.echo(
            f"{review.id}: {action} {verdict}{f', {owner}' if owner else ''}{f', by {by}' if by else ''}; {left} undecided"
        )


def _show(review: Review, format_: str) -> None:
    if format_ == "json":
        emit_json(document(review))
    else:
        click.echo(rendered(review, "html" if format_ == "html" else "md"), nl=False)
