"""How `floorline alerts` shows alerts, digests and rules: documents for machines, tables for people."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import click

from floorline.alerts import wording
from floorline.alerts.digest import Digest, NoiseReport
from floorline.alerts.model import Alert
from floorline.alerts.tuning import Setting, Tuning
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.jobs.decisions import Done
from floorline.margin.words import cents
from floorline.money import text


def alert_document(alert: Alert) -> dict[str, object]:
    """An alert as `--json` prints it; unknown is null."""
    response = alert.response_time
    return {
        "id": alert.id,
        "rule": alert.rule,
        "subject_kind": alert.subject_kind,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "state": alert.state,
        "opened_at": _instant(alert.opened_at),
        "acknowledged_at": _instant(alert.acknowledged_at),
        "resolved_at": _instant(alert.resolved_at),
        "reopened_at": _instant(alert.reopened_at),
        "worsened_at": _instant(alert.worsened_at),
        "value": _plain(alert.value),
        "threshold": _plain(alert.threshold),
        "unit": alert.unit,
        "trend": _plain(alert.trend),
        "evidence": alert.evidence or None,
        "driver": alert.driver or None,
        "driver_text": alert.driver_text or None,
        "lever": alert.lever or None,
        "at_stake_usd": None if alert.at_stake_usd is None else text(alert.at_stake_usd),
        "owner": alert.owner or None,
        "assigned": alert.assigned or None,
        "deadline": _instant(alert.deadline),
        "response_s": None if response is None else int(response.total_seconds()),
        "history": [
            {
                "number": moment.number,
                "state": moment.state,
                "at": _instant(moment.at),
                "by": moment.by or None,
                "note": moment.note or None,
                "value": _plain(moment.value),
                "told": moment.number <= alert.told,
            }
            for moment in alert.history
        ],
    }


def remarks_document(remarks: Sequence[Done]) -> list[dict[str, object]]:
    """What people said and did beside the transitions, as `--json` prints it."""
    return [
        {"at": _instant(one.at), "by": one.by or None, "what": one.what, "note": one.note or None} for one in remarks
    ]


def digest_document(found: Digest) -> dict[str, object]:
    """A digest as `--json` prints it."""
    return {
        "start": _instant(found.start),
        "end": _instant(found.end),
        "counts": dict(found.counts),
        "happened": [
            {"at": _instant(moment.at), "id": alert.id, "state": moment.state, "by": moment.by or None}
            for moment, alert in found.happened
        ],
        "open": [alert_document(alert) for alert in found.open],
    }


def noise_document(report: NoiseReport) -> dict[str, object]:
    """A noise report as `--json` prints it."""
    return {
        "start": _instant(report.start),
        "end": _instant(report.end),
        "fired": report.fired,
        "worse": report.worse,
        "limit": report.limit,
        "noisy": report.is_noisy,
        "rules": [
            {
                "rule": one.rule,
                "fired": one.fired,
                "worse": one.worse,
                "subjects": list(one.subjects),
                "answered": one.answered,
                "unheard": one.unheard,
                "suggestion": one.suggestion or None,
            }
            for one in report.rules
        ],
    }


def rules_document(tuning: Tuning) -> dict[str, object]:
    """How every rule is set, as `--json` prints it."""
    return {
        "stake_share": _plain(tuning.stake_share),
        "remind": tuning.remind,
        "noisy_week": tuning.noisy_week,
        "rules": {rule: _setting_document(setting) for rule, setting in tuning.rules.items()},
        "features": {
            feature: {rule: _setting_document(setting) for rule, setting in own.items()}
            for feature, own in tuning.features.items()
        },
    }


def print_alerts(alerts: Sequence[Alert]) -> None:
    """A table, one line an alert."""
    if not alerts:
        click.echo("no alert is open")
        return
    columns = [
        Column(title="alert", cells=[alert.id for alert in alerts], name=True),
        Column(title="state", cells=[alert.state for alert in alerts]),
        Column(title="value", cells=[wording.amount(alert.value, alert.unit) for alert in alerts], weight=1),
        Column(
            title="a month",
            cells=["" if alert.at_stake_usd is None else cents(alert.at_stake_usd) for alert in alerts],
        ),
        Column(title="since", cells=[f"{alert.fired_at:%Y-%m-%d}" for alert in alerts], weight=2),
        Column(title="driver", cells=[alert.driver.replace("_", " ") for alert in alerts], weight=4),
        Column(title="owner", cells=[alert.answerable for alert in alerts], weight=3),
        Column(
            title="deadline",
            cells=[wording.minute(alert.deadline) if alert.deadline else "" for alert in alerts],
            weight=5,
        ),
    ]
    print_grid(plain_console(), "Alerts", [column for column in columns if any(column.cells)])


def print_alert(alert: Alert, remarks: Sequence[Done]) -> None:
    """Everything that is known of one alert, and what people said of it."""
    click.echo(wording.title(alert))
    if alert.evidence:
        click.echo(f"{alert.evidence}.")
    for name, value in wording.fields(alert):
        click.echo(f"  {name:<10} {value}")
    if alert.driver_text:
        click.echo(f"  {'why':<10} {alert.driver_text}")
    if alert.lever:
        click.echo(f"  {'what helps':<10} {alert.lever}")
    click.echo("")
    lines = [
        *((one.at, one.by, wording.NAMES[one.state], one.note, one.number <= alert.told) for one in alert.history),
        *((one.at, one.by, one.what, one.note, True) for one in remarks),
    ]
    for at, by, what, note, told in sorted(lines, key=lambda line: line[0]):
        said = f"{f' by {by}' if by else ''}{f': {note}' if note else ''}{'' if told else ' (not told yet)'}"
        click.echo(f"  {wording.minute(at)}  {what}{said}")


def print_rules(tuning: Tuning) -> None:
    """A table, one line a rule, and below it what features have of their own."""
    lines = [
        *tuning.rules.items(),
        *((f"{feature}: {rule}", setting) for feature, own in tuning.features.items() for rule, setting in own.items()),
    ]
    settings = [setting for _, setting in lines]
    print_grid(
        plain_console(),
        "Rules",
        [
            Column(title="rule", cells=[name for name, _ in lines], left=True),
            Column(title="on", cells=["yes" if one.enabled else "no" for one in settings]),
            Column(title="fires\nbeyond", cells=[_short(one.threshold) for one in settings]),
            Column(title="clear at", cells=[_short(one.clear) for one in settings]),
            Column(title="days", cells=[str(one.window_days) for one in settings], weight=1),
            Column(title="calls\nat least", cells=[str(one.calls_min) for one in settings], weight=3),
            Column(title="a month\nat least", cells=[f"${_short(one.stake_min_usd)}" for one in settings], weight=2),
            Column(title="swings", cells=[_short(one.swings) for one in settings], weight=4),
            Column(title="stay\ndays", cells=[str(one.stay_days) for one in settings], weight=5),
            Column(
                title="worse\nat", cells=[f"× {_short(one.worse)}" if one.worse else "" for one in settings], weight=7
            ),
            Column(title="told", cells=[one.deliver for one in settings], weight=6),
        ],
        sections=[len(tuning.rules) - 1] if len(lines) > len(tuning.rules) else [],
    )


def _setting_document(setting: Setting) -> dict[str, object]:
    return {
        "enabled": setting.enabled,
        "threshold": _plain(setting.threshold),
        "clear": _plain(setting.clear),
        "window_days": setting.window_days,
        "calls_min": setting.calls_min,
        "stake_min_usd": text(setting.stake_min_usd),
        "swings": _plain(setting.swings),
        "stay_days": setting.stay_days,
        "worse": _plain(setting.worse),
        "deliver": setting.deliver,
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"
