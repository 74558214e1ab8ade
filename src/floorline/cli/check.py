"""`floorline check`: everything that is wrong with floorline.yaml at once, else what it says."""

import sys
from pathlib import Path

import click
from rich import box
from rich.table import Table

from floorline.cli.check_allowance import allowance_document, print_allowance
from floorline.cli.check_gateway import gateway_document, print_gateway
from floorline.cli.check_guardrails import guardrails_document, print_guardrails
from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json
from floorline.config import Config, Parsed
from floorline.delivery.message import SEVERITIES
from floorline.delivery.route import Route
from floorline.errors import BadInput
from floorline.gateway.policy import counts_apart
from floorline.margin.floors import Floor, exception_fields, exception_sentence
from floorline.margin.policy import FeaturePolicy
from floorline.wiring import CONFIG_NAME, home, load_book, load_hook, now, read_config, running_gateways
from floorline.wiring.caches import find_drivers
from floorline.wiring.checking import dearer_downgrades, floors_of, lapsed
from floorline.wiring.embedders import find_embedders


@click.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True,
    help="How many gateway processes will serve by it: limits must hold over all of them.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(file: Path | None, processes: int, as_json: bool) -> None:
    """Check FILE, or the floorline.yaml that every command would use, and print what holds.

    Every problem is printed with file, line and column, and the exit code is 2. Warnings do not change the exit code:
    a price more than 5 times off the catalogue's, a plan that names a feature which `features` does not, a downgrade to a dearer model. A secret whose
    variable is not set is a problem: check where the gateway runs. Secrets themselves are never printed. An exception from
    a floor whose review date has passed is a warning.
    """
    parsed = read_config(file)
    errors = list(map(str, (*parsed.problems, *parsed.unset)))
    if apart := counts_apart(parsed.config.gateway, max(processes, running_gateways(home()))):
        errors.append(apart)
    warnings = [*map(str, parsed.warnings), *lapsed(parsed.config, now())]
    if not errors:
        try:
            book, about_prices = load_book(parsed.config)
            warnings += [*about_prices, *dearer_downgrades(parsed.config.gateway, book, now())]
            load_hook(parsed.config)
            find_drivers(parsed.config.gateway.cache)
            find_embedders(parsed.config.gateway.embedders)
        except BadInput as error:
            errors.append(str(error))
    if as_json:
        emit_json(document(parsed, errors, warnings))
    elif not errors:
        _print(parsed.config)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    for error in errors:
        click.echo(error, err=True)
    if errors:
        click.echo(f"{len(errors)} to mend" if len(errors) > 1 else "1 to mend", err=True)
        sys.exit(2)


def document(parsed: Parsed, errors: list[str], warnings: list[str]) -> dict[str, object]:
    """What `--json` prints. `problems` are the errors that have a place in the file; `config` is null with errors."""
    config = parsed.config
    return {
        "file": str(config.path) if config.path else None,
        "ok": not errors,
        "errors": errors,
        "problems": [
            {"file": one.file, "line": one.line, "column": one.column, "message": one.message}
            for one in (*parsed.problems, *parsed.unset)
        ],
        "warnings": warnings,
        "config": None if errors else effective(config),
    }


def effective(config: Config) -> dict[str, object]:
    """The configuration with its defaults filled in; numbers are text."""
    floors = floors_of(config, now())
    return {
        "timezone": config.timezone if config.timezone_stated else None,
        "litellm_file": config.litellm_file or None,
        "trusted_cost_providers": sorted(config.trusted_cost_providers),
        "prices": len(config.prices),
        "contracts": len(config.contracts),
        "aliases": len(config.aliases),
        "routes": {
            route.name: {
                "kind": route.channel.kind,
                "severities": _taken(route),
                "reports": route.reports,
            }
            for route in config.routes
        },
        "yellow_band": f"{config.yellow_band:f}",
        "features": {name: _feature(policy, floors[name]) for name, policy in config.features.items()},
        "plans": {
            name: {
                "allocation": plan.allocation,
                "weights": {feature: f"{weight:f}" for feature, weight in plan.weights.items()},
                "features": list(plan.features),
                "outcome_prices": {outcome: f"{price:f}" for outcome, price in plan.outcome_prices.items()},
                "usage_prices": {unit: f"{price:f}" for unit, price in plan.usage_prices.items()},
            }
            for name, plan in config.plans.items()
        },
        "gateway": gateway_document(config.gateway),
        **allowance_document(config.gateway),
        "guardrails": guardrails_document(config.gateway),
    }


def _print(config: Config) -> None:
    console = plain_console()
    console.print(f"{config.path}: in order" if config.path else f"No {CONFIG_NAME}: the defaults hold.")
    summary = Table("setting", "value", box=box.SIMPLE)
    summary.add_row("timezone", config.timezone if config.timezone_stated else "the ledger's own (UTC when new)")
    summary.add_row("prices", _entries(len(config.prices)))
    summary.add_row("contracts", _entries(len(config.contracts)))
    summary.add_row("litellm_file", config.litellm_file or "none")
    summary.add_row("trusted_cost_providers", ", ".join(sorted(config.trusted_cost_providers)) or "none")
    summary.add_row("aliases", _entries(len(config.aliases)))
    console.print(summary)
    if config.features:
        features = Table("feature", "role", "hosting", "floor", "owner", box=box.SIMPLE)
        floors = floors_of(config, now())
        for name, policy in config.features.items():
            features.add_row(name, policy.role, policy.hosting, _floor(floors[name]), policy.owner)
        console.print(features)
        for name, floor in floors.items():
            if floor.exception and not floor.lapsed:
                console.print(f"{name}: {exception_sentence(floor)}")
    if config.plans:
        plans = Table("plan", "revenue divided by", "weights", "outcome prices", "usage prices", box=box.SIMPLE)
        for name, plan in config.plans.items():
            amounts = (plan.weights, plan.outcome_prices, plan.usage_prices)
            listed = (", ".join(f"{key} {value:f}" for key, value in mapping.items()) for mapping in amounts)
            plans.add_row(name, plan.allocation, *listed)
        console.print(plans)
    if config.routes:
        routes = Table("route", "kind", "alerts", "reports", box=box.SIMPLE)
        for route in config.routes:
            routes.add_row(
                route.name, route.channel.kind, ", ".join(_taken(route)) or "none", str(route.reports).lower()
            )
        console.print(routes)
    print_gateway(console, config.gateway)
    print_allowance(console, config.gateway)
    print_guardrails(console, config.gateway)


def _taken(route: Route) -> list[str]:
    """The severities that a route takes, the gravest first."""
    return [severity for severity in SEVERITIES if severity in route.severities]


def _feature(policy: FeaturePolicy, floor: Floor) -> dict[str, object]:
    return {
        "role": policy.role,
        "hosting": policy.hosting,
        "floor": f"{floor.ratio:f}",
        "yellow_band": f"{floor.band:f}",
        "exception": exception_fields(floor),
        "owner": policy.owner,
    }


def _floor(floor: Floor) -> str:
    notes = {"stated": "", "exception": " (exception)"}
    return f"{floor.ratio:f}{notes.get(floor.origin, ' (default)')}"


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"
