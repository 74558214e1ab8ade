"""Whether the counters of budgets are what the ledger says: 0 ≤ counter − ledger ≤ what calls under way hold.

A gateway's checkpoint says up to when it counts and which calls were under way then; of all others the ledger has the record.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import msgspec
from msgspec.structs import replace

from floorline.errors import Mismatch
from floorline.guardrails.budget import Budget, Measure, Named, holder
from floorline.guardrails.spending import amount_text
from floorline.guardrails.windows import Span
from floorline.jobs.doctoring import Finding, ok, wrong
from floorline.ledger.checkpoint import NAME, Saved, SavedBucket, load
from floorline.ledger.renaming import PREFIX
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.surface import Answering
from floorline.query import Query

COLLECTED_S = 5
"""How long records may be on their way into the ledger."""

_SQL = resources.files("floorline.jobs").joinpath("sql/counted_calls.sql")


class CountedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of counted_calls.sql; `cost` in 10^-12 USD."""

    customer: str
    user: str
    plan: str
    feature: str
    workflow: str
    key: str
    calls: int
    tokens: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A counter that is not what the ledger says."""

    budget: Budget
    bucket: SavedBucket
    ledger: int

    @property
    def beyond(self) -> int:
        """What the counter has beyond the ledger, reservations included."""
        return self.bucket.used + self.bucket.held - self.ledger

    def __str__(self) -> str:
        budget, bucket = self.budget, self.bucket
        used, held, there = (amount_text(budget.shown(part)) for part in (bucket.used, bucket.held, self.ledger))
        whose = f" of {bucket.holder}" if bucket.holder else ""
        return f"{budget.name}{whose} in {bucket.name} counts {used} used and {held} held, the ledger has {there} {budget.unit}"


def counter_findings(ledger: Answering, home: Path, budgets: Sequence[Budget], now: datetime) -> Iterator[Finding]:
    """Of each gateway that counts, whether the ledger agrees."""
    for file in sorted((home / GATEWAYS).glob(f"*/{NAME}")):
        saved = load(file)
        if saved is None or not saved.since:
            continue
        area, gateway = f"budgets {file.parent.name}", file.parent.name
        found = list(disagreements(ledger, gateway, saved, budgets, now))
        if found:
            yield wrong(
                area, f"{len(found)} counters disagree with the ledger: {found[0]}",
                "see that control collects what the gateway spooled; docs/budgets.md says what else can be behind it",
            )  # fmt: skip
        else:
            running = [one for one in saved.buckets if one.end > now]
            yield ok(area, f"{len(running)} counters agree with the ledger, {len(saved.open)} calls are under way")


def settled_findings(
    ledger: Answering, home: Path, budgets: Sequence[Budget], now: Callable[[], datetime]
) -> list[Finding]:
    """As counter_findings; what was spooled a moment ago is given some time to be collected."""
    found: list[Finding] = []
    for _ in range(COLLECTED_S):
        found = list(counter_findings(ledger, home, budgets, now()))
        if all(one.level == "ok" for one in found):
            break
        time.sleep(1)
    return found


def compare_counters(ledger: Answering, home: Path, budgets: Sequence[Budget], now: Callable[[], datetime]) -> str:
    """Compare every gateway's counters with the ledger. Mismatch says which disagree."""
    found = settled_findings(ledger, home, budgets, now)
    if wrong_ones := [one.said for one in found if one.level != "ok"]:
        raise Mismatch("; ".join(wrong_ones))
    return "; ".join(one.said for one in found) or "no gateway counts yet"


def disagreements(
    ledger: Answering, gateway: str, saved: Saved, budgets: Sequence[Budget], now: datetime
) -> Iterator[Disagreement]:
    """The counters of running windows that are less than the ledger has, or more by more than is held. What was used and is not counted
    at all is one too.
    """
    asked: dict[tuple[datetime, datetime], list[CountedRow]] = {}
    for budget in budgets:
        since = saved.since.get(budget.id)
        if since is None:
            continue
        window = budget.window.at(now)
        span = (max(window.start, since), window.end)
        if span not in asked:
            asked[span] = counted_rows(ledger, gateway, *span, saved.at, [call.id for call in saved.open])
        there: Counter[str] = Counter()
        for row in asked[span]:
            if (whose := holder(budget.scope, named(row))) is not None:
                there[whose] += measured(row, budget.measure)
        buckets = {one.holder: one for one in saved.buckets if (one.budget, one.start) == (budget.id, window.start)}
        found = [
            Disagreement(
                budget=budget, bucket=buckets.get(whose) or _nothing(budget, whose, window), ledger=there[whose]
            )
            for whose in sorted(buckets.keys() | there.keys())
        ]
        yield from _unexplained(budget, [one for one in found if not 0 <= one.beyond <= one.bucket.held], asked[span])


def _unexplained(budget: Budget, found: list[Disagreement], rows: Sequence[CountedRow]) -> list[Disagreement]:
    """Those that no erasure explains. Counters keep the names under which they count, and the ledger has surrogates: what the former
    have beyond the ledger is what it has of the latter, or of a budget that lists names at most that.
    """
    whose = [part for part in budget.scope if part.dimension in {"customer", "user"}]
    anyone = tuple([replace(part, names=()) if part in whose else part for part in budget.scope])
    erased = sum(
        [
            measured(row, budget.measure)
            for row in rows
            if PREFIX in {row.customer[: len(PREFIX)], row.user[: len(PREFIX)]}
            and holder(anyone, named(row)) is not None
        ]
    )
    if not whose or not erased:
        return found
    named_ones = [one for one in found if PREFIX not in one.bucket.holder]
    beyond, held = sum([one.beyond for one in named_ones]), sum([one.bucket.held for one in named_ones])
    least = 0 if any(part.names for part in whose) else erased
    explained = all(one.beyond >= 0 for one in named_ones) and least <= beyond <= erased + held
    return [] if explained else found


def _nothing(budget: Budget, whose: str, window: Span) -> SavedBucket:
    """The counter of somebody of whom nothing was counted."""
    return SavedBucket(budget.id, whose, window.start, window.end, window.name, used=0, presumed=0, held=0, calls=0)


def counted_rows(
    ledger: Answering, gateway: str, start: datetime, end: datetime, until: datetime, open_: Sequence[str]
) -> list[CountedRow]:
    """What a gateway's calls used that opened from `start` to before `end` and not after `until`, without those of `open_`."""
    return ledger.query(
        Query(
            sql=_SQL.read_text(encoding="utf-8"),
            row=CountedRow,
            parameters={"start": start, "end": end, "until": until, "gateway": gateway, "open": list(open_)},
        )
    )


def named(row: CountedRow) -> Named:
    """What scopes go by."""
    return Named(
        customer=row.customer, user=row.user, plan=row.plan, feature=row.feature, workflow=row.workflow, key=row.key
    )


def measured(row: CountedRow, measure: Measure) -> int:
    """What the calls used, in quanta of a measure."""
    return {"usd": row.cost, "tokens": row.tokens, "calls": row.calls}[measure]
