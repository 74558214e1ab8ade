"""`floorline route`: what the rules of routing do with a call, and what other rules would have done with those on record."""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
import msgspec

from floorline import clock, money
from floorline.cli.output import emit_json
from floorline.cli.route_drilling import command as drilling
from floorline.cli.route_simulating import command as simulate
from floorline.config import Config
from floorline.errors import BadInput
from floorline.events import CALL_TYPES, INPUT_BUCKETS
from floorline.gateway.trying import PATHS, Trial, Tried, tried
from floorline.guardrails.frame import Refusal
from floorline.guardrails.tracing import SeenRule, SeenTerm, Traced
from floorline.jobs.recorded import RecordedCall, recorded_call
from floorline.wiring import collecting, load_book, load_config, now, open_ledger
from floorline.wiring.intents import classified
from floorline.wiring.simulating import known_certificates, known_figures, labels_of

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
_CONFIG = click.option(
    "--config", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Try the rules of this file."
)
_NAMED = ("feature", "customer", "plan", "user", "workflow", "step", "environment", "purpose")
_CAME = {
    "counts": "counts", "would": "holds, and does not act on this call", "fails": "does not hold",
    "open": "waits for what nobody has asked", "after": "not looked at",
}  # fmt: skip


@click.group("route")
def command() -> None:
    """Which model serves a call, and why (docs/routing.md)."""


@command.command("test")
@click.option("--model", help="The model that the call asks for.")
@click.option("--call", "call_id", help="Take what is not stated here from this call on record.")
@click.option("--feature", help="Its feature.")
@click.option("--customer", help="Its customer.")
@click.option("--plan", help="The customer's plan.")
@click.option("--user", help="Its user.")
@click.option("--workflow", help="Its workflow.")
@click.option("--step", help="Its step.")
@click.option("--environment", help="Its environment.")
@click.option("--purpose", help="Its purpose.")
@click.option("--type", "call_type", type=click.Choice(CALL_TYPES), help="Its call type.")
@click.option("--dialect", type=click.Choice(list(PATHS)), help="The dialect that it speaks; openai by default.")
@click.option("--input-tokens", type=click.IntRange(1), help="How many tokens it sends.")
@click.option("--output-tokens", type=click.IntRange(0), help="How many come back, for what it costs.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of its request.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="An entry of its metadata.")
@click.option("--label", "labels", multiple=True, metavar="intent.NAME=CLASS", help="What a classifier or router says.")
@click.option("--text", help="What its user says: the classifiers of `intents` are asked about it.")
@click.option("--budget-used", metavar="PERCENT", help="The largest share that is used of a budget of it, as 85%.")
@click.option("--at", metavar="TIME", help="When it comes, as 2026-01-31T22:30; now when not stated.")
@_CONFIG
@_JSON
def test(
    *,
    model: str | None,
    call_id: str | None,
    call_type: str | None,
    dialect: str | None,
    input_tokens: int | None,
    output_tokens: int | None,
    headers: Sequence[str],
    metadata: Sequence[str],
    labels: Sequence[str],
    text: str | None,
    budget_used: str | None,
    at: str | None,
    file: Path | None,
    as_json: bool,
    **named: str | None,
) -> None:
    """Show what would be done with a call, rule by rule, without making it. The exit code is 1 when it would be refused.

    It goes the way of every call up to where it would be sent: what binds its customer and feature, the rules in their order, margin
    rules by the figures that gateways have now, and what it costs where it goes and where it asks to go.
    """
    config = load_config(file, secrets=False)
    recorded = None if call_id is None else _recorded(call_id, config)
    said = {f"x-floorline-{name}": value for name in _NAMED if (value := named[name] or _of(recorded, name))}
    if kind := call_type or _of(recorded, "call_type"):
        said["x-floorline-call-type"] = kind
    entries = {**({} if recorded is None else recorded.metadata), **_pairs(metadata, "--metadata")}
    if entries:
        said["x-floorline-metadata"] = msgspec.json.encode(entries).decode()
    asked = model or _of(recorded, "model_requested")
    if not asked:
        raise BadInput("no model is stated: write --model, or --call with a call on record")
    trial = Trial(
        model=asked,
        at=_instant(at, config) or (now() if recorded is None else recorded.opened_at),
        dialect=dialect or _of(recorded, "dialect") or "openai",
        headers={**_pairs(headers, "--header"), **said},
        input_tokens=input_tokens or _tokens(recorded, given=True) or 1,
        output_tokens=_tokens(recorded, given=False) if output_tokens is None else output_tokens,
        labels={
            **labels_of(entries),
            **({} if text is None else classified(config, text)),
            **_pairs(labels, "--label"),
        },
        budget_used=_share(budget_used),
    )
    book, _ = load_book(config)
    found = tried(trial, config.gateway, book, known_figures(), known_certificates())
    if as_json:
        emit_json(_document(trial, found))
    else:
        for line in _sentences(trial, found):
            click.echo(line)
    if isinstance(found, Refusal):
        sys.exit(1)


command.add_command(simulate)
command.add_command(drilling)


def _recorded(call_id: str, config: Config) -> RecordedCall:
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        found = recorded_call(ledger, call_id)
    if found is None:
        raise BadInput(f"the ledger does not know the call {call_id}")
    return found.call


def _of(recorded: RecordedCall | None, name: str) -> str:
    return "" if recorded is None else getattr(recorded, name)


def _tokens(recorded: RecordedCall | None, *, given: bool) -> int:
    """Those of the prompt, or those of the answer."""
    usage = {} if recorded is None else recorded.usage
    return sum(int(many) for unit, many in usage.items() if (unit in INPUT_BUCKETS) is given)


def _pairs(written: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in written:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"{option} {one!r} is no pair: write it as name=value")
        found[name.strip()] = value.strip()
    return found


def _share(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        share = Decimal(text.removesuffix("%"))
    except InvalidOperation as error:
        raise BadInput(f"--budget-used {text!r} is no share: write it as 85%") from error
    return share / 100 if text.endswith("%") else share


def _instant(text: str | None, config: Config) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--at {text!r} is no time: write it as 2026-01-31T22:30") from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=clock.timezone(config.timezone))
    return at.astimezone(UTC)


def _sentences(trial: Trial, found: Tried | Refusal) -> list[str]:
    if isinstance(found, Refusal):
        return [f"It is refused ({found.status} {found.kind}): {found.message}"]
    lines = [line for number, rule in enumerate(found.traced.rules, 1) for line in _of_rule(number, rule)]
    if not found.traced.rules:
        lines.append("No route rule is on.")
    if found.traced.wanted:
        lines.append(
            f"{found.traced.wanted} decides, and nobody has asked it: add --label {found.traced.wanted}=CLASS, or know that it abstains"
        )
    lines += [f"  {reason}" for reason in found.verdict.reasons if not reason.startswith("route: ")]
    return [*lines, _destination(trial, found)]


def _of_rule(number: int, rule: SeenRule) -> list[str]:
    return [
        f"{number}. {rule.name}: {_CAME[rule.came]}",
        *[f"     {_of_term(one)}" for one in rule.terms if rule.came != "after"],
        *([f"     → {rule.why}"] if rule.why else []),
    ]


def _of_term(one: SeenTerm) -> str:
    mark = "?" if one.holds is None else "✓" if one.holds else "✗"
    known = f" (it is {one.known})" if one.known else " (not known, or empty)"
    return f"{mark} {one.term}{'' if one.holds and re.search(' = ', one.term) else known}"


def _destination(trial: Trial, found: Tried) -> str:
    (target, cost), *others = found.targets
    there = f"{target.model or found.model} at {target.provider}"
    then = f", then {', '.join(one.provider for one, _ in others)}" if others else ""
    tokens = f"{trial.input_tokens:,} tokens in, {trial.output_tokens:,} out"
    price = "at a price that is not known" if cost is None else f"for about ${_short(cost)}"
    instead = (
        "" if found.asked_cost is None or found.model == trial.model else f", in place of ${_short(found.asked_cost)}"
    )
    return f"It goes to {there}{then}, {price}{instead} ({tokens})."


def _short(cost: Decimal) -> str:
    """An amount in the digits that it has."""
    return f"{cost.normalize():f}"


def _document(trial: Trial, found: Tried | Refusal) -> dict[str, object]:
    asked = {
        "model": trial.model,
        "at": trial.at.isoformat(),
        "input_tokens": trial.input_tokens,
        "output_tokens": trial.output_tokens,
    }
    if isinstance(found, Refusal):
        refusal = {"status": found.status, "kind": found.kind, "message": found.message}
        return {"asked": asked, "refused": refusal}
    return {
        "asked": asked,
        "refused": None,
        "rules": _rules(found.traced),
        "wanted": found.traced.wanted or None,
        "model": found.model,
        "targets": [
            {
                "provider": target.provider,
                "model": target.model or found.model,
                "tier": target.tier,
                "cost_usd": _text(cost),
            }
            for target, cost in found.targets
        ],
        "asked_cost_usd": _text(found.asked_cost),
        "reasons": list(found.verdict.reasons),
        "touches": [
            {"guardrail": one.guardrail, "arm": one.arm, "action": one.action} for one in found.verdict.touches
        ],
    }


def _rules(found: Traced) -> list[Mapping[str, object]]:
    return [
        {
            "name": rule.name,
            "came": rule.came,
            "why": rule.why,
            "terms": [{"term": one.term, "known": one.known, "holds": one.holds} for one in rule.terms],
        }
        for rule in found.rules
    ]


def _text(cost: Decimal | None) -> str | None:
    return None if cost is None else money.text(cost)
