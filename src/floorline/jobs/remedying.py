"""What would fix the customers that cost more than they pay, over a ledger: gather what they use, price it anew, hand it on.

table by customer and plan ▸ who is under water ▸ their calls by model ▸ backlog.remedies
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from floorline import money
from floorline.backlog.calls import ANSWERS, SIMPLE_TYPES, cheaper
from floorline.backlog.customers import by_plan
from floorline.backlog.figures import Evidence, Seat, Slice
from floorline.backlog.model import Opportunity
from floorline.backlog.remedies import MONTH_DAYS, Remedy, Rerouted, remedies
from floorline.jobs.backlogging import seats_of
from floorline.jobs.margins import Margins
from floorline.jobs.pricing_use import switched, version_on
from floorline.margin.attribution import Names
from floorline.margin.customers import CustomerFigures
from floorline.margin.dimensions import Scope
from floorline.margin.table import MarginReport
from floorline.money import ZERO, usd_of
from floorline.pricing.book import PriceBook
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
    """Remedies over one ledger: margins, prices, the configuration's cheaper models, and what the backlog holds."""

    margins: Margins
    book: PriceBook
    stated: Cheaper
    known: Mapping[str, Opportunity]

    def of(
        self, customers: Sequence[CustomerFigures], report: MarginReport, names: Names
    ) -> Mapping[str, tuple[Remedy, ...]]:
        """What would fix each of `customers`, the most dollars first, by the days of `report`, the table by customer and plan."""
        if not customers:
            return {}
        uses = self.margins.seats(report.start, report.end, report.scope)
        evidence = Evidence(start=report.start, end=report.end, slices=(), seats=seats_of(uses, report))
        plans = by_plan(evidence.seats)
        seats = {(one.customer, one.plan): one for one in evidence.seats}
        work = self._work(customers, report, names)
        found: dict[str, tuple[Remedy, ...]] = {}
        for one in customers:
            shared = sum(one.figures.shared_pico.values())
            own = work.get(one.name, [])
            found[one.name] = remedies(
                seats.get((one.name, one.plan), _no_seat(one)),
                usd_of(shared),
                evidence,
                plans=plans,
                work=[_slice(row) for row in own],
                routes=self._routes(own, evidence),
                known=self.known,
            )
        return found

    def _work(
        self, customers: Sequence[CustomerFigures], report: MarginReport, names: Names
    ) -> Mapping[str, list[WorkRow]]:
        parameters: dict[str, Parameter] = {
            **window(report.start, report.end, report.scope),
            **named([one.name for one in customers], names, report.start, report.end, with_whose=True),
        }
        sql = _SQL.joinpath("customer_work.sql").read_text(encoding="utf-8")
        found: defaultdict[str, list[WorkRow]] = defaultdict(list)
        for row in self.margins.ledger.query(Query(sql=sql, row=WorkRow, parameters=parameters)):
            found[row.customer].append(row)
        return found

    def _routes(self, work: Sequence[WorkRow], evidence: Evidence) -> list[Rerouted]:
        """Where its calls could go: the model that the configuration names, else the strongest cheaper one of its provider."""
        last = evidence.end - timedelta(days=1)
        slices = Evidence(start=evidence.start, end=evidence.end, slices=[_slice(row) for row in work])
        found: list[Rerouted] = []
        for row, one in zip(work, slices.slices, strict=True):
            stated = self.stated(row.feature, row.model)
            to = stated or self._stronger(one, slices, last)
            saves = switched(self.book, [row], row.feature, (row.model, to), last, days=evidence.days) if to else None
            if saves is not None:
                sure = "medium" if stated or row.call_type in SIMPLE_TYPES else "low"
                a_month = money.multiply(MONTH_DAYS, money.EXACT.divide(saves, DAYS_A_MONTH))
                found.append(Rerouted(row.feature, row.model, to, a_month, sure))
        return found

    def _stronger(self, one: Slice, slices: Evidence, day: date) -> str:
        """The backlog's choice for calls that a model answers; '' where there is none."""
        if one.call_type not in ANSWERS or one.unpriced >= one.calls:
            return ""
        ratios = cheaper(one, slices, lambda provider, model, _: version_on(self.book, provider, model, day))
        return max(ratios.items(), key=lambda item: (item[1], item[0]))[0] if ratios else ""


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


def _no_seat(one: CustomerFigures) -> Seat:
    """A customer that pays and makes no call: shared costs alone put it under water."""
    return Seat(customer=one.name, plan="", calls=0, revenue=one.figures.revenue, by_feature={"": ZERO})
