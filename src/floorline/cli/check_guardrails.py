"""What `floorline check` shows of guardrails: which are on for whom."""

from decimal import Decimal

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from floorline.gateway.policy import GatewayPolicy
from floorline.guardrails.listing import mode_text, percent
from floorline.guardrails.listing import rails as listed
from floorline.guardrails.rules import Guardrails, Rules

_RULES = {"route": "route", "margin_rule": "margin rule"}
EVERYONE = "(every other)"
"""The row of features that state no guardrail of their own."""


def guardrails_document(policy: GatewayPolicy) -> dict[str, object] | None:
    """The guardrails of every feature with their modes, for `--json`; None where there are none. Shares are millionths."""
    rails = policy.guardrails
    if rails is None:
        return None
    return {
        "default": _document(rails.default),
        "features": {name: _document(rules) for name, rules in rails.features.items()},
        "budgets": [budget.name for budget in policy.allowance.budgets],
        "rates": [rate.name for rate in policy.allowance.rates],
    }


def print_guardrails(console: Console, policy: GatewayPolicy) -> None:
    """The table for people; nothing without guardrails."""
    rails = policy.guardrails
    if rails is None:
        return
    table = Table("guardrails of", "guardrail", "mode", "hold-out", box=box.SIMPLE)
    for one in listed(rails):
        name = f"{_RULES[one.guardrail]} {one.rule}: {one.does}" if one.rule else one.guardrail
        table.add_row(one.feature or EVERYONE, name, mode_text(one.setting), percent(one.holdout_ppm))
    if table.row_count:
        console.print(table)
    counted = [f"budget {one.name}" for one in policy.allowance.budgets] + [
        f"rate {one.name}" for one in policy.allowance.rates
    ]
    if counted:
        console.print(f"counted for everyone: {', '.join(counted)}")


def _document(rules: Rules) -> dict[str, object]:
    route = rules.route
    found: dict[str, object] = {
        "holdout_ppm": rules.holdout_ppm,
        "routes": [
            {
                "name": rule.name,
                "when": str(rule.when),
                "to": rule.to,
                "mode": mode_text(rule.setting),
                "everyone": rule.everyone,
            }
            for rule in (() if route is None else route.routes)
        ],
        "margin_rules": [
            {"name": rule.name, "when": str(rule.when), "do": rule.do, "mode": mode_text(rule.setting)}
            for rule in (() if route is None else route.margin)
        ],
        "downgrade": {} if route is None else dict(route.cheaper),
    }
    for one in listed(Guardrails(default=rules)):
        if not one.rule:
            rule = msgspec.structs.asdict(getattr(rules, one.guardrail))
            said = {key: f"{value:f}" if isinstance(value, Decimal) else value for key, value in rule.items()}
            found[one.guardrail] = {
                "mode": mode_text(one.setting),
                **{key: value for key, value in said.items() if key != "setting"},
            }
    return found
