"""What would fix the customers that cost more than they pay, over a ledger: gather what they use, price it anew, hand it on.

table by customer and plan ▸ who is under water ▸ what they use, their calls by model, what others pay ▸ backlog.remedies
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from floorline import money
from floorline.backlog.calls import ANSWERS, SIMPLE_TYPES, cheaper
from floorline.backlog.figures import Evidence, Resolve, Seat, Slice
from floorline.backlog.model import Opportunity
from floorline.backlog.remedies import MONTH_DAYS, Remedy, Rerouted, remedies
from floorline.jobs.margins import Margins
from floorline.jobs.pricing_use import switched, version_on
from floorline.margin.attribution import Names
from floorline.margin.customers import CustomerFigures
from floorline.margin.dimensions import Scope
from floorline.margin.pools import SeatUse
from floorline.margin.remembering import of_window, rows_added
from floorline.margin.table import Key
from floorline.money import ZERO, usd_of
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.query import Parameter, Query
from floorline.reviews.hosting import DAYS_A_MONTH
from floorline.reviews.queries import Workload

_SQL = resources.files("floorline.jobs").joinpath("sql")
_EPOCH = date(1970, 1, 1).toordinal()  # the store's day 0

Cheaper = Callable[[str, str], str]
"""Feature and model → the cheaper model that the configuration names for it, '' where it names none."""


class WorkRow(Workload, frozen=True, kw_only=True):
    """A row of customer_work.sql: the calls of a customer to one model, for one feature."""

    customer: str
    call_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedying:
    """Remedies over one ledger from `start` to the day before `end`: margins, prices, the configuration's cheaper models, and what
    the backlog holds.
    """

    margins: Margins
    start: date
    end: date
    scope: Scope
    book: PriceBook
    stated: Cheaper
    known: Mapping[str, Opportunity]

    def of(
        self, customers: Sequence[CustomerFigures], paid: Mapping[Key, int], names: Names
    ) -> Mapping[str, tuple[Remedy, ...]]:
        """What would fix each of `customers`, the most dollars first. `paid` is what everybody paid by customer and plan."""
        if not customers:
            return {}
        span = self.start, self.end, self.scope
        asked = self._begin_work([one.name for one in customers], names)
        plans = self.margins.plan_uses(*span, paid)
        seats = self.margins.seats(*span, whose=self._raw_names(customers, names))
        last = self.end - timedelta(days=1)

        @cache
        def priced(provider: str, model: str) -> PriceVersion | Unpriced:
            return version_on(self.book, provider, model, last)

        work: defaultdict[str, list[WorkRow]] = defaultdict(list)
        for row in asked.result():
            work[row.customer].append(row)
        found: dict[str, tuple[Remedy, ...]] = {}
        for one in customers:
            own = Evidence(start=self.start, end=self.end, slices=[_slice(row) for row in work[one.name]])
            found[one.name] = remedies(
                _seat(one, seats.get((one.name, one.plan)), paid),
                usd_of(sum(one.figures.shared_pico.values())),
                Evidence(start=self.start, end=self.end, slices=()),
                plans=plans,
                work=own.slices,
                routes=self._routes(work[one.name], own, lambda provider, model, _: priced(provider, model)),
                known=self.known,
            )
        return found

    def _raw_names(self, customers: Iterable[CustomerFigures], names: Names) -> set[str]:
        """Every raw name that means one of `customers` on some day."""
        first, end = self.start.toordinal(), self.end.toordinal()
        return {raw.name for one in customers for raw in names.names_of(one.name, first, end)}

    def _begin_work(self, customers: Sequence[str], names: Names) -> Future[list[WorkRow]]:
        of = named(customers, names, self.start, self.end, with_whose=True)
        return self.margins.ledger.begin(_work(self.start, self.end, self.scope, of))

    def _routes(self, work: Sequence[WorkRow], evidence: Evidence, prices: Resolve) -> list[Rerouted]:
        """Where its calls, the slices of `evidence`, could go: the model that the configuration names, else the strongest cheaper one
        of its provider by the `prices` of the last day.
        """
        last = evidence.end - timedelta(days=1)
        found: list[Rerouted] = []
        for row, one in zip(work, evidence.slices, strict=True):
            stated = self.stated(row.feature, row.model)
            to = stated or _stronger(one, evidence, prices)
            saves = switched(self.book, [row], row.feature, (row.model, to), last, days=evidence.days) if to else None
            if saves is not None:
                sure = "medium" if stated or row.call_type in SIMPLE_TYPES else "low"
                a_month = money.multiply(MONTH_DAYS, money.EXACT.divide(saves, DAYS_A_MONTH))
                found.append(Rerouted(row.feature, row.model, to, a_month, sure))
        return found


def _stronger(one: Slice, slices: Evidence, prices: Resolve) -> str:
    """The backlog's choice for calls that a model answers; '' where there is none."""
    if one.call_type not in ANSWERS or one.unpriced >= one.calls:
        return ""
    ratios = cheaper(one, slices, prices)
    return max(ratios.items(), key=lambda item: (item[1], item[0]))[0] if ratios else ""


def _work(start: date, end: date, scope: Scope, of: Mapping[str, Parameter], least: int = 1) -> Query[WorkRow]:
    """The calls `of` some customers, of models with at `least` so many."""
    sql = _SQL.joinpath("customer_work.sql").read_text(encoding="utf-8")
    query = Query(sql=sql, row=WorkRow, parameters={**window(start, end, scope), **of, "least": least})
    together = rows_added("customer", "feature", "call_type", "provider", "model", some="calls")
    return of_window(query, start, end, lambda since, until: _work(since, until, scope, of, 0), together)


def window(start: date, end: date, scope: Scope) -> dict[str, Parameter]:
    """The parameters that say which calls count."""
    return {"start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose}


def named(
    customers: Sequence[str], names: Names, start: date, end: date, *, with_whose: bool = False
) -> dict[str, Parameter]:
    """The parameters `names`, `starts` and `ends` of the raw names that mean `customers`; whose each is too `with_whose`."""
    raw = [(one, whose) for whose in customers for one in names.names_of(whose, start.toordinal(), end.toordinal())]
    parameters: dict[str, Parameter] = {
        "names": [one.name for one, _ in raw],
        "starts": [one.start - _EPOCH for one, _ in raw],
        "ends": [one.end - _EPOCH for one, _ in raw],
    }
    return parameters | ({"whose": [whose for _, whose in raw]} if with_whose else {})


def _slice(row: WorkRow) -> Slice:
    return Slice(
        feature=row.feature,
        call_type=row.call_type,
        provider=row.provider,
        model=row.model,
        calls=row.calls,
        unpriced=row.unpriced,
        cost=usd_of(row.cost),
        usage={
            "input": row.input_tokens - row.cache_read_tokens,
            "cache_read": row.cache_read_tokens,
            "output": row.output_tokens - row.reasoning_tokens,
            "reasoning": row.reasoning_tokens,
        },
        input_tokens=row.input_tokens,
        cache_read_tokens=row.cache_read_tokens,
        output_tokens=row.output_tokens,
    )


def _seat(one: CustomerFigures, use: SeatUse | None, paid: Mapping[Key, int]) -> Seat:
    """What a customer used on its plan and paid for it; without a call shared costs alone put it under water."""
    if use is None:
        return Seat(customer=one.name, plan="", calls=0, revenue=one.figures.revenue, by_feature={"": ZERO})
    revenue = usd_of(paid.get((one.name, one.plan), 0))
    costs = {feature: usd_of(pico) for feature, pico in use.costs.items()}
    return Seat(customer=one.name, plan=one.plan, calls=use.calls, revenue=revenue, by_feature=costs)
