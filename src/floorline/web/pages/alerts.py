"""Alerts: what calls for somebody, and one alert with its cause, its figure, what the runbook demands, and what people did."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from floorline.alerts import wording
from floorline.alerts.digest import noise
from floorline.alerts.figures import track_of
from floorline.alerts.model import ALARMS, Alert
from floorline.alerts.tracing import TRACES, TracePoint, days_back, traced
from floorline.alerts.tuning import RULES
from floorline.charts.conditions import FigurePoint, against_condition
from floorline.charts.dollars import Mark as ChartMark
from floorline.clock import day_of, timezone
from floorline.jobs import answering
from floorline.jobs.alerting import shelf_of
from floorline.jobs.margins import MarginRequest
from floorline.margin.dimensions import Dimension
from floorline.margin.runbook import NOBODY, response_for
from floorline.web.blocks import (
    AnyBlock,
    Card,
    Cards,
    Chart,
    Column,
    Facts,
    Field,
    Form,
    Forms,
    Link,
    Note,
    Shown,
    Table,
    Tabs,
)
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.deciding import Mark, Name, Words, about, choice, history, note_field, refusing, said, seen
from floorline.web.params import Params, Text, address, segment
from floorline.web.view import Action, Deed, Done, View

Which = Literal["active", "firing", "acknowledged", "resolved", "all"]
_TABS: Sequence[tuple[Which, str]] = (
    ("active", "Open"), ("firing", "Firing"), ("acknowledged", "Acknowledged"), ("resolved", "Resolved"), ("all", "All"),
)  # fmt: skip
_WEEK = timedelta(days=7)


class AlertsParams(Params, frozen=True, kw_only=True):
    """Which alerts."""

    state: Annotated[Which, msgspec.Meta(description="active (firing or acknowledged), firing, acknowledged, resolved, or all")] = "active"  # fmt: skip
    kind: Annotated[Text, msgspec.Meta(description="of this rule, as margin_red")] = ""
    feature: Annotated[Text, msgspec.Meta(description="of this feature")] = ""
    subject: Annotated[Text, msgspec.Meta(description="whose subject (a customer, a model, a budget) holds these words")] = ""  # fmt: skip
    owner: Annotated[Text, msgspec.Meta(description="whom it waits for")] = ""


class AlertParams(Params, frozen=True, kw_only=True):
    """Which alert."""

    id: Annotated[Text, msgspec.Meta(description="the alert's id, as margin_red/feature/chat, its slashes quoted")]


def alerts(desk: Desk, asked: AlertsParams) -> Shown:
    """The list."""
    every = sorted(
        shelf_of(desk.state).all().values(), key=lambda one: (not one.active, -(one.at_stake_usd or 0), one.id)
    )
    named = [one for one in every if _is_asked(one, asked)]
    found = [one for one in named if _is_in(one, asked.state)]
    return Shown(
        title="Alerts",
        lead=_lead(desk, every),
        about=about(desk),
        blocks=[
            Cards(name="figures", cards=_cards(desk, every)),
            *_noise(desk, every),
            Tabs(name="states", title="State", links=[_tab(asked, named, state, text) for state, text in _TABS]),
            _filters(asked, every),
            _table(desk, found, asked),
        ],
    )


def _is_in(alert: Alert, state: Which) -> bool:
    if state == "all":
        return True
    if state == "active":
        return alert.active
    return alert.state in ALARMS if state == "firing" else alert.state == state


def _is_asked(alert: Alert, asked: AlertsParams) -> bool:
    return (
        asked.kind in {"", alert.rule}
        and (not asked.feature or (alert.subject_kind, alert.subject) == ("feature", asked.feature))
        and asked.subject.casefold() in wording.subject_of(alert).casefold()
        and asked.owner in {"", alert.answerable}
    )


def _is_overdue(desk: Desk, alert: Alert) -> bool:
    return alert.state in ALARMS and alert.deadline is not None and alert.deadline < desk.now()


def _lead(desk: Desk, every: Sequence[Alert]) -> str:
    firing = [one for one in every if one.state in ALARMS]
    if not firing:
        return "Nothing waits for an answer."
    late = sum(_is_overdue(desk, one) for one in firing)
    first = wording.title(firing[0]).replace(" %", "\u00a0%")
    return f"{len(firing)} wait for an answer{f', {late} past their deadline' if late else ''}. The dearest: {first}."


def _cards(desk: Desk, every: Sequence[Alert]) -> list[Card]:
    active = [one for one in every if one.active]
    known = [one.at_stake_usd for one in active if one.at_stake_usd is not None]
    answered = sorted(
        one.response_time for one in every if one.response_time is not None and one.alarmed_at >= desk.now() - 4 * _WEEK
    )
    hours = Decimal(answered[len(answered) // 2] // timedelta(minutes=1)) / 60 if answered else None
    late = sum(_is_overdue(desk, one) for one in active)
    return [
        Card(name="firing", title="Firing", value=sum(one.state in ALARMS for one in active), unit="count", definition="firing"),
        Card(name="acknowledged", title="Acknowledged", value=sum(one.state == "acknowledged" for one in active), unit="count", definition="acknowledged"),
        Card(name="overdue", title="Past the deadline", value=late, unit="count", definition="alert_deadline"),
        Card(name="at_stake", title="At stake a month", value=sum(known, Decimal(0)), unit="usd", definition="at_stake",
             note=f"{len(active) - len(known)} of unknown size" if len(known) < len(active) else ""),
        Card(name="answered", title="Answered in, median", value=hours, unit="hours", definition="response_time", note="last 28 days"),
    ]  # fmt: skip


def _noise(desk: Desk, every: Sequence[Alert]) -> list[AnyBlock]:
    """Says that more fired in the last seven days than anybody listens to."""
    now = desk.now()
    report = noise(every, now - _WEEK, now, desk.tuning.noisy_week)
    if not report.is_noisy:
        return []
    hints = [one.suggestion for one in report.rules if one.suggestion]
    text = f"{report.alarms} fired or got worse in seven days; more than {report.limit} are not listened to."
    return [Note(name="noise", kind="warning", text=said(" ".join([text, *(f"{hint}." for hint in hints)])))]


def _tab(asked: AlertsParams, named: Sequence[Alert], state: Which, text: str) -> Link:
    count = sum(_is_in(one, state) for one in named)
    to = address("/alerts", msgspec.structs.replace(asked, state=state, page="", sort=""))
    return Link(text=f"{text} {count}", to=to, current=asked.state == state)


def _filters(asked: AlertsParams, every: Sequence[Alert]) -> Form:
    rules = sorted({one.rule for one in every}, key=lambda rule: RULES.index(rule) if rule in RULES else len(RULES))
    features = sorted({one.subject for one in every if one.subject_kind == "feature"})
    owners = sorted({one.answerable for one in every if one.answerable})
    return Form(
        name="filter",
        method="get",
        action="/alerts",
        submit="Filter",
        rule="viewer",
        fields=[
            Field(name="state", label="", kind="hidden", value=asked.state),
            choice("kind", "Rule", asked.kind, rules, wording.TITLES),
            choice("feature", "Feature", asked.feature, features),
            choice("owner", "Owner", asked.owner, owners),
            Field(name="subject", label="Subject holds", value=asked.subject),
        ],
    )


def _table(desk: Desk, found: Sequence[Alert], asked: AlertsParams) -> Table:
    return Table(
        name="alerts",
        title="Alerts",
        columns=[
            Column(name="title", title="Alert", definition="alert", link="/alerts/{id}"),
            Column(name="at_stake_usd", title="At stake a month", unit="usd", definition="at_stake"),
            Column(name="state", title="State", definition="alert_state"),
            Column(name="severity", title="Severity", definition="severity"),
            Column(name="driver", title="Driver", definition="driver"),
            Column(name="owner", title="Owner"),
            Column(name="since", title="Since", unit="day"),
            Column(name="deadline", title="Deadline", unit="instant", definition="alert_deadline"),
            Column(name="rule", title="Rule", hidden=True),
            Column(name="subject", title="Subject", hidden=True),
            Column(name="value", title="Value", definition="alert_value", hidden=True),
            Column(name="overdue", title="Overdue", unit="flag", definition="alert_deadline", hidden=True),
            Column(name="id", title="Id", unit="code", hidden=True),
        ],
        rows=[_row(desk, one) for one in found],
        empty="No alert is in this state. What is judged, and when it fires, is in docs/alerts.md."
        if asked.state == "active"
        else "No alert is like that: take a filter away.",
    )


def _row(desk: Desk, alert: Alert) -> dict[str, object]:
    return {
        "title": wording.title(alert),
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity,
        "state": f"{_state(alert)}, overdue" if _is_overdue(desk, alert) else _state(alert),
        "value": wording.amount(alert.value, alert.unit) or None,
        "at_stake_usd": alert.at_stake_usd,
        "driver": alert.driver.replace("_", " "),
        "owner": alert.answerable or NOBODY,
        "since": day_of(alert.fired_at, timezone(desk.ledger.timezone)),
        "deadline": alert.deadline,
        "overdue": _is_overdue(desk, alert),
        "id": alert.id,
    }


def _state(alert: Alert) -> str:
    return {"open": "firing", "reopened": "firing again", "worsened": "firing, got worse"}.get(alert.state, alert.state)


# -- one alert


def alert(desk: Desk, asked: AlertParams) -> Shown:
    """One alert."""
    found = shelf_of(desk.state).get(asked.id)
    if found is None:
        raise Refused(404, "not_found", f"there is no alert {asked.id!r}: /alerts?state=all lists them")
    return Shown(
        title=wording.title(found),
        lead=f"{found.evidence[:1].upper()}{found.evidence[1:]}." if found.evidence else "",
        about=about(desk),
        blocks=[
            *_demand(desk, found),
            Facts(name="facts", facts=_facts(found)),
            *_figure(desk, found),
            *([Forms(name="act", title="Decide", forms=_forms(found))]),
            history(answering.history(desk.state, found)),
        ],
    )


def _demand(desk: Desk, found: Alert) -> list[AnyBlock]:
    """What the runbook asks, of whom and until when; and what helps."""
    links = [Link(text="All alerts", to="/alerts"), *_links(found)]
    helps = f" What helps: {found.lever}" if found.lever else ""
    if not found.active:
        return [Note(name="demand", kind="good", text=f"It is over.{helps}", links=links)]
    response = response_for(
        desk.policies,
        found.subject if found.subject_kind == "feature" else "",
        "red" if found.severity == "critical" else "yellow",
    )
    assert response is not None, "red and yellow demand something"
    who = found.answerable or NOBODY
    until = f" by {wording.minute(found.deadline.astimezone(timezone(desk.ledger.timezone)))}" if found.deadline else ""
    late = " The deadline is past." if _is_overdue(desk, found) else ""
    told = f" After that it goes to {response.escalate_to}." if response.escalate_to else ""
    kind = "info" if found.state == "acknowledged" else "wrong" if late or found.severity == "critical" else "warning"
    text = f"{response.action[:1].upper()}{response.action[1:]}: {who}{until}.{late}{told}{helps}"
    return [Note(name="demand", title="The runbook:", kind=kind, text=text, links=links)]


def _links(found: Alert) -> list[Link]:
    pages = {"feature": "/features/", "customer": "/customers/"}
    if found.subject_kind in pages:
        return [Link(text=found.subject, to=f"{pages[found.subject_kind]}{segment(found.subject)}")]
    if found.subject_kind == "certificate":
        return [Link(text="The certificate", to=f"/guardrails/certificates/{segment(found.subject)}")]
    return [Link(text="Budgets", to="/budgets")] if found.subject_kind == "budget" else []


def _facts(found: Alert) -> list[Card]:
    response = found.response_time
    hours = None if response is None else Decimal(response // timedelta(minutes=1)) / 60
    facts = [
        Card(name="state", title="State", value=_state(found), unit="text", definition="alert_state"),
        Card(name="severity", title="Severity", value=found.severity, unit="text", definition="severity"),
        Card(name="at_stake_usd", title="At stake a month", value=found.at_stake_usd, unit="usd", definition="at_stake"),
        Card(name="value", title="Value", value=wording.amount(found.value, found.unit) or None, unit="text", definition="alert_value", note=wording.signed(found.trend)),
        Card(name="threshold", title="Alarms beyond", value=wording.amount(found.threshold, found.unit) or None, unit="text", definition="alert_threshold"),
        Card(name="driver", title="Driver", value=found.driver_text or found.driver.replace("_", " ") or "none named", unit="text", definition="driver"),
        Card(name="owner", title="Owner", value=found.answerable or NOBODY, unit="text", note="assigned" if found.assigned else "by the runbook" if found.owner else ""),
        Card(name="since", title="Since", value=found.fired_at, unit="instant"),
        Card(name="deadline", title="Deadline", value=found.deadline, unit="instant", definition="alert_deadline"),
        Card(name="answered", title="Answered in", value=hours, unit="hours", definition="response_time"),
        Card(name="id", title="Id", value=found.id, unit="code"),
    ]  # fmt: skip
    return [one for one in facts if one.value is not None or one.name in {"at_stake_usd", "value"}]


def _figure(desk: Desk, found: Alert) -> list[AnyBlock]:
    """The figure that the rule judges, day by day, against its condition; nothing for a rule that tells a fact."""
    trace = TRACES.get(found.rule)
    by: dict[str, Dimension] = {"feature": "feature", "customer": "customer", "company": "feature"}
    if trace is None or found.threshold is None or found.subject_kind not in by:
        return []
    feature = found.subject if found.subject_kind == "feature" else ""
    window = desk.tuning.of(found.rule, feature).window_days
    start = desk.today - timedelta(days=days_back(found.rule, window))
    series = desk.margins.series(
        MarginRequest(by=(by[found.subject_kind],), start=start, end=desk.today, with_p95=False)
    )
    key = (found.subject,) if found.subject else ()
    days = series.total if key == () else series.rows.get(key, ())
    points = traced(found.rule, track_of(days), start, desk.today, window)
    if all(one.value is None for one in points):
        return []
    words = trace.words.format(window=window)
    return [_chart(desk, found, points, words), _days(found, points, words)]


def _chart(desk: Desk, found: Alert, points: Sequence[TracePoint], words: str) -> Chart:
    assert found.threshold is not None, "a figure is judged against something"
    zone, first = timezone(desk.ledger.timezone), points[0].day
    marks = [
        ChartMark(day, wording.NAMES[moment.state])
        for moment in found.history
        if (day := moment.at.astimezone(zone).date()) >= first
    ]
    below = TRACES[found.rule].fires_below
    known = [one for one in points if one.value is not None]
    latest = wording.amount(known[-1].value, "ratio") if known else "unknown"
    limit = wording.amount(found.threshold, "ratio")
    return Chart(
        name="figure",
        title=f"{wording.subject_of(found)}: {words}",
        said=f"{words[:1].upper()}{words[1:]}: {latest} on {known[-1].day}; it alarms {'below' if below else 'above'} {limit}.",
        spec=against_condition(
            "", [FigurePoint(one.day, one.value) for one in points], threshold=found.threshold, fires_below=below, marks=marks
        ),
        table="days",
    )  # fmt: skip


def _days(found: Alert, points: Sequence[TracePoint], words: str) -> Table:
    return Table(
        name="days",
        title=f"{words[:1].upper()}{words[1:]}, as a table",
        columns=[
            Column(name="day", title="Day", unit="day"),
            Column(name="value", title="Value", unit="percent", definition="alert_value"),
            Column(name="threshold", title="Alarms beyond", unit="percent", definition="alert_threshold"),
        ],
        rows=[{"day": one.day, "value": one.value, "threshold": found.threshold} for one in reversed(points)],
        empty="No day has a figure.",
        closed=True,
    )


def _forms(found: Alert) -> list[Form]:
    path, mark = f"/alerts/{segment(found.id)}", seen(answering.mark_of(found))
    forms: list[Form] = []
    if found.state in ALARMS:
        forms.append(
            Form(name="acknowledge", title="Acknowledge", action=f"{path}/acknowledge", submit="Acknowledge", key="a",
                 fields=[mark, note_field("What you do about it")])
        )  # fmt: skip
    if found.active:
        forms += [
            Form(name="assign", title="Give it to somebody", action=f"{path}/assign", submit="Assign",
                 fields=[mark, Field(name="to", label="Name or e-mail", value=found.assigned, help="empty: the runbook's owner again"), note_field()]),
            Form(name="resolve", title="Resolve", action=f"{path}/resolve", submit="Resolve", key="r",
                 fields=[mark, note_field("Why it is over", help_="while its condition holds on it stays silent for the rest of the week")]),
        ]  # fmt: skip
    note = Form(name="note", title="Say something", action=f"{path}/note", submit="Add the note", key="n", fields=[note_field(required=True)])  # fmt: skip
    return [*forms, note]


# -- what is done


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to an alert."""

    note: Words = ""
    seen: Mark = ""


class Assignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose an alert is to be; of whom the runbook names without `to`."""

    to: Name = ""
    note: Words = ""
    seen: Mark = ""


class Remark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says of an alert."""

    note: Annotated[Words, msgspec.Meta(min_length=1)]


def acknowledge(desk: Desk, deed: Deed, body: Answer) -> Done:
    """Say that whoever asks works on it."""
    with refusing():
        after = answering.acknowledge(
            desk.state, deed.names["id"], by=deed.who.name, note=body.note, now=desk.now(), seen=body.seen
        )
    return _done(after, f"{wording.subject_of(after)} is acknowledged: the pager stops.")


def resolve(desk: Desk, deed: Deed, body: Answer) -> Done:
    """Say that it is over."""
    with refusing():
        after = answering.resolve(
            desk.state, deed.names["id"], by=deed.who.name, note=body.note, now=desk.now(),
            zone=timezone(desk.ledger.timezone), seen=body.seen,
        )  # fmt: skip
    return _done(after, f"{wording.subject_of(after)} is resolved.")


def assign(desk: Desk, deed: Deed, body: Assignment) -> Done:
    """Give it to somebody."""
    with refusing():
        after = answering.assign(
            desk.state, deed.names["id"], to=body.to.strip(), by=deed.who.name, note=body.note, now=desk.now(), seen=body.seen
        )  # fmt: skip
    return _done(after, f"It waits for {after.answerable or NOBODY} now.")


def remark(desk: Desk, deed: Deed, body: Remark) -> Done:
    """Say something of it."""
    with refusing():
        after = answering.remark(desk.state, deed.names["id"], by=deed.who.name, note=body.note, now=desk.now())
    return _done(after, "The note is kept.")


def _done(after: Alert, said: str) -> Done:
    document = {
        "id": after.id,
        "state": after.state,
        "assigned": after.assigned or None,
        "mark": answering.mark_of(after),
    }
    to = f"/alerts/{segment(after.id)}"
    return Done(to=to, said=said, subject=after.id, document=document, audited=True)


VIEWS = (
    View(
        path="/alerts", title="Alerts", params=AlertsParams, build=alerts, group="Decide", key="a", windowed=False,
        fresh_s=0, said="What fires, what somebody works on, and what is over.",
    ),
    View(
        path="/alerts/{id}", title="Alert", params=AlertParams, build=alert, windowed=False, fresh_s=0,
        said="One alert: its cause in dollars, its figure against its condition, its history.",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path="/alerts/{id}/acknowledge", name="alert.acknowledge", body=Answer, run=acknowledge, said="Say that you work on an alert."),
    Action(path="/alerts/{id}/resolve", name="alert.resolve", body=Answer, run=resolve, said="Say that an alert is over."),
    Action(path="/alerts/{id}/assign", name="alert.assign", body=Assignment, run=assign, said="Give an alert to somebody."),
    Action(path="/alerts/{id}/note", name="alert.note", body=Remark, run=remark, said="Say something of an alert."),
)  # fmt: skip
