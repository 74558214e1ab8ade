"""Asks the ledger what guardrails did and hands it to the pure part."""

from collections.abc import Iterator
from datetime import date

from floorline.jobs.margins import Margins
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import Effect, Presence, Results, Touched, effects
from floorline.margin.sources import Days


def effects_of(margins: Margins, start: date, end: date, scope: Scope, feature: str = "") -> tuple[Effect, ...]:
    """What every guardrail did from `start` to the day before `end`; to one feature's calls alone where it is named."""
    ledger = margins.ledger
    names = Names([*ledger.query(queries.aliases()), *margins.policies.aliases], [], ())
    first, last = start.toordinal(), end.toordinal()
    days = Days(
        start=first, end=last, scope=scope, spans=names.boundaries(first, last, ()), timezone=ledger.timezone
    )  # fmt: skip

    (columns,) = ledger.query(queries.touches(days))
    asked = [row for row in _touched(columns, names) if feature in {"", row.feature}]
    if not asked:
        return ()
    (came,) = ledger.query(queries.presence(days, (first + last) // 2))
    features, customers = (
        names.resolve_all("feature", came.feature, came.as_of),
        names.resolve_all("customer", came.customer, came.as_of),
    )
    presence = map(Presence._make, zip(features, customers, came.early, came.late, strict=True))
    (held,) = ledger.query(queries.any_outcome())
    results = [
        Results(
            names.resolve("feature", row.names[2], row.as_of), names.resolve("customer", row.names[0], row.as_of),
            row.outcomes, row.successes,
        )
        for row in ledger.query(queries.outcomes(days, held=held))
    ]  # fmt: skip
    return effects(asked, presence, results)


def _touched(columns: queries.TouchColumns, names: Names) -> Iterator[Touched]:
    features = names.resolve_all("feature", columns.feature, columns.as_of)
    customers = names.resolve_all("customer", columns.customer, columns.as_of)
    whose = [
        customer if raw or not other else f"(no customer) {other}"
        for customer, raw, other in zip(customers, columns.customer, columns.other, strict=True)
    ]
    rows = zip(
        features, columns.guardrail, whose, columns.arm, columns.mode, columns.action, columns.calls, columns.unpriced,
        columns.unvalued, columns.errors, columns.saved, columns.spent, columns.cost, strict=True,
    )  # fmt: skip
    return map(Touched._make, rows)
