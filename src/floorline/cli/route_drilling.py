"""`floorline route drill`: whether fallbacks would carry the load, found out before they have to."""

import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.config import Config
from floorline.config.drills import CALLS_MAX, DrillSettings
from floorline.errors import BadInput
from floorline.jobs.drilling import DRILL, Drilled, Report, drill
from floorline.ledger.shelf import Shelf
from floorline.margin.words import counted, dollars
from floorline.wiring import actor, collecting, load_config, now, open_ledger, open_state
from floorline.wiring.drilling import audit, drillable, keep, kept

KEY = "FLOORLINE_KEY"
REASON = "do fallbacks carry the load"


@click.command("drill")
@click.option("--model", "models", multiple=True, help="Only this model's fallbacks; may be given several times.")
@click.option("--calls", type=click.IntRange(1, CALLS_MAX), help="Calls of each model; `drills.calls` otherwise.")
@click.option("--usd", help="No call is begun once so much is spent; `drills.usd` otherwise.")
@click.option("--gateway", help="The gateway that is called; `drills.gateway` otherwise.")
@click.option("--reason", default=REASON, show_default=True, help="Why prompts are sent again; the audit keeps it.")
@click.option("--last", is_flag=True, help="Show the last drill of each fallback, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(
    models: Sequence[str],
    calls: int | None,
    usd: str | None,
    gateway: str | None,
    reason: str,
    *,
    last: bool,
    as_json: bool,
) -> None:
    """Send a sample of recorded calls to every fallback target, and say which would not carry the load.

    Calls are made through the gateway with the key in FLOORLINE_KEY (or `drills.key`), on record, their purpose evaluation. Only the owner of
    FLOORLINE_HOME can, because kept prompts are sent again, and it is in the audit. The exit code is 1 when a fallback would not carry the load.
    """
    config = load_config(secrets=False)
    if last:
        with open_state() as state:
            found = [one for one in Shelf(state, DRILL, Drilled).all().values() if not models or one.model in models]
        _show(found, as_json=as_json)
        return
    settings = config.drills or DrillSettings()
    names = _models(config, models)
    instant = now()
    asked = kept(config, gateway or settings.gateway, os.environ.get(KEY) or settings.key, instant)
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        audit(ledger.state, actor(), names, reason, instant)
        report = drill(
            ledger, asked, names, instant, calls=calls or settings.calls, usd_max=_usd(usd) or settings.usd_max
        )
        keep(ledger.state, report, instant)
    _show(report.drilled, report, as_json=as_json)
    if any(not one.carries for one in report.drilled):
        sys.exit(1)


def _models(config: Config, asked: Sequence[str]) -> list[str]:
    known = drillable(config)
    if not known:
        raise BadInput("no model of `models` has more than one target: there is no fallback to drill")
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise BadInput(f"{unknown[0]!r} has no fallback: {', '.join(known)} have")
    return [name for name in known if not asked or name in asked]


def _usd(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        usd = Decimal(text.removeprefix("$"))
    except InvalidOperation as error:
        raise BadInput(f"--usd {text!r} is no amount: write it as 0.50") from error
    if not usd.is_finite() or usd <= 0:
        raise BadInput(f"--usd {text!r} is no amount above 0: write it as 0.50")
    return usd


def _show(found: Sequence[Drilled], report: Report | None = None, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "fallbacks": [document(one) for one in found],
                "cost_usd": None if report is None else money.text(report.cost),
                "cost_unknown_answers": None if report is None else report.unpriced,
                "missed": {} if report is None else dict(report.missed),
                "stopped": report is not None and report.stopped,
            }
        )
        return
    if found:
        _table(found)
        for one in found:
            for concern in one.concerns:
                click.echo(f"{one.model} at {one.fallback} would not carry the load: {concern}")
        if all(one.carries for one in found):
            click.echo("Every fallback would carry the load, as far as a drill can say.")
    elif report is None:
        click.echo("No fallback was drilled yet.")
    if report is None:
        return
    for model, why in report.missed.items():
        click.echo(f"{model} was not drilled: {why}")
    if report.stopped:
        click.echo("The drill ended because its dollars were used up (--usd).")
    unknown = f", and what nobody knows for {counted(report.unpriced, 'answer')}" if report.unpriced else ""
    click.echo(f"The drill cost {dollars(report.cost)}{unknown}.")


def _table(found: Sequence[Drilled]) -> None:
    print_grid(
        plain_console(),
        "Fallbacks",
        (
            Column(title="model", cells=[one.model for one in found], name=True),
            Column(title="fallback", cells=[str(one.fallback) for one in found], name=True),
            Column(title="answered", cells=[f"{one.answered:,} of {one.sent:,}" for one in found]),
            Column(title="same", cells=[_same(one.same, one.different) for one in found]),
            Column(title="its own", cells=[_same(one.own_same, one.own_different) for one in found], weight=1),
            Column(title="cost", cells=["" if one.cost_ratio is None else f"{one.cost_ratio:.2f} ×" for one in found]),
            Column(title="ms", cells=[_ms(one.latency_ms) for one in found]),
            Column(title="serving ms", cells=[_ms(one.serving_latency_ms) for one in found], weight=1),
            Column(title="carries", cells=["yes" if one.carries else "no" for one in found]),
            Column(title="when", cells=[f"{one.at:%Y-%m-%d}" for one in found], weight=2),
        ),
    )


def _ms(latency: int | None) -> str:
    return "" if latency is None else f"{latency:,}"


def _same(same: int, different: int) -> str:
    """Of the answers that can be compared."""
    return f"{same:,} of {same + different:,}" if same + different else ""


def document(one: Drilled) -> dict[str, object]:
    """A drill for programs."""
    return {
        "at": one.at.isoformat(),
        "model": one.model,
        "fallback": {"provider": one.fallback.provider, "model": one.fallback.model},
        "serving": {"provider": one.serving.provider, "model": one.serving.model},
        "sent": one.sent,
        "answered": one.answered,
        "same": one.same,
        "different": one.different,
        "own_same": one.own_same,
        "own_different": one.own_different,
        "troubles": [{"trouble": trouble, "calls": calls} for trouble, calls in one.troubles],
        "cost_usd": money.text(one.cost) if one.priced else None,
        "serving_cost_usd": money.text(one.serving_cost) if one.priced else None,
        "priced": one.priced,
        "latency_ms_median": one.latency_ms,
        "serving_latency_ms_median": one.serving_latency_ms,
        "requests_a_minute": one.requests_a_minute,
        "tokens_a_minute": one.tokens_a_minute,
        "peak_calls_a_minute": one.peak_calls,
        "peak_tokens_a_minute": one.peak_tokens,
        "carries": one.carries,
        "concerns": list(one.concerns),
    }
