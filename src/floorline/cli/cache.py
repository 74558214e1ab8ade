"""`floorline cache`: what the caches did, and how an answer gets out of them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.caching import (
    BadAnswer,
    NearUse,
    SourceRow,
    Use,
    bad_answers,
    keep_report,
    near_use,
    report,
    source_of,
    use,
)
from floorline.ledger.content import Subject
from floorline.ledger.state import Audited
from floorline.margin.words import dollars, percent
from floorline.wiring import actor, collecting, load_config, now, open_ledger, open_state, purger

DAYS_MAX = 366


@click.group("cache")
def command() -> None:
    """Show what the caches did, and purge answers from them (docs/cache.md, docs/semantic-cache.md).

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
    source = _source(call_id) if call_id else ""
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
    instant = now()
    found = _found(call_id, reported_at=instant)
    source, feature = (call_id, "") if found is None else (found.cached_call or call_id, found.feature)
    purger().calls(dict.fromkeys((call_id, source)), instant)
    bad = BadAnswer(call_id=call_id, source=source, feature=feature, reason=reason.strip(), actor=actor(), at=instant)
    with open_state() as state:
        bad_answers(state).put(call_id, bad, now=instant)
    _audit("cache.report-bad", call_id, instant)
    told = f"the answer was made for the call {source}" if source != call_id else "its provider gave it"
    click.echo(f"purged: {told}; gateways that run know it within a second")
    if found is not None and found.metadata.get("semantic") == "hit":
        click.echo("it was the answer to a near question: that counts against its feature's certificate")


def _audit(action: str, subject: str, instant: datetime) -> None:
    with open_state() as state:
        state.audit(Audited(at=instant, actor=actor(), action=action, subject=subject))


def _source(call_id: str) -> str:
    """The call that the answer of `call_id` was made for."""
    found = _found(call_id)
    return call_id if found is None else found.cached_call or call_id


def _found(call_id: str, *, reported_at: datetime | None = None) -> SourceRow | None:
    """What the ledger knows of the call, and of whose answer it had. A call that it does not know yet is taken for one that its provider
    answered. One that is reported as bad is a label, where a near question's answer was served.
    """
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        found = source_of(ledger, call_id)
        label = None if found is None or reported_at is None else report(call_id, found, reported_at)
        if label is not None:
            keep_report(ledger, label)
    if found is None:
        click.echo(f"the ledger does not know the call {call_id}: what was made for it is purged", err=True)
    return found


@command.command("stats")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=7, show_default=True, help="How many days, up to now."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def stats(days: int, *, as_json: bool) -> None:
    """Show by feature how often the caches were asked, what hits avoided, how many answers were reported as bad, and what comparing stored
    answers with the model's has found.
    """
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        today = now().astimezone(ZoneInfo(ledger.timezone)).date()
        start, end = today - timedelta(days=days - 1), today + timedelta(days=1)
        found, near = use(ledger, start, end), near_use(ledger, start, end)
    if as_json:
        emit_json({"exact": [_document(one) for one in found], "semantic": [_near_document(one) for one in near]})
        return
    if not found and not near:
        click.echo(f"no call of the last {days} days asked a cache: `guardrails.cache` in floorline.yaml turns it on")
    if found:
        _print(found, days)
    if near:
        _print_near(near, days)


def _document(one: Use) -> dict[str, object]:
    ratio = one.hit_ratio
    return {
        **asdict(one),
        "avoided": money.text(one.avoided),
        "hit_ratio": None if ratio is None else str(round(ratio, 4)),
    }


def _near_document(one: NearUse) -> dict[str, object]:
    return {**asdict(one), "avoided": money.text(one.avoided), "spent": money.text(one.spent)}


def _print_near(found: Sequence[NearUse], days: int) -> None:
    print_grid(
        plain_console(),
        f"The semantic cache over the last {days} days",
        (
            Column(title="feature", cells=[one.feature or "(none)" for one in found], name=True),
            Column(title="hits", cells=[f"{one.hits:,}" for one in found]),
            Column(title="avoided", cells=[dollars(one.avoided) for one in found]),
            Column(title="spent", cells=[dollars(one.spent) for one in found], weight=1),
            Column(title="audited", cells=[f"{one.audits:,}" for one in found], weight=2),
            Column(title="not certified", cells=[f"{one.near:,}" for one in found], weight=3),
            Column(title="vetoed", cells=[f"{one.vetoed:,}" for one in found], weight=4),
            Column(title="compared", cells=[f"{one.labels:,}" for one in found], weight=1),
            Column(title="wrong", cells=[f"{one.labels - one.right:,}" for one in found]),
        ),
    )
    unvalued = sum(one.unvalued for one in found)
    if unvalued:
        click.echo(f"{unvalued} hits are of answers whose cost nobody knows: they are in no amount")


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
