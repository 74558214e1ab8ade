"""Asks the ledger what guardrails did and hands it to the pure part."""

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

    def of_feature(raw: str, as_of: int) -> str:
        return names.resolve("feature", raw, as_of)

    def customer(raw: str, as_of: int) -> str:
        return names.resolve("customer", raw, as_of)

    def whose(row: queries.TouchRow) -> str:
        return customer(row.customer, row.as_of) if row.customer or not row.other else f"(no customer) {row.other}"

    touched = [
        Touched(
            feature=of_feature(row.feature, row.as_of), guardrail=row.guardrail, customer=whose(row),
            arm=row.arm, mode=row.mode, action=row.action, calls=row.calls, unpriced=row.unpriced, unvalued=row.unvalued,
            errors=row.errors, saved=row.saved, spent=row.spent, cost=row.cost,
        )
        for row in ledger.query(queries.touches(days))
    ]  # fmt: skip
    asked = [row for row in touched if feature in {"", row.feature}]
    if not asked:
        return ()
    presence = [
        Presence(of_feature(row.feature, row.as_of), customer(row.customer, row.as_of), row.early, row.late)
        for row in ledger.query(queries.presence(days, (first + last) // 2))
    ]
    (held,) = ledger.query(queries.any_outcome())
    results = [
        Results(of_feature(row.names[2], row.as_of), customer(row.names[0], row.as_of), row.outcomes, row.successes)
        for row in ledger.query(queries.outcomes(days, held=held))
    ]
    return effects(asked, presence, results)
