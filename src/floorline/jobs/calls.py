"""Finding calls among all there are: newest first, a page at a time, bounded in rows and in time.

    found = find_calls(ledger, CallFilter(start=…, end=…, feature=("assistant",)), rows=100)
    found.calls, found.cursor, found.searched_to

Stretches of time are searched from the newest back, each longer than the one before, so that the first page of a large
ledger reads an hour and not a month. When the time is used up, what was found so far is whole down to `searched_to`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import resources
from string import Template
from typing import Literal

import msgspec

from floorline.clock import REPORTED_YEARS
from floorline.errors import BadInput
from floorline.ledger.store import TooSlow
from floorline.ledger.surface import AnyLedger
from floorline.query import Query

SEARCH_S = 5
"""How long one search may take."""

_FIRST_STRETCH = timedelta(hours=1)
_GROWTH = 24
_LEAST_S = Decimal("0.05")
_SQL = resources.files("floorline.jobs").joinpath("sql")
_END_OF_TEXT = "\U0010ffff"

CallOutcome = Literal["", "success", "failed", "cancelled"]


class Cursor(msgspec.Struct, frozen=True):
    """The last call of a page: the next one begins after it."""

    at: datetime
    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{self.source}~{self.id}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """What `str` made. BadInput for anything else."""
        at, _, rest = text.partition("~")
        source, mark, id_ = rest.partition("~")
        instant = _instant(at) if mark else None
        if instant is None:
            raise BadInput(f"{text[:80]!r} is no cursor: take the address of the link that leads to the next page")
        return cls(instant, source, id_)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if at.year in REPORTED_YEARS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls: those opened from `start` to before `end` that are everything asked for; '' and () ask for anything.

    `customers`, `features` and `plans` are every name of the one that is meant. `status` 0 is any, `streamed` None too.
    `cost_min` is what the call cost when it was served. `outcome` is that of the call's run.
    """

    start: datetime
    end: datetime
    id: str = ""
    customers: tuple[str, ...] = ()
    user: str = ""
    features: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    workflow: str = ""
    step: str = ""
    run: str = ""
    key: str = ""
    model: str = ""
    provider: str = ""
    ending: str = ""
    verdict: str = ""
    status: int = 0
    guardrail: str = ""
    basis: str = ""
    cost_min: Decimal = Decimal(0)
    streamed: bool | None = None
    unattributed: bool = False
    outcome: CallOutcome = ""
    environment: str = "production"
    purpose: str = "production"


class FoundCall(msgspec.Struct, frozen=True, kw_only=True):
    """A row of found_calls.sql. `cost` and `basis` are those of now where `AdjustedNow` says so."""

    source: str
    id: str
    opened_at: datetime
    customer: str
    user: str
    plan: str
    feature: str
    workflow: str
    run: str
    step: str
    provider: str
    model_requested: str
    model_served: str
    streamed: bool
    status: int
    ending: str
    verdict: str
    cache: str
    guardrails: tuple[str, ...]
    input_tokens: int
    output_tokens: int
    duration_us: int
    attempts: int
    basis: str
    cost_text: str
    environment: str
    purpose: str

    @property
    def cost(self) -> Decimal | None:
        """USD; None where it is unknown."""
        return Decimal(self.cost_text) if self.cost_text else None

    @property
    def cursor(self) -> Cursor:
        """Where the page after this call begins."""
        return Cursor(self.opened_at, self.source, self.id)


class AdjustedNow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of adjusted_now.sql."""

    source: str
    id: str
    basis: str
    cost_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Calls, newest first. `more` says whether there are others, from `cursor` on. Everything from `searched_to` on was looked
    at; where that is after the start that was asked for, the time was used up.
    """

    calls: Sequence[FoundCall]
    more: bool
    searched_to: datetime
    is_cut: bool

    @property
    def cursor(self) -> Cursor | None:
        """The cursor of the next page: None where there is none."""
        if self.calls and self.more:
            return self.calls[-1].cursor
        return Cursor(self.searched_to, "", "") if self.is_cut else None


def find_calls(
    ledger: AnyLedger, asked: CallFilter, *, rows: int, after: Cursor | None = None, seconds: int = SEARCH_S
) -> Found:
    """At most `rows` calls that are as asked, in at most about `seconds`."""
    deadline = time.monotonic() + seconds
    before = after or Cursor(asked.end, _END_OF_TEXT, "")
    end = min(asked.end, before.at + timedelta(microseconds=1))
    stretch, found = _FIRST_STRETCH, list[FoundCall]()
    while end > asked.start and len(found) <= rows:
        start = max(asked.start, end - stretch)
        left = Decimal(str(deadline - time.monotonic()))
        part = _within(ledger, replace(asked, start=start, end=end), before, rows + 1 - len(found), left)
        if part is None:
            return Found(calls=_as_of_now(ledger, found), more=False, searched_to=end, is_cut=True)
        found += part
        end, stretch = start, stretch * _GROWTH
    return Found(calls=_as_of_now(ledger, found[:rows]), more=len(found) > rows, searched_to=asked.start, is_cut=False)


def _within(
    ledger: AnyLedger, asked: CallFilter, before: Cursor, rows: int, seconds: Decimal
) -> list[FoundCall] | None:
    """The first calls of one stretch; None where the time does not suffice."""
    if seconds < _LEAST_S:
        return None
    try:
        return ledger.query(_query(asked, before, rows, seconds))
    except TooSlow:
        return None


def _query(asked: CallFilter, before: Cursor, rows: int, seconds: Decimal) -> Query[FoundCall]:
    return Query(
        sql=Template(_SQL.joinpath("found_calls.sql").read_text(encoding="utf-8")).substitute(seconds=f"{seconds:.3f}"),
        row=FoundCall,
        parameters={
            "start": asked.start, "end": asked.end, "rows": rows,
            "before": before.at, "before_source": before.source, "before_id": before.id,
            "id": asked.id, "customers": asked.customers, "user": asked.user, "features": asked.features, "plans": asked.plans,
            "workflow": asked.workflow, "step": asked.step, "run": asked.run, "key": asked.key, "model": asked.model,
            "provider": asked.provider, "ending": asked.ending, "verdict": asked.verdict, "status": asked.status,
            "guardrail": asked.guardrail, "basis": asked.basis, "cost_min": asked.cost_min,
            "streamed": -1 if asked.streamed is None else int(asked.streamed), "unattributed": int(asked.unattributed),
            "outcome": asked.outcome, "environment": asked.environment, "purpose": asked.purpose,
        },
    )  # fmt: skip


def _as_of_now(ledger: AnyLedger, calls: Sequence[FoundCall]) -> list[FoundCall]:
    """The calls with what adjustments have made of their cost."""
    if not calls:
        return []
    changed = {(one.source, one.id): one for one in ledger.query(adjusted_now(calls))}
    return [
        call
        if (now := changed.get((call.source, call.id))) is None
        else msgspec.structs.replace(call, basis=now.basis, cost_text=now.cost_text)
        for call in calls
    ]


def adjusted_now(calls: Sequence[FoundCall]) -> Query[AdjustedNow]:
    """What adjustments have made of these calls."""
    return Query(
        sql=_SQL.joinpath("adjusted_now.sql").read_text(encoding="utf-8"),
        row=AdjustedNow,
        parameters={"ids": [call.id for call in calls], "sources": sorted({call.source for call in calls})},
    )
