"""One call as it is on record: who asked for what, the attempts, what each line of its cost is made of, what became of it.

found = recorded_call(ledger, "0199…")      None where the ledger does not know it
found.call, found.adjustments, found.outcomes, found.cost
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from string import Template
from typing import TypeVar

import msgspec

from floorline.events import Attempt, CostLine, Touch
from floorline.ledger.surface import AnyLedger
from floorline.query import Query

SECONDS = 5
"""How long one call may be looked for."""

_ID_DIGITS, _MS_DIGITS = 32, 12
_DIGITS = frozenset("0123456789abcdef")
_Made = TypeVar("_Made", bound=msgspec.Struct)

_SQL = resources.files("floorline.jobs").joinpath("sql")
_EPOCH = date(1970, 1, 1)
_FIRST, _LAST = date(1970, 1, 2), date(2149, 6, 4)  # what the store's days hold, with one more around them
_DAY_MS = 86_400_000
_AROUND = timedelta(days=1)


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A row of recorded_call.sql."""

    source: str
    id: str
    opened_at: datetime
    gateway: str
    customer: str
    user: str
    plan: str
    key_id: str
    feature: str
    workflow: str
    run: str
    step: str
    call_type: str
    environment: str
    purpose: str
    metadata: Mapping[str, str]
    dialect: str
    provider: str
    model_requested: str
    model_served: str
    streamed: bool
    status: int
    ending: str
    verdict: str
    reasons: Sequence[str]
    cache: str
    baseline: str
    holdout: Sequence[str]
    service_tier: str
    usage_text: Mapping[str, str]
    duration_us: int
    first_token_us: int | None
    overhead_us: int
    cost_basis: str
    price_version: str
    unpriced_reason: str
    list_text: str
    contracted_text: str
    effective_text: str
    counterfactual_text: str
    stated_text: str
    attempt_rows: Sequence[Sequence[object]]
    line_rows: Sequence[Sequence[object]]
    touch_rows: Sequence[Sequence[object]]

    @property
    def cached_call(self) -> str:
        """The call whose answer was kept and given again; '' where the answer came from no cache."""
        return self.metadata.get("cached_call", "")

    @property
    def usage(self) -> dict[str, Decimal]:
        """Quantities by unit, as they were reported."""
        return {unit: Decimal(quantity) for unit, quantity in self.usage_text.items()}

    @property
    def attempts(self) -> list[Attempt]:
        """Every request that was put on the wire for it."""
        return [_made(Attempt, row) for row in self.attempt_rows]

    @property
    def lines(self) -> list[CostLine]:
        """What its cost was made of when it was served."""
        return [_made(CostLine, row) for row in self.line_rows]

    @property
    def touches(self) -> list[Touch]:
        """What each guardrail did, or would have done."""
        return [_made(Touch, row) for row in self.touch_rows]

    @property
    def served_cost(self) -> Decimal | None:
        """What it cost when it was served, USD; None where that is unknown."""
        return amount(self.effective_text)

    @property
    def counterfactual(self) -> Decimal | None:
        """What it would have cost without guardrails, USD; None where none acted, or where that is unknown."""
        return amount(self.counterfactual_text)

    @property
    def stated(self) -> Decimal | None:
        """What its sender or its provider said it cost, USD; None where nobody did."""
        return amount(self.stated_text)


class AdjustmentOf(msgspec.Struct, frozen=True, kw_only=True):
    """A row of adjustments_of.sql."""

    applied_at: datetime
    batch: str
    reason: str
    old_basis: str
    new_basis: str
    old_price_version: str
    new_price_version: str
    old_text: str
    new_text: str

    @property
    def old(self) -> Decimal | None:
        """The cost before, USD; None where it was unknown."""
        return amount(self.old_text)

    @property
    def new(self) -> Decimal | None:
        """The cost from then on, USD; None where it is unknown."""
        return amount(self.new_text)


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A row of run_outcomes_of.sql."""

    outcome_id: str
    at: datetime
    outcome_type: str
    status: str
    value_text: str
    reason: str

    @property
    def value(self) -> Decimal | None:
        """What it earns, USD; None where its plan's price says it."""
        return amount(self.value_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A call, what adjustments made of its cost, and the outcomes of its run."""

    call: RecordedCall
    adjustments: Sequence[AdjustmentOf]
    outcomes: Sequence[RunOutcome]

    @property
    def cost(self) -> Decimal | None:
        """What it costs by what is known now, USD; None where that is unknown."""
        return self.adjustments[-1].new if self.adjustments else self.call.served_cost

    @property
    def basis(self) -> str:
        """How that cost is known."""
        return self.adjustments[-1].new_basis if self.adjustments else self.call.cost_basis


def recorded_call(ledger: AnyLedger, call_id: str, *, source: str = "", day: date | None = None) -> Recorded | None:
    """The call of that id: the latest where several sources use it and none is named. None when the ledger does not know it.

    The id of a gateway's call says its day. Of another, `day` does (of UTC, and of clock.REPORTED_YEARS); without it every
    month is looked through, and TooSlow says where that takes longer than SECONDS.
    """
    near = day_of_call(call_id) or day
    first, last = (_FIRST, _LAST) if near is None else (max(_FIRST, near - _AROUND), min(_LAST, near + _AROUND))
    asked = Query(
        sql=Template(_text("recorded_call")).substitute(seconds=SECONDS),
        row=RecordedCall,
        parameters={"id": call_id, "source": source, "first": first, "last": last},
    )
    rows = ledger.query(asked)
    if not rows:
        return None
    call = rows[0]
    of_call = {"source": call.source, "id": call.id}
    adjustments = ledger.query(Query(sql=_text("adjustments_of"), row=AdjustmentOf, parameters=of_call))
    of_run = Query(sql=_text("run_outcomes_of"), row=RunOutcome, parameters={"run": call.run})
    return Recorded(call=call, adjustments=adjustments, outcomes=ledger.query(of_run) if call.run else [])


def day_of_call(call_id: str) -> date | None:
    """The day of UTC on which a gateway's call was opened: its id begins with the milliseconds. None for any other id."""
    if len(call_id) != _ID_DIGITS or not _DIGITS.issuperset(call_id):
        return None
    days = int(call_id[:_MS_DIGITS], 16) // _DAY_MS
    return _EPOCH + timedelta(days=days) if days <= (_LAST - _EPOCH).days else None


def amount(text: str) -> Decimal | None:
    """An amount as the store's text has it."""
    return Decimal(text) if text else None


def utc_day(at: datetime) -> date:
    """The day of UTC, which a call is looked up by."""
    return at.astimezone(UTC).date()


def _text(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")


def _made(type_: type[_Made], values: Sequence[object]) -> _Made:
    """A record's struct from the store's tuple, in the order of its fields; '' is None where a field may be."""
    fields = dict(zip(type_.__struct_fields__, values, strict=True))
    return msgspec.convert({name: value for name, value in fields.items() if name != "saved" or value != ""}, type_)
