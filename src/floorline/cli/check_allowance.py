"""What `floorline check` shows of budgets, rates and the counters that hold them."""

from rich import box
from rich.console import Console
from rich.table import Table

from floorline.gateway.policy import GatewayPolicy
from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.rate import Rate
from floorline.guardrails.windows import Window


def allowance_document(policy: GatewayPolicy) -> dict[str, object]:
    """With its defaults filled in, for `--json`. Amounts are text in the budget's own unit; the address of Redis is a secret."""
    sharing = policy.sharing
    return {
        "budgets": [_budget(budget) for budget in policy.allowance.budgets],
        "rates": [_rate(rate) for rate in policy.allowance.rates],
        "counters": None
        if sharing is None
        else {
            "redis": "given",
            "prefix": sharing.prefix,
            "timeout_ms": sharing.timeout_ms,
            "fail": sharing.fail,
        },
    }


def _budget(budget: Budget) -> dict[str, object]:
    window, soft = budget.window, budget.soft
    return {
        "name": budget.name,
        "scope": _scope(budget.scope),
        "unit": budget.unit,
        "limit": f"{budget.limit:f}",
        "window": {"unit": window.unit, "timezone": window.timezone, "anchor_day": window.anchor_day},
        "soft": None
        if soft is None
        else {
            "percent": f"{soft.percent:f}",
            "action": soft.action,
            "delay_ms": soft.delay_ms if soft.action == "delay" else None,
        },
        "hard": budget.hard,
        "overage_limit": None if budget.overage_limit is None else f"{budget.overage_limit:f}",
        "unbounded": None if budget.unbounded is None else f"{budget.unbounded:f}",
        "thresholds": list(budget.thresholds),
        "within": budget.within or None,
        "acquisition": budget.acquisition,
    }


def _rate(rate: Rate) -> dict[str, object]:
    return {
        "name": rate.name,
        "scope": _scope(rate.scope),
        "requests_per_minute": rate.requests,
        "tokens_per_minute": rate.tokens,
    }


def _scope(scope: tuple[Part, ...]) -> dict[str, object]:
    return {part.dimension: list(part.names) or "each" for part in scope}


def print_allowance(console: Console, policy: GatewayPolicy) -> None:
    """The tables for people; nothing without budgets and rates."""
    allowance = policy.allowance
    if allowance.budgets:
        table = Table("budget", "of", "limit", "window", "soft", "at the limit", box=box.SIMPLE)
        for one in allowance.budgets:
            soft = "" if one.soft is None else f"{one.soft.percent:f} %: {one.soft.action}"
            table.add_row(
                one.name, _whose(one.scope), f"{one.limit:f} {one.unit}", _window(one.window), soft, _hard(one)
            )
        console.print(table)
    if allowance.rates:
        table = Table("rate", "of", "requests a minute", "tokens a minute", box=box.SIMPLE)
        for rate in allowance.rates:
            table.add_row(rate.name, _whose(rate.scope), *(str(one or "any") for one in (rate.requests, rate.tokens)))
        console.print(table)
    if allowance.budgets or allowance.rates:
        sharing = policy.sharing
        where = "in each gateway process" if sharing is None else f"in Redis, {sharing.fail} while that is gone"
        console.print(f"counters: {where}")


def _whose(scope: tuple[Part, ...]) -> str:
    parts = [f"{part.dimension} {', '.join(part.names)}" if part.names else f"each {part.dimension}" for part in scope]
    return " × ".join(parts) or "everyone together"


def _window(window: Window) -> str:
    anchor = f" from day {window.anchor_day}" if window.anchor_day > 1 else ""
    return f"{window.unit}{anchor}, {window.timezone}"


def _hard(budget: Budget) -> str:
    if not budget.hard:
        return "served"
    return "refused" if budget.overage_limit is None else f"billed up to {budget.overage_limit:f}"
