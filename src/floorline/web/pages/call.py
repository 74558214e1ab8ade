"""One call as it is on record: why it was answered as it was, its attempts in time, and what each line of its cost is made of."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from floorline.clock import REPORTED_YEARS
from floorline.errors import FloorlineError
from floorline.events import INPUT_BUCKETS, OUTPUT_BUCKETS, Attempt, CostLine
from floorline.jobs.deciding import sentences
from floorline.jobs.recorded import Recorded, RecordedCall, recorded_call
from floorline.ledger.content import Content
from floorline.ledger.store import TooSlow
from floorline.web.blocks import (  # fmt: skip
    About,
    AnyBlock,
    Card,
    Cards,
    Column,
    Facts,
    Field,
    Form,
    Note,
    Shown,
    Snippet,
    Snippets,
    Span,
    Spans,
    Table,
    Text,
    Value,
)
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Params, address
from floorline.web.params import Text as Name
from floorline.web.view import Action, Deed, Done, View

SAID_CHARACTERS_MAX = 200_000
"""Of a captured request or answer, as much as a page shows."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class CallParams(Params, frozen=True, kw_only=True):
    """Which call."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=4_096, description="the call's id: x-floorline-call-id of its answer")]  # fmt: skip
    source: Annotated[Name, msgspec.Meta(description="who recorded it, where several use the same ids")] = ""
    day: Annotated[date | None, msgspec.Meta(description="its day of UTC: an imported call is found faster by it")] = None  # fmt: skip


TOUCHES = (
    Column(name="guardrail", title="Guardrail", link="/guardrails#{guardrail}"),
    Column(name="mode", title="Mode", definition="touch_mode"),
    Column(name="arm", title="Arm", definition="touch_arm"),
    Column(name="action", title="Did, or would have"),
    Column(name="saved", title="Saved", unit="usd", definition="touch_saved"),
    Column(name="cost", title="Its own cost", unit="usd"),
)
LINES = (
    Column(name="attempt", title="Attempt", unit="count", definition="line_attempt"),
    Column(name="component", title="Component", definition="line_component"),
    Column(name="unit", title="Unit"),
    Column(name="quantity", title="Quantity", unit="number"),
    Column(name="unit_price", title="× unit price", unit="usd", definition="unit_price"),
    Column(name="per", title="÷ per", unit="count"),
    Column(name="effective", title="= cost", unit="usd", definition="effective_cost"),
    Column(name="contracted", title="Contracted", unit="usd", definition="contracted_cost"),
    Column(name="list", title="List", unit="usd", definition="list_cost"),
    Column(name="price_version", title="Price version", unit="code", definition="price_version", link="/prices/versions/{price_version}"),
)  # fmt: skip
ADJUSTMENTS = (
    Column(name="applied_at", title="Applied", unit="instant"),
    Column(name="reason", title="Why"),
    Column(name="old", title="Cost before", unit="usd"),
    Column(name="new", title="Cost from then on", unit="usd"),
    Column(name="new_basis", title="Basis", definition="cost_basis"),
    Column(name="new_price_version", title="Price version", unit="code", definition="price_version", link="/prices/versions/{new_price_version}"),
    Column(name="batch", title="Batch", unit="code"),
)  # fmt: skip
USAGE = (Column(name="unit", title="Unit"), Column(name="quantity", title="Quantity", unit="number"))
METADATA = (Column(name="name", title="Name"), Column(name="value", title="Value"))
OUTCOMES = (
    Column(name="outcome", title="Outcome", unit="code"),
    Column(name="type", title="Type"),
    Column(name="status", title="Status"),
    Column(name="at", title="At", unit="instant"),
    Column(name="value", title="Value", unit="usd", definition="outcome_value"),
    Column(name="reason", title="Reason"),
)


def build(desk: Desk, params: CallParams) -> Shown:
    """The page."""
    found = _found(desk, params)
    call = found.call
    return Shown(
        title=f"Call {call.id}",
        lead=sentences(call)[1],
        about=About(
            timezone=desk.ledger.timezone, as_of=desk.now(), environment=call.environment, purpose=call.purpose, notes=_notes(found)
        ),
        blocks=[
            Cards(name="figures", cards=_cards(found)),
            Text(name="decided", title="How it was decided", paragraphs=[one.strip() for one in sentences(call)[2:]]),
            *_touches(call),
            _attempts(call),
            _lines(call),
            *_adjustments(found),
            Facts(name="whose", title="Whose it is, and what for", facts=_facts(desk, call)),
            *_usage(call),
            *_outcomes(found),
            *_metadata(call),
            *_content(desk, call),
        ],
    )  # fmt: skip


def _found(desk: Desk, params: CallParams) -> Recorded:
    if params.day is not None and params.day.year not in REPORTED_YEARS:
        raise Refused(400, "invalid", f"{params.day} is not a day of the years {REPORTED_YEARS[0]} to {REPORTED_YEARS[-1]}")  # fmt: skip
    try:
        found = recorded_call(desk.ledger, params.id, source=params.source, day=params.day)
    except TooSlow as error:
        raise Refused(503, "too_slow", "the call was not found in time: say its day, as ?day=2026-01-31") from error
    if found is None:
        raise Refused(404, "not_found", f"the ledger does not know the call {params.id[:80]!r}: it is under way or seconds old, or its id or day is another")  # fmt: skip
    return found


def _notes(found: Recorded) -> list[str]:
    call = found.call
    notes: list[str] = []
    if found.cost is None:
        notes.append(f"What it cost is unknown: {call.unpriced_reason or 'no price is known'}.")
    if call.ending == "lost":
        notes.append("The gateway ended before the call did: its cost is an estimate.")
    if found.basis == "estimated" and call.ending != "lost":
        notes.append("Its usage was estimated: the answer did not state it.")
    return notes


def _cards(found: Recorded) -> list[Card]:
    call = found.call
    first = "" if call.first_token_us is None else f"first byte after {call.first_token_us // 1_000:,} ms, "
    cards = [
        Card(name="cost", title="Cost", value=found.cost, unit="usd", definition="one_call_cost", note=f"{found.basis}, adjusted" if found.adjustments else found.basis),
        Card(name="duration", title="Took", value=call.duration_us // 1_000, unit="ms", definition="call_duration", note=f"{first}the gateway {call.overhead_us:,} µs"),
        Card(name="input", title="Input tokens", value=_tokens(call, INPUT_BUCKETS), unit="tokens", definition="input_tokens"),
        Card(name="output", title="Output tokens", value=_tokens(call, OUTPUT_BUCKETS), unit="tokens", definition="output_tokens"),
        Card(name="status", title="Status", value=str(call.status), unit="code", definition="call_status", note=call.ending.replace("_", " ")),
    ]  # fmt: skip
    if call.touches:
        cards.insert(1, Card(name="counterfactual", title="Without guardrails", value=call.counterfactual, unit="usd", definition="call_counterfactual"))  # fmt: skip
    if call.stated is not None:
        cards.insert(1, Card(name="stated", title="Stated by its provider", value=call.stated, unit="usd", definition="stated_cost"))  # fmt: skip
    return cards


def _tokens(call: RecordedCall, buckets: Sequence[str]) -> int | None:
    """Tokens of one side; None where none were reported."""
    known = [call.usage[name] for name in buckets if name in call.usage]
    return int(sum(known)) if known else None


def _touches(call: RecordedCall) -> Sequence[AnyBlock]:
    rows = [
        {"guardrail": one.guardrail, "mode": one.mode, "arm": one.arm, "action": one.action, "saved": one.saved, "cost": one.cost}
        for one in call.touches
    ]  # fmt: skip
    return _if_any(Table(name="touches", title="What guardrails did to it", columns=TOUCHES, rows=rows, empty=""))


def _if_any(table: Table) -> Sequence[AnyBlock]:
    """A table that is left out where it has no row: the page says the same in words."""
    return [table] if table.rows else []


def _attempts(call: RecordedCall) -> AnyBlock:
    attempts = call.attempts
    if not attempts:
        return Note(
            name="attempts",
            kind="info",
            text="Nothing was sent to a provider for it, or its attempts are not on record.",
        )
    first = None if call.first_token_us is None else call.first_token_us // 1_000
    spans = [_span(number, one, first if one is attempts[-1] else None) for number, one in enumerate(attempts, 1)]
    end = max(call.duration_us // 1_000, *(span.end for span in spans))
    return Spans(name="attempts", title="Attempts", spans=spans, end=end)


def _span(number: int, attempt: Attempt, first_byte_ms: int | None) -> Span:
    start = attempt.started_us // 1_000
    end = start + attempt.duration_us // 1_000
    marks = {} if first_byte_ms is None or not start <= first_byte_ms <= end else {"first byte": first_byte_ms}
    return Span(
        title=f"{number}. {attempt.provider or 'provider unknown'}, {attempt.model or 'model unknown'}",
        start=start,
        end=end,
        said=f"Status {attempt.status}, {attempt.ending.replace('_', ' ')}",
        state="ok" if attempt.ending == "complete" and attempt.status < 400 else "wrong",
        marks=marks,
    )


def _lines(call: RecordedCall) -> Table:
    rows = [_line(line) for line in call.lines]
    if rows:
        sums = {
            name: sum((getattr(line, name) for line in call.lines), Decimal(0))
            for name in ("effective", "contracted", "list")
        }
        rows.append({"component": "total", **sums})
    return Table(
        name="lines",
        title="What its cost is made of",
        columns=LINES,
        rows=rows,
        totals=1 if rows else 0,
        empty=_why_no_lines(call),
        note="As it was served. A cost that its provider stated is divided among the lines in proportion." if call.stated is not None else "As it was served.",
    )  # fmt: skip


def _line(line: CostLine) -> dict[str, Value]:
    return {
        "attempt": line.attempt + 1, "component": line.component, "unit": line.unit.replace("_", " "), "quantity": line.quantity,
        "unit_price": line.unit_price, "per": line.per, "effective": line.effective, "contracted": line.contracted,
        "list": line.list, "price_version": line.price_version or None,
    }  # fmt: skip


def _why_no_lines(call: RecordedCall) -> str:
    if call.served_cost is None:
        return f"It has no price: {call.unpriced_reason or 'none is known'}. Its cost is unknown, not 0."
    return "It has no cost lines: it cost nothing, or its cost came with the record as one figure."


def _adjustments(found: Recorded) -> Sequence[AnyBlock]:
    rows = [
        {
            "applied_at": one.applied_at, "reason": one.reason, "old": one.old, "new": one.new, "new_basis": one.new_basis,
            "new_price_version": one.new_price_version or None, "batch": one.batch,
        }
        for one in found.adjustments
    ]  # fmt: skip
    title = "What was changed of its cost since"
    return _if_any(Table(name="adjustments", title=title, columns=ADJUSTMENTS, rows=rows, empty=""))


def _facts(desk: Desk, call: RecordedCall) -> list[Card]:
    names = {key.id: key.name for key in desk.state.virtual_keys()} if call.key_id else {}
    said: list[tuple[str, str, Value, str]] = [
        ("feature", "Feature", call.feature, address("/features/{feature}", feature=call.feature) if call.feature else ""),
        ("customer", "Customer", call.customer, address("/customers/{customer}", customer=call.customer) if call.customer else ""),
        ("user", "User", call.user, address("/calls", user=call.user) if call.user else ""),
        ("plan", "Plan", call.plan, ""),
        ("key", "Key", names.get(call.key_id, call.key_id), address("/keys/{key}", key=call.key_id) if call.key_id in names else ""),
        ("workflow", "Workflow", call.workflow, address("/workflows/{workflow}", workflow=call.workflow) if call.workflow else ""),
        ("run", "Run", call.run, address("/calls", run=call.run) if call.run else ""),
        ("step", "Step", call.step, ""),
        ("call_type", "Call type", call.call_type, ""),
        ("asked_for", "Asked for", call.model_requested, ""),
        ("served_by", "Served by", call.model_served, ""),
        ("provider", "Provider", call.provider, ""),
        ("cached_call", "Answer made for", call.cached_call, address("/calls/{id}", id=call.cached_call) if call.cached_call else ""),
        ("baseline", "Baseline", call.baseline, ""),
        ("holdout", "Held out of", ", ".join(call.holdout), ""),
        ("tier", "Service tier", call.service_tier, ""),
        ("dialect", "Dialect", call.dialect, ""),
        ("streamed", "Streamed", call.streamed, ""),
        ("gateway", "Gateway", call.gateway, ""),
        ("source", "Recorded by", call.source, ""),
    ]  # fmt: skip
    opened = Card(name="opened", title="Opened", value=call.opened_at, unit="instant")
    return [
        opened,
        *[
            Card(name=name, title=title, value=value, unit="flag" if isinstance(value, bool) else "text", to=to)
            for name, title, value, to in said
            if value != ""
        ],
    ]


def _usage(call: RecordedCall) -> Sequence[AnyBlock]:
    rows = [{"unit": unit.replace("_", " "), "quantity": quantity} for unit, quantity in sorted(call.usage.items())]
    return _if_any(Table(name="usage", title="Usage as it was reported", columns=USAGE, rows=rows, empty=""))


def _metadata(call: RecordedCall) -> Sequence[AnyBlock]:
    rows = [{"name": name, "value": value} for name, value in sorted(call.metadata.items())]
    return _if_any(Table(name="metadata", title="Metadata", columns=METADATA, rows=rows, empty=""))


def _outcomes(found: Recorded) -> Sequence[AnyBlock]:
    if not found.call.run:
        return []
    rows = [
        {"outcome": one.outcome_id, "type": one.outcome_type or "–", "status": one.status, "at": one.at, "value": one.value, "reason": one.reason or "–"}
        for one in found.outcomes
    ]  # fmt: skip
    return [Table(name="outcomes", title="What its run came to", columns=OUTCOMES, rows=rows, empty="No outcome of its run is recorded.")]  # fmt: skip


# -- what was said


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody looks at captured content."""

    reason: Annotated[str, msgspec.Meta(min_length=3, max_length=300)]


def _content(desk: Desk, call: RecordedCall) -> Sequence[AnyBlock]:
    try:
        holds = desk.content is not None and desk.content().holds(call.id)
    except FloorlineError as error:
        return [Note(name="content", kind="warning", text=f"Captured content cannot be looked at: {error}.")]
    if not holds:
        return [Note(name="content", kind="info", text="What was said in it is not captured, or is kept no more.")]
    return [
        Note(name="content", kind="info", text="What was said in it is captured. Editors may look at it; each look is in the audit trail with its reason."),
        Form(
            name="look", title="Look at what was said", action=address("/calls/{id}/content", id=call.id), submit="Show",
            fields=[Field(name="reason", label="Why you look", required=True)], rule="editor",
        ),
    ]  # fmt: skip


def look(desk: Desk, deed: Deed, body: Look) -> Done:
    """Show what was said in a call, once."""
    call_id = deed.names["id"]
    content = None if desk.content is None else desk.content().find(call_id)
    if content is None:
        raise Refused(404, "not_found", f"nothing is kept of call {call_id[:80]!r}: it was not captured, has expired, or was erased")  # fmt: skip
    sides = [(name, said_of(side)) for name, side in (("request", content.request), ("answer", content.answer))]
    return Done(
        to=address("/calls/{id}", id=call_id),
        said="Shown, and in the audit trail.",
        subject=call_id,
        detail=body.reason,
        document={"call_id": call_id, "cut": content.cut, **dict(sides)},
        shown=_said(desk, content, sides),
    )


def _said(desk: Desk, content: Content, sides: Sequence[tuple[str, str]]) -> Shown:
    snippets = [Snippet(title=name.capitalize(), text=text) for name, text in sides]
    notes = ["It was longer than what is kept of a request or an answer."] if content.cut else []
    return Shown(
        title=f"What was said in call {content.call_id}",
        about=About(timezone=desk.ledger.timezone, as_of=content.at, notes=notes),
        blocks=[Snippets(name="said", snippets=snippets)],
    )


def said_of(side: bytes) -> str:
    """What was said as text that a page can show, cut at SAID_CHARACTERS_MAX."""
    return _CONTROLS.sub("\ufffd", side.decode(errors="replace"))[:SAID_CHARACTERS_MAX]


VIEWS = (
    View(
        path="/calls/{id}",
        title="Call",
        params=CallParams,
        build=build,
        said="One call: why it was answered as it was, its attempts, and what each line of its cost is made of",
        windowed=False,
    ),
)
ACTIONS = (
    Action(
        path="/calls/{id}/content",
        name="content.show",
        body=Look,
        run=look,
        said="Show what was said in a call, where it was captured",
    ),
)
