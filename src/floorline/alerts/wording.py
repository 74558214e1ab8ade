"""How an alert is said: its title, its text in Markdown, its figures as short fields."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from floorline.alerts.model import Alert, Moment, State, Unit
from floorline.margin.words import cents

TITLES: Mapping[str, str] = {
    "margin_red": "margin below its floor",
    "margin_yellow": "margin below green",
    "cost_outgrows_revenue": "inference cost grows faster than revenue",
    "cost_per_call_week": "cost per call is up on last week",
    "cost_per_call_days": "cost per call is up three days running",
    "cost_anomaly": "costs far more than usual",
    "customer_cost_to_revenue": "customer costs more than is left of what it pays",
    "price_change": "provider's price changes",
    "unpriced_model": "model without a price",
    "unattributed_share": "cost without a customer or feature",
    "revenue_stale": "revenue is stale",
    "budget": "budget step passed",
    "fair_use": "fair-use step passed",
    "ledger_behind": "the ledger is behind",
    "exception_overdue": "floor exception is past its review date",
    "certificate_taken_back": "certificate was taken back",
}
"""Each rule for people."""

LEVERS: Mapping[str, str] = {
    "customer_cost_to_revenue": "Cap or meter the customer, or move it to a plan that pays for what it uses.",
    "price_change": "Check which features use the model (`floorline margin --by model`), and compare models of the same tier.",
    "unpriced_model": "Add the model to `prices:` in floorline.yaml, then put its calls right with `floorline re-rate`.",
    "unattributed_share": "Name customer and feature on every call; `floorline keys create --customer … --feature …` fixes them.",
    "revenue_stale": "Import the missing revenue, or see why the source brings none.",
    "budget": "Raise the budget, or let the guardrail hold.",
    "fair_use": "Talk to whoever uses that much, or sell them a larger plan.",
    "ledger_behind": "See what the control process is busy with: `floorline doctor`.",
    "exception_overdue": "End the exception, or give it a new reason and date in floorline.yaml.",
    "certificate_taken_back": "See what the labels say and what changed (`floorline certificates show NAME`): it comes back by "
    "new labels alone, or take its rule out.",
}
"""What helps where no driver of cost says better."""

NAMES: Mapping[State, str] = {
    "open": "opened",
    "acknowledged": "acknowledged",
    "worsened": "got worse",
    "resolved": "resolved",
    "reopened": "opened again",
}


def subject_of(alert: Alert) -> str:
    """Whom it is about: a name, or the company as a whole."""
    return alert.subject or "the company"


def title(alert: Alert) -> str:
    """One line: subject, rule, value."""
    value = amount(alert.value, alert.unit)
    return f"{subject_of(alert)}: {TITLES.get(alert.rule, alert.rule)}{f' ({value})' if value else ''}"


def text(alert: Alert, moment: Moment) -> str:
    """What happened, what drives it, what helps, in Markdown."""
    who = f" by {moment.by}" if moment.by else ""
    lines = [f"{_capital(alert.evidence)}." if alert.evidence else ""]
    if moment.state in {"acknowledged", "worsened", "resolved"}:
        note = f": {moment.note}" if moment.note else ""
        lines.insert(0, f"**{_capital(NAMES[moment.state])}**{who}{note}.")
    if alert.driver_text:
        lines.append(f"Driver: {alert.driver_text}.")
    if alert.lever:
        lines.append(f"What helps: {alert.lever}")
    lines.append(f"`floorline alerts show {alert.id}`")
    return "\n\n".join(line for line in lines if line)


def fields(alert: Alert) -> tuple[tuple[str, str], ...]:
    """The figures that are known, by name."""
    shown = (
        ("value", amount(alert.value, alert.unit)),
        ("threshold", amount(alert.threshold, alert.unit)),
        ("trend", signed(alert.trend)),
        ("at stake", "" if alert.at_stake_usd is None else f"{cents(alert.at_stake_usd)} a month"),
        ("driver", alert.driver.replace("_", " ")),
        ("owner", alert.answerable),
        ("deadline", minute(alert.deadline) if alert.deadline else ""),
        ("state", alert.state),
    )
    return tuple((name, value) for name, value in shown if value)


def amount(value: Decimal | None, unit: Unit) -> str:
    """A value with its unit, empty where unknown: 62.5 %, $120.00, 3 days."""
    if value is None:
        return ""
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    return cents(value) if unit == "usd" else f"{value.normalize():f} {unit}"


def signed(trend: Decimal | None) -> str:
    """How far a share moved, in points: -4.2 points."""
    return "" if trend is None else f"{trend * 100:+.1f} points in a week"


def minute(instant: datetime) -> str:
    """An instant to the minute."""
    return f"{instant:%Y-%m-%d %H:%M %Z}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
