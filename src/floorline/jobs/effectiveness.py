"""Asks the ledger what guardrails did and hands it to the pure part."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date

from floorline.jobs.margins import Margins
from floorline.margin import queries, touches
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import Effect, Presence, Results, Touched, effects
from floorline.margin.held import any_outcome
from floorline.margin.packed import unpacked
from floorline.margin.sources import Days
from floorline.margin.table import names_of_outcomes
from floorline.margin.vectors import integers


def effects_of(
    margins: Margins, start: date, end: date, scope: Scope, feature: str = "", guardrail: str = ""
) -> tuple[Effect, ...]:
    """What every guardrail did from `start` to the day before `end`; to one feature's calls alone, and by one guardrail alone,
    where these are named.
    """
    ledger = margins.ledger
    names = Names([*ledger.query(queries.aliases()), *margins.policies.aliases], [], ())
    first, last = start.toordinal(), end.toordinal()
    days = Days(
        start=first, end=last, scope=scope, spans=names.boundaries(first, last, ()), timezone=ledger.timezone
    )  # fmt: skip

    asked = touches.touches(days, features=sorted(_raw(names, [feature])) if feature else (), guardrail=guardrail)
    touched = [row for row in _touched(ledger.query(asked), names) if feature in {"", row.feature}]
    if not touched:
        return ()
    features = {row.feature for row in touched}
    came = ledger.begin(touches.presence(days, (first + last) // 2, sorted(_raw(names, features))))
    (held,) = ledger.query(any_outcome(ledger.timezone))
    needed = names_of_outcomes(("customer", "feature"))
    reached = ledger.query(queries.outcomes(days, needed, priced=False, held=held))
    return effects(touched, _presence(came.result(), names), _results(reached, names, features))


def _raw(names: Names, features: Iterable[str]) -> set[str]:
    """Every raw name of some features."""
    return {raw for feature in features for raw in names.raw_names("feature", feature)}


def _touched(rows: Sequence[touches.TouchRow], names: Names) -> Iterator[Touched]:
    for row in rows:
        calls, unpriced, errors, spent, cost = unpacked(
            row.numbers, len(touches.TOUCH_COUNTS), len(touches.TOUCH_MONEY)
        )
        yield Touched(
            feature=names.resolve("feature", row.feature, row.as_of),
            guardrail=row.guardrail,
            arm=row.arm,
            mode=row.mode,
            action=row.action,
            customers=_canonical(row.customers, row.as_of, names) if row.named else _nameless(row.customers),
            calls=calls,
            unpriced=unpriced,
            errors=errors,
            spent=spent,
            cost=cost,
            unvalued=row.unvalued,
            saved=row.saved,
        )


def _canonical(customers: Sequence[str], day: int, names: Names) -> Sequence[str]:
    return names.resolve_all("customer", customers, [day] * len(customers))


def _nameless(others: Sequence[str]) -> Sequence[str]:
    """What the arm of calls that name no customer goes by; '' where they name nobody at all."""
    return [f"(no customer) {other}" if other else "" for other in others]


def _presence(rows: Sequence[touches.PresenceRow], names: Names) -> Iterator[Presence]:
    for row in rows:
        yield Presence(
            feature=names.resolve("feature", row.feature, row.as_of),
            customers=_canonical(row.customers, row.as_of, names),
            early=integers(row.early),
            late=integers(row.late),
        )


def _results(rows: Sequence[queries.OutcomeRow], names: Names, features: Collection[str]) -> Iterator[Results]:
    """The outcomes of some features."""
    by_feature: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in rows:
        customer = names.resolve("customer", row.names[0], row.as_of)
        by_feature[names.resolve("feature", row.names[2], row.as_of)].append((customer, row.outcomes, row.successes))
    for feature in by_feature.keys() & features:
        customers, outcomes, successes = zip(*by_feature[feature], strict=True)
        yield Results(feature, customers, integers(outcomes), integers(successes))
