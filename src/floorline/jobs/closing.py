"""Closing a month: gather its figures, see whether they are complete, freeze them, and tell later what came since.

    margins ▸ margin.closing.Month ▸ canonical bytes ▸ hash ▸ shelf
    shelf + margins of now ▸ corrections by kind ▸ restated

Months close in order. The corrections of earlier months that were found by the time a month closes are carried by it, so the
sum over months of what was closed and carried is what is restated.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import msgspec

from floorline.clock import day_of, timezone
from floorline.errors import BadInput, LedgerCorrupt, Mismatch
from floorline.jobs.margins import MarginRequest, Margins
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited
from floorline.ledger.surface import AnyLedger
from floorline.margin.attribution import Boundaries
from floorline.margin.closing import (
    Difference,
    Kind,
    Month,
    Part,
    Prior,
    Row,
    canonical,
    corrections,
    differences,
    digest,
    faults,
    keyed,
    name_of,
    rows_of,
    span_of,
    summed,
    to_book,
    total_of,
)  # fmt: skip
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.freshness import Freshness
from floorline.margin.policy import Policies
from floorline.margin.queries import calls_after, stamped_versions
from floorline.margin.sources import Days
from floorline.margin.table import NAMELESS, MarginReport
from floorline.money import ZERO

SCOPE = Scope()
UNBILLED_SHARE = Decimal("0.1")
"""Who uses the product as before and brings less than this of what it brought has a bill that is not here yet."""

_LEVEL = 6
_NO_SPANS = Boundaries(shared=[], own=[], changing=frozenset())


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a closed month without reading its figures, which are kept under their hash. `warnings` are what was
    not complete and `reason` why it was closed all the same. One that was reopened has another id.
    """

    month: str
    sha256: str
    closed_at: datetime
    actor: str
    revenue: Decimal
    cogs: Decimal
    warnings: tuple[str, ...] = ()
    reason: str = ""
    reopened_at: datetime | None = None
    reopened_by: str = ""
    reopened_because: str = ""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A month's canonical bytes, deflated, in hexadecimal: one word, in which an erasure finds no name."""

    deflated: str


class CustomerNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the customers' rows, in their order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A closed month beside itself of now. `since` is what came later, by kind; `carried` the part of it that later closed
    months carry. `incomparable` says why nothing is known of what came since, "" when it is.
    """

    head: Head
    closed: Month
    since: dict[Kind, Part]
    carried: Part
    incomparable: str = ""

    @property
    def restated(self) -> Row:
        """The total of now: as closed, and what came since."""
        change = summed(self.since.values())
        total = self.closed.total
        calls = self.since["calls"].rows if "calls" in self.since else 0
        return Row(revenue=total.revenue + change.revenue, cogs=total.cogs + change.cost, calls=total.calls + calls)


class Closings:
    """The closed months of one ledger. `freshness` is that of a live source of revenue, where there is one."""

    def __init__(self, ledger: AnyLedger, policies: Policies, freshness: Freshness | None = None) -> None:
        self._ledger, self._policies, self._freshness = ledger, policies, freshness
        self._margins = Margins(ledger, policies)
        state = ledger.state
        self._heads = Shelf(state, "closed_period", Head)
        self._bodies = Shelf(state, "closed_figures", Body)
        self._names = Shelf(state, "closed_customers", CustomerNames)

    # -- what there is

    def heads(self) -> dict[str, Head]:
        """The closed months by id, in order: `2026-10`, and `2026-10#1` for one that was reopened."""
        return self._heads.all()

    def closed(self) -> list[str]:
        """The months that are closed now, in order."""
        return [id_ for id_, head in self.heads().items() if head.reopened_at is None]

    def open_month(self, now: datetime) -> str:
        """The month that carries what comes late: the one after the last closed one, or the running one."""
        closed = self.closed()
        return _after(closed[-1]) if closed else name_of(day_of(now, timezone(self._ledger.timezone)))

    def figures(self, id_: str) -> Month:
        """The frozen figures. BadInput when there are none of that name."""
        return msgspec.json.decode(self._body(self._head(id_)), type=Month)

    def customers(self, id_: str) -> tuple[str, ...]:
        """The names of its customers' rows."""
        names = self._names.get(self._head(id_).sha256)
        assert names is not None, "names are kept before the head that leads to them"
        return names.names

    def verify(self) -> list[str]:
        """What does not hold of any frozen month: its hash, or its sums; [] when all is well."""
        problems: list[str] = []
        for id_, head in self.heads().items():
            try:
                body = self._body(head)
                found = digest(body)
                if found != head.sha256:
                    problems.append(f"{id_}: its figures hash to {found}, it was closed with {head.sha256}")
                else:
                    problems += faults(msgspec.json.decode(body, type=Month))
            except (LedgerCorrupt, ValueError, zlib.error) as error:
                problems.append(f"{id_}: its figures cannot be read: {error}")
        return problems

    def _head(self, id_: str) -> Head:
        head = self._heads.get(id_)
        if head is None:
            raise BadInput(f"{id_} is not closed: floorline close --list shows what is")
        return head

    def _body(self, head: Head) -> bytes:
        kept = self._bodies.get(head.sha256)
        if kept is None:
            raise LedgerCorrupt(f"the figures of {head.month} are gone: there are none of the hash {head.sha256}")
        return zlib.decompress(bytes.fromhex(kept.deflated))

    # -- closing

    def gather(self, month: str) -> tuple[Month, tuple[str, ...]]:
        """The figures of a month as they stand, and the names of its customers' rows."""
        start, end = span_of(month)
        features, plans, customers = (self._table(month, by) for by in ("feature", "plan", "customer"))
        days = Days(
            start=start.toordinal(),
            end=end.toordinal(),
            scope=SCOPE,
            spans=_NO_SPANS,
            timezone=self._ledger.timezone,
        )
        gathered = Month(
            month=month,
            start=start,
            end=end,
            timezone=self._ledger.timezone,
            environment=SCOPE.environment,
            purpose=SCOPE.purpose,
            total=total_of(features),
            parts=self._margins.parts(start, end, SCOPE),
            features=rows_of(features),
            plans=rows_of(plans),
            customers=rows_of(customers, named=False),
            feature_policies=dict(self._policies.features),
            plan_policies=dict(self._policies.plans),
            price_versions=tuple(row.text for row in self._ledger.query(stamped_versions(days))),
        )
        if problems := faults(gathered):
            raise LedgerCorrupt(f"a record arrived while the figures were gathered, close again: {problems[0]}")
        return gathered, tuple(row.key[0] for row in rows_of(customers))

    def _table(self, month: str, by: Dimension) -> MarginReport:
        start, end = span_of(month)
        return self._margins.table(MarginRequest(by=(by,), start=start, end=end, scope=SCOPE, with_p95=False))

    def lacking(self, month: str, gathered: Month, names: Sequence[str]) -> list[str]:
        """What speaks against closing a month now: what is behind, missing or unpriced."""
        _, end = span_of(month)
        found: list[str] = []
        if not self._ledger.query(calls_after(end))[0].count:
            found.append(f"no call of {end} or later is in the ledger: what gateways have spooled may be behind")
        if self._freshness is not None and (stale := self._stale(end, self._freshness)):
            found.append(stale)
        if gathered.total.unpriced:
            found.append(f"{gathered.total.unpriced:,} calls have no price: set one, then re-rate them")
        if stale := self._unbilled(month, gathered, names):
            some = ", ".join(stale[:3]) + (", …" if len(stale) > 3 else "")
            found.append(f"{len(stale):,} customers with calls bring less than a tenth of the month before: {some}")
        elif gathered.total.calls and not gathered.parts["revenue"].rows and not gathered.total.revenue:
            found.append(f"no revenue is recognised in {month}: import it")
        return found

    def _stale(self, end: date, freshness: Freshness) -> str:
        """What a live source of revenue lacks of the days before `end`, "" when nothing."""
        over = datetime.combine(end, time(), timezone(self._ledger.timezone))
        if freshness.complete_until is None:
            return f"revenue of {freshness.source} was never read whole"
        if freshness.complete_until < over:
            return f"revenue of {freshness.source} is complete until {freshness.complete_until:%Y-%m-%d %H:%M} UTC only"
        return f"{freshness.refused:,} documents of {freshness.source} are refused" if freshness.refused else ""

    def _unbilled(self, month: str, gathered: Month, names: Sequence[str]) -> list[str]:
        """Customers with calls whose revenue is less than UNBILLED_SHARE of that of the month before."""
        before = {row.key[0]: row.revenue for row in self._table(_before(month), "customer").rows}
        return [
            name
            for name, row in zip(names, gathered.customers, strict=True)
            if row.calls and name not in NAMELESS and row.revenue < before.get(name, ZERO) * UNBILLED_SHARE
        ]

    def close(self, month: str, *, now: datetime, actor: str, reason: str = "", force: bool = False) -> Head:
        """Freeze a month. BadInput out of order, before it is over, or forced without a reason; Mismatch where it is not
        complete and not forced.
        """
        self._refuse_out_of_order(month, now)
        if force and not reason:
            raise BadInput("--force wants its --reason: it is kept with the month")
        gathered, names = self.gather(month)
        warnings = self.lacking(month, gathered, names)
        if warnings and not force:
            lines = "\n  ".join(warnings)
            raise Mismatch(f"{month} is not complete:\n  {lines}\nmend it, or close it with --force --reason TEXT")
        gathered = msgspec.structs.replace(gathered, prior=self._to_carry())
        body = canonical(gathered)
        head = Head(
            month=month,
            sha256=digest(body),
            closed_at=now,
            actor=actor,
            revenue=gathered.total.revenue,
            cogs=gathered.total.cogs,
            warnings=tuple(warnings),
            reason=reason,
        )
        self._bodies.put(head.sha256, Body(deflated=zlib.compress(body, _LEVEL).hex()), now=now)
        self._names.put(head.sha256, CustomerNames(names=names), now=now)
        if self._heads.change(month, lambda other: other or head, now=now) != head:
            raise BadInput(f"{month} was closed by another process meanwhile: floorline close {month} --show")
        self._audit("close", month, f"{head.sha256} {reason}".strip(), actor, now)
        return head

    def _refuse_out_of_order(self, month: str, now: datetime) -> None:
        try:
            _, end = span_of(month)
        except ValueError as error:
            raise BadInput(str(error)) from error
        today = day_of(now, timezone(self._ledger.timezone))
        closed = self.closed()
        if month in closed:
            raise BadInput(f"{month} is closed: floorline close {month} --show")
        if end > today:
            raise BadInput(f"{month} is not over before {end}: today is {today}")
        if closed and month != _after(closed[-1]):
            raise BadInput(f"months close in order: {_after(closed[-1])} is next, not {month}")

    def reopen(self, month: str, *, now: datetime, actor: str, reason: str) -> Head:
        """Undo the close of the last closed month. Its figures stay readable under another id."""
        closed = self.closed()
        if not reason:
            raise BadInput("--reopen wants its --reason: it is kept")
        if not closed or month != closed[-1]:
            raise BadInput(f"only the last closed month can be reopened: {closed[-1] if closed else 'none is closed'}")
        head = self._head(month)
        number = sum(1 for id_ in self.heads() if id_.startswith(f"{month}#")) + 1
        reopened = msgspec.structs.replace(head, reopened_at=now, reopened_by=actor, reopened_because=reason)
        self._heads.put(f"{month}#{number}", reopened, now=now)
        self._heads.change(month, lambda _: None, now=now)
        self._audit("reopen", month, f"{head.sha256} {reason}", actor, now)
        return reopened

    def _audit(self, action: str, month: str, detail: str, actor: str, now: datetime) -> None:
        self._ledger.state.audit(Audited(at=now, actor=actor, action=f"period.{action}", subject=month, detail=detail))

    # -- what came later

    def restated(self, month: str) -> Restated:
        """A closed month and what came since."""
        head, closed = self._head(month), self.figures(month)
        incomparable = self._incomparable(closed)
        return Restated(
            head=head,
            closed=closed,
            since={} if incomparable else self._since(closed),
            carried=summed(prior.part for prior in self._carried() if prior.month == month),
            incomparable=incomparable,
        )

    def carried_by(self, month: str, now: datetime) -> tuple[Prior, ...]:
        """The corrections of earlier closed months that a month carries: frozen with a closed one, those of now for the
        open one, none for any other.
        """
        closed = self.closed()
        if month in closed:
            return self.figures(month).prior
        return self._to_carry() if closed and month == self.open_month(now) else ()

    def differences(self, month: str, report: MarginReport) -> tuple[Difference, ...]:
        """The rows of a table of now by feature, plan or customer that differ from the closed month's."""
        closed = self.figures(month)
        rows = {"feature": closed.features, "plan": closed.plans}.get(report.by[0])
        known = keyed(closed.customers, self.customers(month)) if rows is None else keyed(rows)
        return differences(known, report)

    def _incomparable(self, closed: Month) -> str:
        if closed.timezone == self._ledger.timezone:
            return ""
        return (
            f"{closed.month} was closed for days of {closed.timezone}, the ledger's are of {self._ledger.timezone} now:"
            f" set `timezone: {closed.timezone}` to compare them"
        )

    def _since(self, closed: Month) -> dict[Kind, Part]:
        if incomparable := self._incomparable(closed):
            raise Mismatch(incomparable)
        under_closed = Margins(self._ledger, replace(self._policies, plans=closed.plan_policies))
        now = self._margins.parts(closed.start, closed.end, SCOPE)
        same = closed.plan_policies == dict(self._policies.plans)
        settled = now if same else under_closed.parts(closed.start, closed.end, SCOPE)
        return corrections(closed.parts, now, settled)

    def _carried(self) -> list[Prior]:
        return [prior for month in self.closed() for prior in self.figures(month).prior]

    def _to_carry(self) -> tuple[Prior, ...]:
        """What came late for every closed month and no closed month carries."""
        booked = self._carried()
        return tuple(
            prior for month in self.closed() for prior in to_book(month, self._since(self.figures(month)), booked)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a margin table of one month: for a closed one itself as it was frozen and the rows that changed
    since; and the corrections of earlier months that it carries.
    """

    month: str
    restated: Restated | None
    rows: tuple[Difference, ...]
    carried: tuple[Prior, ...]


def beside(closings: Closings, report: MarginReport, now: datetime) -> Beside | None:
    """What stands beside a table; None where it is not of one month and the scope that is closed, or nothing is."""
    month = name_of(report.start)
    if (report.start, report.end) != span_of(month) or report.scope != SCOPE:
        return None
    carried = closings.carried_by(month, now)
    if month not in closings.closed():
        return Beside(month=month, restated=None, rows=(), carried=carried) if carried else None
    restated = closings.restated(month)
    compared = report.by in {("feature",), ("plan",), ("customer",)} and not restated.incomparable
    return Beside(
        month=month,
        restated=restated,
        rows=closings.differences(month, report) if compared else (),
        carried=carried,
    )


def _after(month: str) -> str:
    return name_of(span_of(month)[1])


def _before(month: str) -> str:
    return name_of(span_of(month)[0] - timedelta(days=1))
