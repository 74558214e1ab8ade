"""Calls: finding single calls among all there are, newest first, by anything that is on record of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec

from floorline.clock import REPORTED_YEARS, timezone
from floorline.errors import BadInput
from floorline.events import Alias
from floorline.jobs.calls import SEARCH_S, CallFilter, CallOutcome, Cursor, Found, FoundCall, find_calls
from floorline.margin import queries
from floorline.money import LIMIT_USD, usd
from floorline.web.abouts import about
from floorline.web.blocks import AnyBlock, Column, Field, Form, Link, Note, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Text, Window, address
from floorline.web.view import View

ROWS, ROWS_MAX = 50, 10_000
DOWNLOAD_ROWS = ROWS_MAX
BASES = ("provider", "computed", "estimated", "unpriced")
ENDINGS = ("complete", "client_left", "upstream_error", "refused", "lost")
VERDICTS = ("forward", "hit", "refuse")
OUTCOMES = ("success", "failed", "cancelled")
_MORE = "More filters"

Filter = Annotated[Text, msgspec.Meta(description="only calls with this one")]
Basis = Literal["", "provider", "computed", "estimated", "unpriced"]
CALL = "/calls/{id}?source={source}&day={day}"
"""The address of a call's page, of columns that every table of calls has."""


class CallsParams(Window, frozen=True, kw_only=True):
    """Which calls. Names are those of the margin tables: other names of the same customer, plan or feature count too."""

    id: Annotated[Text, msgspec.Meta(description="only the call with this id (x-floorline-call-id)")] = ""
    since: Annotated[datetime | None, msgspec.Meta(description="only calls from this instant on, as 2026-01-31T14:05:00Z")] = None  # fmt: skip
    until: Annotated[datetime | None, msgspec.Meta(description="only calls before this instant")] = None
    customer: Filter = ""
    user: Filter = ""
    feature: Filter = ""
    plan: Filter = ""
    workflow: Filter = ""
    step: Filter = ""
    run: Filter = ""
    key: Annotated[Text, msgspec.Meta(description="only calls made with the virtual key of this id")] = ""
    model: Annotated[Text, msgspec.Meta(description="only calls that asked for this model or were served by it")] = ""
    provider: Filter = ""
    ending: Filter = ""
    verdict: Annotated[Literal["", "forward", "hit", "refuse"], msgspec.Meta(description="only calls with this verdict")] = ""  # fmt: skip
    status: Annotated[Annotated[int, msgspec.Meta(ge=100, le=599)] | None, msgspec.Meta(description="only answers with this HTTP status")] = None  # fmt: skip
    guardrail: Annotated[Text, msgspec.Meta(description="only calls that this guardrail touched, or would have")] = ""
    basis: Annotated[Basis, msgspec.Meta(description="only calls whose cost was known in this way when they were served")] = ""  # fmt: skip
    cost_min: Annotated[Decimal | None, msgspec.Meta(description="only calls that cost at least this when they were served, USD")] = None  # fmt: skip
    streamed: Annotated[bool | None, msgspec.Meta(description="only streamed answers, or only whole ones")] = None
    unattributed: Annotated[bool, msgspec.Meta(description="only calls without a customer or a feature")] = False
    outcome: Annotated[CallOutcome, msgspec.Meta(description="only calls of runs with an outcome of this status")] = ""
    after: Annotated[str, msgspec.Meta(max_length=2_048, description="the cursor that the page before ended with")] = ""
    rows: Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX, description="how many calls at most")] = ROWS


COLUMNS = (
    Column(name="opened_at", title="Opened", unit="instant", link=CALL),
    Column(name="feature", title="Feature"),
    Column(name="customer", title="Customer"),
    Column(name="model_served", title="Model", unit="code"),
    Column(name="tokens", title="Tokens", unit="tokens", definition="tokens"),
    Column(name="duration_ms", title="Took", unit="ms", definition="call_duration"),
    Column(name="cost", title="Cost", unit="usd", definition="one_call_cost"),
    Column(name="ending", title="Ending", definition="call_ending"),
    Column(name="guardrails", title="Guardrails", definition="call_touched"),
    *(
        Column(name=name, title=name.replace("_", " ").capitalize(), hidden=True)
        for name in (
            "id", "source", "user", "plan", "workflow", "step", "run", "provider", "model_requested", "verdict", "cache",
            "environment", "purpose",
        )
    ),
    Column(name="basis", title="Cost basis", hidden=True),
    Column(name="input_tokens", title="Input tokens", unit="tokens", hidden=True),
    Column(name="output_tokens", title="Output tokens", unit="tokens", hidden=True),
    Column(name="status", title="Status", unit="code", hidden=True),
    Column(name="day", title="Day of UTC", unit="day", hidden=True),
    Column(name="streamed", title="Streamed", unit="flag", hidden=True),
    Column(name="attempts", title="Attempts", unit="count", hidden=True),
)  # fmt: skip


def build(desk: Desk, params: CallsParams) -> Shown:
    """The page."""
    asked = filter_of(desk, params)
    found = find_calls(desk.ledger, asked, rows=params.rows, after=_cursor(params.after))
    older = None if found.cursor is None else address("/calls", params, after=found.cursor, page=None, sort=None)
    blocks: list[AnyBlock] = [_form(params), *_cut(desk, found, older)]
    table = Table(
        name="calls",
        title="Calls, newest first",
        columns=COLUMNS,
        rows=[row_of(call) for call in found.calls],
        empty="No call in these days is as asked."
        if not found.is_cut
        else "No call was found in the time that there is.",
        cut=True,
        more=older or "",
        note=f"CSV and Parquet hold the {len(found.calls):,} calls shown.",
    )
    return Shown(
        title="Calls",
        lead=_lead(found),
        about=about(params, desk.today, desk.now(), desk.ledger.timezone),
        blocks=[*blocks, table, *_downloads(params, found)],
    )


def filter_of(desk: Desk, params: CallsParams) -> CallFilter:
    """What the page asks the ledger for. Refused where the instants do not follow one another."""
    zone = timezone(desk.ledger.timezone)
    days = params.window(desk.today)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in days)
    if params.since is not None:
        start = max(start, instant_of(params.since, zone))
    if params.until is not None:
        end = min(end, instant_of(params.until, zone))
    if start >= end:
        raise Refused(400, "invalid", f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC holds nothing: set `since`, `until` and the days so that they overlap")  # fmt: skip
    aliases = [*desk.ledger.query(queries.aliases()), *desk.policies.aliases]
    return CallFilter(
        start=start, end=end, id=params.id, user=params.user, workflow=params.workflow, step=params.step, run=params.run,
        customers=names_of(aliases, "customer", params.customer), features=names_of(aliases, "feature", params.feature),
        plans=names_of(aliases, "plan", params.plan), key=params.key, model=params.model, provider=params.provider,
        ending=params.ending, verdict=params.verdict, status=params.status or 0, guardrail=params.guardrail, basis=params.basis,
        cost_min=_amount(params.cost_min), streamed=params.streamed, unattributed=params.unattributed,
        outcome=params.outcome, environment=params.environment, purpose=params.purpose,
    )  # fmt: skip


def names_of(aliases: Sequence[Alias], kind: str, name: str) -> tuple[str, ...]:
    """Every name that calls may give what `name` is, itself first; () for ''."""
    known = dict.fromkeys([name] if name else [])
    grown = bool(known)
    while grown:
        before = len(known)
        known |= dict.fromkeys(one.alias for one in aliases if one.kind == kind and one.canonical in known)
        grown = len(known) > before
    return tuple(known)


def row_of(call: FoundCall) -> Mapping[str, Value]:
    """A call as tables of calls have it."""
    return {
        "opened_at": call.opened_at, "feature": call.feature or None, "customer": call.customer or None,
        "model_served": call.model_served or call.model_requested or None, "tokens": call.input_tokens + call.output_tokens, "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens, "duration_ms": call.duration_us // 1_000, "cost": call.cost, "basis": call.basis,
        "ending": _ended(call), "status": str(call.status), "guardrails": ", ".join(call.guardrails) or "–",
        "id": call.id, "source": call.source, "user": call.user, "plan": call.plan, "workflow": call.workflow, "step": call.step,
        "run": call.run, "provider": call.provider, "model_requested": call.model_requested, "verdict": call.verdict,
        "cache": call.cache, "environment": call.environment, "purpose": call.purpose, "day": call.opened_at.date(),
        "streamed": call.streamed, "attempts": call.attempts,
    }  # fmt: skip


def _ended(call: FoundCall) -> str:
    """How it ended, with what of that is worth a look."""
    status = "" if call.status == HTTPStatus.OK else str(call.status)
    basis = call.basis if call.basis in {"estimated", "unpriced"} else ""
    return ", ".join(part for part in (call.ending.replace("_", " "), status, basis) if part)


def _amount(cost: Decimal | None) -> Decimal:
    """The least cost that was asked for; 0 for none. Refused where no call can cost that."""
    if cost is not None and not (cost.is_finite() and 0 <= cost < LIMIT_USD):
        raise Refused(400, "invalid", f"cost_min={cost}: write an amount from 0 to {LIMIT_USD} USD")
    return usd(cost or 0)


def instant_of(at: datetime, zone: tzinfo) -> datetime:
    """An instant in UTC; one that says no zone is of `zone`. Refused outside the years that are reported."""
    if at.year not in REPORTED_YEARS:
        raise Refused(400, "invalid", f"{at:%Y-%m-%d} is not a day of the years {REPORTED_YEARS[0]} to {REPORTED_YEARS[-1]}")  # fmt: skip
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _cursor(text: str) -> Cursor | None:
    try:
        return Cursor.read(text) if text else None
    except BadInput as error:
        raise Refused(400, "invalid", str(error)) from error


def _lead(found: Found) -> str:
    count = len(found.calls)
    if not count:
        return "No call found."
    priced = [call.cost for call in found.calls if call.cost is not None]
    unknown = count - len(priced)
    lacking = f", {unknown:,} of unknown cost" if unknown else ""
    return f"{count:,} calls{' and more' if found.more else ''}{lacking}."


def _cut(desk: Desk, found: Found, older: str | None) -> list[AnyBlock]:
    if not found.is_cut:
        return []
    back_to = found.searched_to.astimezone(timezone(desk.ledger.timezone))
    text = (
        f"The search was ended after {SEARCH_S} s. Everything back to {back_to:%-d %b %Y %H:%M} was looked at, nothing older. "
        "Name fewer days, a feature or a customer, or go on from there."
    )
    return [Note(name="cut", kind="warning", text=text, links=[Link(text="Go on from there", to=older or "/calls")])]


def _downloads(params: CallsParams, found: Found) -> list[AnyBlock]:
    """Where more than is shown can be had at once."""
    if not found.more or params.rows >= DOWNLOAD_ROWS:
        return []
    links = [
        Link(text=kind, to=address(f"/calls.{kind.lower()}", params, rows=DOWNLOAD_ROWS, page=None, sort=None))
        for kind in ("CSV", "Parquet")
    ]
    return [Note(name="download", kind="info", text=f"There are more. The newest {DOWNLOAD_ROWS:,} at most, as a file:", links=links)]  # fmt: skip


def _form(params: CallsParams) -> Form:
    """Every filter; what the form has no field for stays as it is."""
    shown = [
        _text(params, "customer"), _text(params, "feature"), _text(params, "model"), _choice("ending", params.ending, ENDINGS),
        _choice("basis", params.basis, BASES, "cost basis"), _number(params.cost_min, "cost_min", "cost at least, USD"),
        _text(params, "id", "call id"),
    ]  # fmt: skip
    more = [
        _text(params, "user"), _text(params, "plan"), _text(params, "workflow"), _text(params, "step"), _text(params, "run"),
        _choice("outcome", params.outcome, OUTCOMES, "outcome of its run"), _text(params, "provider"), _text(params, "key", "key id"),
        _text(params, "guardrail", "touched by guardrail"), _choice("verdict", params.verdict, VERDICTS),
        _number(params.status, "status", "HTTP status"),
        _choice("streamed", "" if params.streamed is None else str(params.streamed).lower(), ("true", "false")),
        _choice("unattributed", "true" if params.unattributed else "", ("true",), "without an owner"),
        Field(name="since", label="from the instant", value=_said(params.since)),
        Field(name="until", label="before the instant", value=_said(params.until)),
        _text(params, "environment"), _text(params, "purpose"),
    ]  # fmt: skip
    default = CallsParams()
    kept = [
        Field(name=field.encode_name, label="", kind="hidden", value=str(value))
        for field in msgspec.structs.fields(params)
        if field.encode_name in {"from", "to", "days", "against", "rows"}
        and (value := getattr(params, field.name)) != getattr(default, field.name)
    ]
    folded = [
        msgspec.structs.replace(one, behind=_MORE)
        if not (one.name in {"environment", "purpose"} and one.value == "production")
        else msgspec.structs.replace(one, behind=_MORE, value="")
        for one in more
    ]
    return Form(
        name="search", action="/calls", submit="Find", fields=[*shown, *folded, *kept], rule="viewer", method="get"
    )


def _text(params: CallsParams, name: str, label: str = "") -> Field:
    return Field(name=name, label=label or name.replace("_", " "), value=str(getattr(params, name)))


def _number(value: Decimal | int | None, name: str, label: str) -> Field:
    return Field(
        name=name,
        label=label,
        value="" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value),
    )


def _choice(name: str, value: str, options: Sequence[str], label: str = "") -> Field:
    words = [("", "any"), *((one, {"true": "yes", "false": "no"}.get(one, one.replace("_", " "))) for one in options)]
    return Field(name=name, label=label or name, kind="choice", value=value, options=words)


def _said(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


VIEWS = (
    View(
        path="/calls",
        title="Calls",
        group="Operate",
        key="l",
        params=CallsParams,
        build=build,
        compares=False,
        said="Single calls, newest first, by anything that is on record of them",
    ),
)
