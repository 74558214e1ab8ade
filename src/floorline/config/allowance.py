"""`budgets:`, `rates:` and what `plans:` say of credits: what floorline.yaml allows to be spent."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal, cast, get_args
from zoneinfo import available_timezones

from msgspec import structs

from floorline import clock
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.gateway.policy import Sharing
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import THRESHOLDS, Budget, Credit, Dimension, Measure, Part, Soft, SoftAction, Unit
from floorline.guardrails.rate import Rate
from floorline.guardrails.windows import Unit as WindowUnit
from floorline.guardrails.windows import Window
from floorline.money import EXACT

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
EACH = "each"
PARTS_MAX = 3
PERCENT_MAX = Decimal(1_000)
DELAY_MS_MAX = 60_000


def read_allowance(table: Mapping[str, Value], timezone: str) -> Allowance:
    """What the file says of it; `timezone` holds for budgets that name none."""
    credits_ = _credits(table["plans"]) if "plans" in table else {}
    names: set[str] = set()
    budgets: list[Budget] = []
    for item in table["budgets"].items() if "budgets" in table else ():
        budget = _budget(item, timezone, credits_, names)
        if budget is not None:
            budgets += [budget, *_parts_of(budget, item)]
    rates = [_rate(item, names) for item in (table["rates"].items() if "rates" in table else ())]
    return Allowance(budgets=tuple(budgets), rates=tuple([rate for rate in rates if rate is not None]))


# -- budgets


def _budget(item: Value, timezone: str, credits_: Mapping[str, Credit], names: set[str]) -> Budget | None:
    table = item.table(names_below("budgets[]"), required=required_below("budgets[]"))
    name = _name(table, names)
    scope = _scope(table["scope"]) if "scope" in table else ()
    if "limit" not in table:
        item.complain(f"`{item.path}` lacks `limit`: write limit: {{usd: 20}}, or in {', '.join(get_args(Unit)[1:])}")
    limit = _limit(table["limit"]) if "limit" in table else None
    hard = (table["hard"].one_of(("refuse", "overage", "off")) if "hard" in table else None) or "refuse"
    window, soft = _window(table, timezone), _soft(table["soft"]) if "soft" in table else None
    overage = _overage(item, table, hard, Decimal(0) if limit is None else limit[1])
    thresholds = _thresholds(table["thresholds"]) if "thresholds" in table else THRESHOLDS
    if name is None or scope is None or limit is None:
        return None
    unit, amount = limit
    credit = _credit_of(scope, credits_, table["limit"]) if unit == "credits" else None
    if unit == "credits" and credit is None:
        return None
    return Budget(
        name=name,
        scope=scope,
        unit=unit,
        limit=amount,
        window=window,
        hard=hard != "off",
        soft=soft,
        overage_limit=overage,
        unbounded=table["unbounded"].number(minimum=Decimal(0)) if "unbounded" in table else None,
        thresholds=thresholds,
        credit=credit,
        upgrade_url=(table["upgrade_url"].text() if "upgrade_url" in table else None) or "",
        message=(table["message"].text() if "message" in table else None) or "",
        acquisition="acquisition" in table and table["acquisition"].flag() is True,
    )


def _name(table: Mapping[str, Value], names: set[str]) -> str | None:
    """A name that no other budget or rate has: counters and refusals go by it."""
    value = table.get("name")
    name = value.text() if value is not None else None
    if value is not None and name in names:
        value.complain(f"`{value.path}` is {name!r} a second time: give each budget and rate a name of its own")
    if name is not None:
        names.add(name)
    return name


def _scope(value: Value) -> tuple[Part, ...] | None:
    """None when it cannot be read: a budget of everyone is no stand-in for one of somebody."""
    before = len(value.findings.problems)
    parts = [
        Part(dimension=dimension, names=_names(table[dimension]))
        for table in (value.table(DIMENSIONS),)
        for dimension in DIMENSIONS
        if dimension in table
    ]
    if len(parts) > PARTS_MAX:
        value.complain(f"`{value.path}` crosses {len(parts)} dimensions, at most {PARTS_MAX}: leave one out")
    return tuple(parts) if len(value.findings.problems) == before else None


def _names(value: Value) -> tuple[str, ...]:
    """`each` is no name: everyone counts alone. A list counts together."""
    if value.is_list:
        names = tuple(sorted({name for item in value.items() if (name := item.text()) is not None}))
        if not names:
            value.complain(f"`{value.path}` names nobody: write each, a name, or a list of names")
        return names
    name = value.text()
    return () if name is None or name == EACH else (name,)


def _limit(value: Value) -> tuple[Unit, Decimal] | None:
    table = value.table(get_args(Unit))
    if len(table) != 1:
        value.complain(f"`{value.path}` states {len(table)} limits: state one of {', '.join(get_args(Unit))}")
        return None
    unit, amount = next(iter(table.items()))
    number = amount.number(minimum=Decimal(0)) if unit in {"usd", "credits"} else amount.whole(minimum=0)
    if number is None:
        return None
    if number == 0:
        amount.complain(
            f"`{amount.path}` is 0: every call would be refused; revoke the key, or state what may be spent"
        )
    return cast("Unit", unit), Decimal(number)


def _credit_of(scope: tuple[Part, ...], credits_: Mapping[str, Credit], value: Value) -> Credit | None:
    """The one credit of the plans that the scope names."""
    plans = next((part.names for part in scope if part.dimension == "plan"), ())
    found = {credits_[plan] for plan in plans if plan in credits_}
    if len(found) == 1 and all(plan in credits_ for plan in plans):
        return found.pop()
    value.complain(
        f"`{value.path}` is in credits, and its scope does not name a plan that says what one is: write scope: {{plan: NAME}} and "
        "plans: {NAME: {credit: {usd: 0.01}}}"
    )
    return None


def _window(table: Mapping[str, Value], timezone: str) -> Window:
    units = get_args(WindowUnit)
    unit = cast("WindowUnit", (table["window"].one_of(units) if "window" in table else None) or "month")
    zone, anchor = table.get("timezone"), table.get("anchor_day")
    day = (anchor.whole(minimum=1) if anchor else None) or 1
    last = {"month": 31, "week": 7}.get(unit, 0)
    if anchor is not None and day > last:
        anchor.complain(
            f"`{anchor.path}` is {day}: "
            + (f"a {unit} begins on a day from 1 to {last}" if last else f"a window of one {unit} has no anchor day")
        )
    return Window(
        unit=unit, timezone=(_timezone(zone) if zone else None) or timezone, anchor_day=min(day, max(last, 1))
    )


def _timezone(value: Value) -> str | None:
    name = value.text()
    try:
        return None if name is None else clock.timezone(name).key
    except ValueError:
        value.complain(f"`{value.path}` is {name!r}: {nearest(name or '', available_timezones())}")
        return None


def _soft(value: Value) -> Soft | None:
    table = value.table(names_below("budgets[].soft"), required=required_below("budgets[].soft"))
    percent = _percent(table["at"]) if "at" in table else None
    action = (table["action"].one_of(get_args(SoftAction)) if "action" in table else None) or "warn"
    delay_ms = table["delay"].duration_ms(maximum=DELAY_MS_MAX) if "delay" in table else None
    soft = Soft(percent=percent or Decimal(0), action=cast("SoftAction", action))
    return structs.replace(soft, delay_ms=delay_ms or soft.delay_ms) if percent is not None else None


def _overage(item: Value, table: Mapping[str, Value], hard: str, limit: Decimal) -> Decimal | None:
    stated = table.get("overage_to")
    if hard != "overage":
        if stated is not None:
            stated.complain(f"`{stated.path}` needs `hard: overage`")
        return None
    percent = _percent(stated) if stated is not None else None
    if stated is None or (percent is not None and percent <= 100):
        item.complain(f"`{item.path}` bills overage without an end: state `overage_to` above 100%, as in 150%")
        return None
    return None if percent is None else EXACT.divide(EXACT.multiply(limit, percent), 100)


def _percent(value: Value) -> Decimal | None:
    """`80%`."""
    content = value.text() or ""
    digits = content.removesuffix("%").strip()
    if content.endswith("%") and digits.replace(".", "", 1).isdecimal() and 0 < Decimal(digits) <= PERCENT_MAX:
        return Decimal(digits)
    value.complain(f"`{value.path}` is {content!r}: write a share of the limit, as in 80%")
    return None


def _thresholds(value: Value) -> tuple[int, ...]:
    found = {percent for item in value.items() if (percent := item.whole(minimum=1)) is not None}
    return tuple(sorted(found))


def _parts_of(budget: Budget, item: Value) -> Iterator[Budget]:
    """The budgets of single features inside of one, in its unit and window."""
    table = item.table(names_below("budgets[]"))
    if "features" not in table:
        return
    if any(part.dimension == "feature" for part in budget.scope):
        table["features"].complain(f"`{table['features'].path}` stands in a budget that is of features: state it there")
        return
    for feature, entry in table["features"].entries().items():
        limit = entry.value.number(minimum=Decimal(0))
        if limit is None:
            continue
        if limit > budget.limit:
            entry.value.complain(f"`{entry.value.path}` is {limit}, more than the budget's own {budget.limit}")
        yield structs.replace(
            budget,
            name=f"{budget.name}/{feature}",
            scope=(*budget.scope, Part(dimension="feature", names=(feature,))),
            limit=limit,
            overage_limit=None,
            within=budget.name,
            acquisition=False,
        )


# -- credits and rates


def _credits(plans: Value) -> dict[str, Credit]:
    found: dict[str, Credit] = {}
    for plan, entry in plans.entries().items():
        stated = entry.value.table(names_below("plans.<plan>")).get("credit")
        credit = _credit(stated) if stated is not None else None
        if credit is not None:
            found[plan] = credit
    return found


def _credit(value: Value) -> Credit | None:
    table = value.table(names_below("plans.<plan>.credit"))
    made_of = [name for name in get_args(Measure) if name in table]
    if len(made_of) != 1:
        value.complain(f"`{value.path}` must say what one credit is: one of {', '.join(get_args(Measure))}")
        return None
    size = table[made_of[0]].number(minimum=Decimal(0))
    if size is not None and size == 0:
        table[made_of[0]].complain(f"`{table[made_of[0]].path}` is 0: a credit is worth something")
        return None
    name = table["name"].text() if "name" in table else None
    return None if size is None else Credit(name=name or "credits", measure=cast("Measure", made_of[0]), size=size)


def _rate(item: Value, names: set[str]) -> Rate | None:
    table = item.table(names_below("rates[]"), required=required_below("rates[]"))
    name = _name(table, names)
    scope = _scope(table["scope"]) if "scope" in table else ()
    requests = table["requests_per_minute"].whole(minimum=1) if "requests_per_minute" in table else None
    tokens = table["tokens_per_minute"].whole(minimum=1) if "tokens_per_minute" in table else None
    if "requests_per_minute" not in table and "tokens_per_minute" not in table:
        item.complain(f"`{item.path}` states no rate: write requests_per_minute, tokens_per_minute, or both")
    if name is None or scope is None:
        return None
    return Rate(name=name, scope=scope, requests=requests, tokens=tokens)


def read_sharing(value: Value) -> Sharing | None:
    """`counters:`: where several gateways count in one place; None while its secret is not there."""
    table = value.table(names_below("counters"), required=required_below("counters"))
    url = table["redis"].secret() if "redis" in table else None
    timeout_ms = table["timeout"].duration_ms(maximum=DELAY_MS_MAX) if "timeout" in table else None
    fail = (table["fail"].one_of(("open", "closed")) if "fail" in table else None) or "closed"
    prefix = table["prefix"].text() if "prefix" in table else None
    if url is None:
        return None
    if not url.startswith(("redis://", "rediss://", "unix://")):
        table["redis"].complain(f"`{table['redis'].path}` is no address of Redis: write redis://, rediss:// or unix://")
        return None
    sharing = Sharing(url=url, prefix=prefix or "floorline", fail=cast("Literal['open', 'closed']", fail))
    return replace(sharing, timeout_ms=timeout_ms or sharing.timeout_ms)
