"""Asks the ledger what guardrails did day by day, and for the latest calls that they acted on."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.jobs.margins import Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.money import usd_of
from floorline.query import Query

EACH_MAX, ROWS_MAX, ENOUGH = 8, 60, 20
"""Calls of one set of guardrails that acted together; in all; and how many of these are enough to look no further back."""

_REACHES = (timedelta(hours=2), timedelta(days=2), timedelta(days=14))
"""How far back calls are looked for: no further than it takes to find enough, because they are many."""

_SQL = resources.files("floorline.jobs").joinpath("sql")


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of touches_by_day.sql."""

    day: date
    guardrail: str
    feature: str
    touched: int
    held_out: int
    shadow: int
    saved: int
    spent: int

    @property
    def net(self) -> Decimal:
        """What it claims to have saved less its own cost, USD."""
        return usd_of(self.saved - self.spent)


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A call as decided_lately.sql gives it. `acted` and `actions` are parallel: the guardrails that acted, and what they did."""

    id: str
    opened_at: datetime
    customer: str
    feature: str
    model_requested: str
    model_served: str
    verdict: str
    reasons: Sequence[str]
    acted: Sequence[str]
    actions: Sequence[str]
    cost_text: str
    counterfactual_text: str

    @property
    def saved(self) -> Decimal | None:
        """What it would have cost without guardrails, less what it cost; None where either is unknown."""
        if not self.cost_text or not self.counterfactual_text:
            return None
        return Decimal(self.counterfactual_text) - Decimal(self.cost_text)

    @property
    def by(self) -> Sequence[str]:
        """Whose decision it is: the guardrails that acted, or what the reasons of a refusal name."""
        named = [reason.partition(":")[0] for reason in self.reasons if ":" in reason]
        return self.acted or (named[-1:] if self.verdict == "refuse" else [])


def by_day(margins: Margins, start: date, end: date, scope: Scope, feature: str = "") -> list[DayRow]:
    """Each day's rows from `start` to the day before `end`; of one feature alone where it is named."""
    names = Names([*margins.ledger.query(queries.aliases()), *margins.policies.aliases], [], ())
    parameters: Mapping[str, str | date] = {
        "start": start, "end": end, "environment": scope.environment, "purpose": scope.purpose,
    }  # fmt: skip
    rows = margins.ledger.query(Query(sql=_text("touches_by_day"), row=DayRow, parameters=parameters))
    named = (
        msgspec.structs.replace(row, feature=names.resolve("feature", row.feature, row.day.toordinal())) for row in rows
    )
    return [row for row in named if feature in {"", row.feature}]


def decided_lately(ledger: AnyLedger, until: datetime, scope: Scope) -> list[Decided]:
    """The latest calls before `until` that a guardrail acted on or that were refused, newest first."""
    found: list[Decided] = []
    for reach in _REACHES:
        found = ledger.query(
            Query(
                sql=_text("decided_lately"),
                row=Decided,
                parameters={
                    "since": until - reach, "until": until, "environment": scope.environment,
                    "purpose": scope.purpose, "each": EACH_MAX, "rows": ROWS_MAX,
                },
            )
        )  # fmt: skip
        if len(found) >= ENOUGH:
            break
    return found


def net_by_day(rows: Sequence[DayRow]) -> Iterator[tuple[date, str, Decimal]]:
    """Day, guardrail, and its net saving over all features."""
    sums: dict[tuple[date, str], Decimal] = {}
    for row in rows:
        sums[row.day, row.guardrail] = sums.get((row.day, row.guardrail), Decimal(0)) + row.net
    return ((day, guardrail, net) for (day, guardrail), net in sorted(sums.items()))


def _text(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
