"""`floorline cache`: what the exact cache did, and how an answer gets out of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.caching import BadAnswer, Use, bad_answers, source_of, use
from floorline.ledger.content import Subject
from floorline.ledger.state import Audited
from floorline.margin.words import dollars, percent
from floorline.wiring import actor, collecting, load_config, now, open_ledger, open_state, purger

DAYS_MAX = 366


@click.group("cache")
def command() -> None:
    """Show what the exact cache did, and purge answers from it (docs/cache.md).

    Works beside running gateways, which know of a purge within a second, and without any: one that is started later knows it too.
    """


@command.command("purge")
@click.option("--call", "call_id", default="", help="The answer that this call had, or that was made for it.")
@click.option("--feature", default="", help="Every answer of this feature.")
@click.option("--customer", default="", help="Every answer that was made for this customer.")
@click.option("--all", "everything", is_flag=True, help="Every answer.")
def purge(call_id: str, feature: str, customer: str, *, everything: bool) -> None:
    """Have answers answered with no more: those of one call, feature or customer, or all.

    It is for answers to calls that began before now; what is asked again is answered by its provider, and stored again.
    """
    if sum(map(bool, (call_id, feature, customer, everything))) != 1:
        raise click.UsageError("say which answers: --call, --feature, --customer or --all")
    source, _ = _source(call_id) if call_id else ("", "")
    instant, purging = now(), purger()
    if call_id:
        purging.calls(dict.fromkeys((call_id, source)), instant)
    elif feature:
        purging.feature(feature, instant)
    elif customer:
        purging.subjects([(Subject(customer, ""), True)], instant)
    else:
        purging.all(instant)
    _audit("cache.purge", call_id or feature or customer or "all", instant)
    click.echo("purged: gateways that run know it within a second")


@command.command("report-bad")
@click.argument("call_id", metavar="CALL_ID")
@click.option("--reason", required=True, help="What is wrong with the answer; kept with the report.")
def report_bad(call_id: str, reason: str) -> None:
    """Say that the answer of the call CALL_ID (the header x-floorline-call-id) is bad: nobody is answered with it again.

    `floorline cache stats` counts the reports of each feature.
    """
    if not reason.strip():
        raise BadInput("--reason is empty: say what is wrong with the answer")
    source, feature = _source(call_id)
    instant = now()
    purger().calls(dict.fromkeys((call_id, source)), instant)
    bad = BadAnswer(call_id=call_id, source=source, feature=feature, reason=reason.strip(), actor=actor(), at=instant)
    with open_state() as state:
        bad_answers(state).put(call_id, bad, now=instant)
    _audit("cache.report-bad", call_id, instant)
    told = f"the answer was made for the call {source}" if source != call_id else "its provider gave it"
    click.echo(f"purged: {told}; gateways that run know it within a second")


def _audit(action: str, subject: str, instant: datetime) -> None:
    with open_state() as state:
        state.audit(Audited(at=instant, actor=actor(), action=action, subject=subject))


def _source(call_id: str) -> tuple[str, str]:
    """The call that the answer of `call_id` was made for, and its feature. A call that the ledger does not know yet is taken for
    one that its provider answered.
    """
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        found = source_of(ledger, call_id)
    if found is None:
        click.echo(f"the ledger does not know the call {call_id}: what was made for it is purged", err=True)
        return call_id, ""
    return found.cached_call or call_id, found.feature


@command.command("stats")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=7, show_default=True, help="How many days, up to now."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def stats(days: int, *, as_json: bool) -> None:
    """Show by feature how often the cache was asked, what hits avoided, and how many answers were reported as bad."""
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        today = now().astimezone(ZoneInfo(ledger.timezone)).date()
        found = use(ledger, today - timedelta(days=days - 1), today + timedelta(days=1))
    if as_json:
        emit_json([_document(one) for one in found])
    elif found:
        _print(found, days)
    else:
        click.echo(f"no call of the last {days} days asked a cache: `guardrails.cache` in floorline.yaml turns it on")


def _document(one: Use) -> dict[str, object]:
    ratio = one.hit_ratio
    return {
        **asdict(one),
        "avoided": money.text(one.avoided),
        "hit_ratio": None if ratio is None else str(round(ratio, 4)),
    }


def _print(found: Sequence[Use], days: int) -> None:
    print_grid(
        plain_console(),
        f"The exact cache over the last {days} days",
        (
            Column(title="feature", cells=[one.feature or "(none)" for one in found], name=True),
            Column(title="hits", cells=[f"{one.hits:,}" for one in found]),
            Column(title="misses", cells=[f"{one.misses:,}" for one in found], weight=1),
            Column(title="hit rate", cells=["" if one.hit_ratio is None else percent(one.hit_ratio) for one in found]),
            Column(title="avoided", cells=[dollars(one.avoided) for one in found]),
            Column(title="not asked", cells=[f"{one.bypassed:,}" for one in found], weight=3),
            Column(title="in shadow", cells=[f"{one.shadow:,}" for one in found], weight=4),
            Column(title="would hit", cells=[f"{one.shadow_hits:,}" for one in found], weight=4),
            Column(title="reported bad", cells=[f"{one.reported:,}" for one in found], weight=2),
        ),
    )
    unvalued = sum(one.unvalued for one in found)
    if unvalued:
        click.echo(f"{unvalued} hits are of answers whose cost nobody knows: they are in no amount")
