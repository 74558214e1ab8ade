"""`floorline audit tiers`: which models serve which tasks, and what those served above their tier would save."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import click

from floorline import money
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.margin import Day
from floorline.cli.output import emit_json
from floorline.clock import day_of, timezone
from floorline.config import Config
from floorline.errors import BadInput
from floorline.guardrails.certified.tier import TIERS, Tier
from floorline.jobs.certifying import shelf
from floorline.jobs.pricing_use import version_on
from floorline.jobs.tiers import Audit, Served
from floorline.jobs.tiers import audit as audit_of
from floorline.margin.words import counted, dollars, percent
from floorline.money import ZERO
from floorline.proof.certificate import Certificate
from floorline.proof.words import percent as share
from floorline.wiring import load_book, load_config, now, open_ledger

DAYS = 30
SHOWN_MAX = 20
_NAMES = {1: "simple", 2: "ordinary", 3: "hard"}
_MODELS = {1: "small", 2: "middle", 3: "large", None: "unpriced"}


@click.command("tiers")
@click.option("--feature", default="", help="This feature's alone.")
@click.option("--from", "start", type=Day(), help=f"The first day; without it the last {DAYS} whole days.")
@click.option("--to", "end", type=Day(), help="The day after the last one; today when not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(feature: str, start: date | None, end: date | None, *, as_json: bool) -> None:
    """Shares of calls and spend by how hard tasks look and how large their models are; which features are served above their tier,
    what a smaller model would have cost, and what comparisons have shown of it so far.

    A tier is a hint by the form of calls and never acts: docs/certified-routing.md says how it is taken, and how a model earns a place.
    """
    config = load_config(secrets=False)
    book, _ = load_book(config)
    with open_ledger(config) as ledger:
        today = day_of(now(), timezone(ledger.timezone))
        last = end or today
        first = start or last - timedelta(days=DAYS)
        if first >= last:
            raise BadInput(f"from {first} to {last} holds no day: --to is the day after the last")
        found = audit_of(
            ledger,
            first,
            last,
            lambda provider, model: version_on(book, provider, model, today),
            lambda model: _where(config, model),
            config.gateway.guardrails,
            [one.published for one in shelf(ledger.state).all().values()],
            feature,
        )
    if as_json:
        emit_json(document(found))
    else:
        show(found)


def _where(config: Config, model: str) -> tuple[str, str] | None:
    """Whose prices hold for a model that the file names, and what it is called there."""
    group = config.gateway.models.get(model)
    if group is None:
        return None
    target = group.targets[0]
    provider = config.gateway.providers[target.provider]
    return provider.price_as or provider.name, target.model or model


def document(found: Audit) -> dict[str, object]:
    """The audit for programs."""
    return {
        "from": found.start,
        "to": found.end,
        "calls": found.calls,
        "cost_usd": money.text(found.cost),
        "tiers": [
            {"task": task, "model": model, "calls": calls, "cost_usd": money.text(cost)}
            for task, model, calls, cost in _matrix(found)
        ],
        "steps": [_step(one) for one in found.served],
    }


def _step(one: Served) -> dict[str, object]:
    cheaper = one.cheaper
    return {
        "feature": one.slice.feature,
        "step": one.slice.step,
        "call_type": one.slice.call_type,
        "provider": one.slice.provider,
        "model": one.slice.model,
        "calls": one.slice.calls,
        "cost_usd": money.text(one.slice.cost),
        "task_tier": one.task.tier,
        "task_reasons": list(one.task.reasons),
        "model_tier": one.tier,
        "over_served": one.over,
        "cheaper_model": None if cheaper is None else cheaper.model,
        "cheaper_is_named": None if cheaper is None else cheaper.named,
        "saved_usd": None if cheaper is None else money.text(one.saved),
        "earned": None if one.earned is None else _earned(one.earned),
    }


def _earned(one: Certificate) -> dict[str, object]:
    return {"state": one.state, "labels": one.labels, "bound": one.bound, "bar": one.budget}


def _matrix(found: Audit) -> list[tuple[Tier, Tier | None, int, Decimal]]:
    kinds: list[tuple[Tier, Tier | None]] = [(task, model) for task in TIERS for model in (*TIERS, None)]
    return [(task, model, *sums) for task, model in kinds if (sums := found.of(task, model))[0]]


def show(found: Audit) -> None:
    """The audit for people."""
    last = found.end - timedelta(days=1)
    if not found.served:
        click.echo(f"{found.start} to {last}: no production call is on record")
        return
    out = plain_console()
    matrix = _matrix(found)
    print_grid(
        out,
        f"{counted(found.calls, 'call')} and {dollars(found.cost)} of {found.start} to {last}, by how hard tasks look and how large"
        " their models are",
        (
            Column(title="task", cells=[f"{task} {_NAMES[task]}" for task, *_ in matrix], name=True),
            Column(title="model", cells=[_MODELS[model] for _, model, *_ in matrix], left=True),
            Column(title="calls", cells=[f"{calls:,}" for *_, calls, _ in matrix], weight=1),
            Column(title="of calls", cells=[percent(_ratio(calls, found.calls)) for *_, calls, _ in matrix]),
            Column(title="cost", cells=[dollars(cost) for *_, cost in matrix], weight=1),
            Column(title="of spend", cells=[percent(_ratio(cost, found.cost)) for *_, cost in matrix]),
        ),
    )
    over = [one for one in found.served if one.over]
    click.echo()
    if not over:
        click.echo("no feature is served by a larger model than its tasks look like")
        return
    _print_over(over)


def _print_over(over: Sequence[Served]) -> None:
    saved = sum([one.saved for one in over], ZERO)
    shown = over[:SHOWN_MAX]
    print_grid(
        plain_console(),
        f"{counted(len(over), 'step')} served above the tier of their task; smaller models would have saved {dollars(saved)}",
        (
            Column(title="feature", cells=[_place(one) for one in shown], name=True),
            Column(title="task", cells=[_NAMES[one.task.tier] for one in shown], left=True),
            Column(title="model", cells=[one.slice.name for one in shown], left=True),
            Column(title="cost", cells=[dollars(one.slice.cost) for one in shown], weight=1),
            Column(
                title="smaller", cells=["–" if one.cheaper is None else one.cheaper.model for one in shown], left=True
            ),
            Column(title="saves", cells=["–" if one.cheaper is None else dollars(one.saved) for one in shown]),
            Column(title="shown so far", cells=[_shown(one) for one in shown], left=True, weight=2),
        ),
    )
    for one in shown:
        click.echo(f"{_place(one)}: {', '.join(one.task.reasons)}")
    if len(over) > len(shown):
        click.echo(f"and {len(over) - len(shown)} more: --json has all")
    click.echo(
        "\nhow hard a task looks is no proof: `certified_route` compares models on its own calls (docs/certified-routing.md)"
    )


def _place(one: Served) -> str:
    feature = one.slice.feature or "(no feature)"
    return f"{feature}, {one.slice.step}" if one.slice.step else feature


def _shown(one: Served) -> str:
    """What comparisons have shown of the smaller model."""
    if one.earned is None:
        return "nothing" if one.cheaper is None or one.cheaper.named else "nothing; not named"
    return f"{one.earned.state}: {share(one.earned.bound)} of {share(one.earned.budget)}, {one.earned.labels:,} labels"


def _ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return money.ratio(Decimal(part), Decimal(whole)) if whole else None
