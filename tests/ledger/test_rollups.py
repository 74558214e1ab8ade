"""Every rollup equals its base tables, column by column, against sums made in Python; the histogram holds exact counts."""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floorline.clock import day_of, timezone
from floorline.events import ORCHESTRATION, Adjustment, Attempt, Call, Touch
from floorline.ledger.schema import DRIVERS, SUMS
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import adjustment, call, mixed

ROLLUPS = ("calls_5m", "calls_day", "steps_day", "detail_day", "runs_day", "calls_month")
Totals = msgspec.defstruct("Totals", [(s.name, Decimal if s.money else int) for s in SUMS], kw_only=True, frozen=True)
DriverTotals = msgspec.defstruct(
    "DriverTotals", [(s.name, Decimal if s.money else int) for s in DRIVERS], kw_only=True, frozen=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    model: str
    tried: str
    baseline: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    guardrail: str
    arm: str
    customer: str
    calls: int
    unvalued: int
    saved: Decimal
    spent: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    day: date
    feature: str
    bucket: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    day: date
    feature: str
    users: int
    calls: int


def expected(calls: list[Call], adjustments: list[Adjustment]) -> dict:
    """What every rollup must sum to, written down once more and independently of its SQL."""
    sums = Counter(dict.fromkeys((s.name for s in SUMS), Decimal(0)))
    for c in calls:
        cost = c.effective_cost or Decimal(0)
        retry = sum((line.effective for line in c.lines if line.component == "retries"), Decimal(0))
        sums.update({
            "calls": 1, c.verdict.replace("forward", "forwarded").replace("hit", "hits").replace("refuse", "refused"): 1,
            "unpriced": c.cost_basis == "unpriced", "errors": c.status >= 500 or c.ending == "upstream_error",
            "retries": max(len(c.attempts), 1) - 1,
            "input_tokens": sum(v for k, v in c.usage.items() if k.startswith(("input", "cache"))),
            "cache_read_tokens": c.usage.get("cache_read", 0),
            "output_tokens": sum(c.usage.get(k, 0) for k in ("output", "reasoning")),
            "reasoning_tokens": c.usage.get("reasoning", 0), "duration_us": c.duration_us,
            "list_cost": c.list_cost or 0, "contracted_cost": c.contracted_cost or 0, "effective_cost": cost,
            "counterfactual_cost": c.counterfactual_cost or 0, "retry_cost": retry,
            "orchestration_cost": (cost - retry) if c.call_type in ORCHESTRATION else 0,
            "provider_cost": cost if c.cost_basis == "provider" else 0,
            "estimated_cost": cost if c.cost_basis == "estimated" else 0,
            "unattributed_cost": cost if not c.customer_id or not c.feature else 0,
        })  # fmt: skip
    for a in adjustments:
        old, new = a.old_effective or Decimal(0), a.new_effective or Decimal(0)
        sums.update({
            "unpriced": a.unpriced_delta, "list_cost": a.list_delta, "contracted_cost": a.contracted_delta,
            "effective_cost": a.effective_delta, "retry_cost": a.retry_delta,
            "orchestration_cost": (a.effective_delta - a.retry_delta) if a.call_type in ORCHESTRATION else 0,
            "provider_cost": new * (a.new_basis == "provider") - old * (a.old_basis == "provider"),
            "estimated_cost": new * (a.new_basis == "estimated") - old * (a.old_basis == "estimated"),
            "unattributed_cost": a.effective_delta if not a.customer_id or not a.feature else 0,
        })  # fmt: skip
    return sums


def totals(ledger, rollup: str) -> dict:
    sql = f"SELECT {', '.join(f'sum({s.name})' for s in SUMS)} FROM {rollup}"
    return msgspec.structs.asdict(ledger.query(Query(sql=sql, row=Totals))[0])


def bucket_of(cost: Decimal) -> int:
    return math.floor(math.log(cost) / math.log(1.02)) if cost > 0 else -32768


VARIED = [
    call(n, verdict=("forward", "hit", "refuse")[n % 3], ending=("complete", "upstream_error")[n % 8 == 0],
         attempts=tuple(Attempt(provider="p", model="m") for _ in range(n % 4)),
         usage={**call(n).usage, "reasoning": Decimal(n % 9)}, counterfactual_cost=Decimal(n) / 100)
    for n in range(150)
]  # fmt: skip
CHANGES = [
    adjustment(VARIED[n], n, None if n % 9 == 0 else Decimal(n % 5) / 1_000, ("unpriced" if n % 9 == 0 else ("provider", "estimated")[n % 2]))
    for n in range(0, 150, 2)
]  # fmt: skip


def test_every_sum_of_every_rollup_equals_the_base(each_open):
    ledger = each_open(timezone="Asia/Kolkata", batch_rows=40)
    ledger.write([entry(record) for record in (*VARIED, *CHANGES)])
    for rollup in ROLLUPS:
        runs = rollup == "runs_day"
        wanted = expected([c for c in VARIED if c.run_id or not runs], [a for a in CHANGES if a.run_id or not runs])
        assert totals(ledger, rollup) == wanted, rollup
    assert ledger.verify() == []


UNIT_COSTS = {
    "input": "input_cost", "input_audio": "input_cost", "cache_read": "cache_read_cost", "cache_write_1h": "cache_write_cost",
    "output": "output_cost", "reasoning": "reasoning_cost",
}  # fmt: skip


def expected_drivers(calls: list[Call], adjustments: list[Adjustment]) -> dict:
    """What drivers_day must sum to, as `expected`."""
    sums = Counter(dict.fromkeys((s.name for s in DRIVERS), Decimal(0)))
    for c in calls:
        sums.update({
            "calls": 1, "hits": c.verdict == "hit", "refused": c.verdict == "refuse",
            "unpriced": c.cost_basis == "unpriced" and c.verdict == "forward", "retries": max(len(c.attempts), 1) - 1,
            "input_tokens": c.usage.get("input", 0), "cache_read_tokens": c.usage.get("cache_read", 0),
            "cache_write_tokens": c.usage.get("cache_write_1h", 0), "output_tokens": c.usage.get("output", 0),
            "reasoning_tokens": c.usage.get("reasoning", 0), "effective_cost": c.effective_cost or 0,
        })  # fmt: skip
        for line in c.lines:
            if line.component == "retries":
                sums["retry_cost"] += line.effective
            elif line.unit in UNIT_COSTS:
                sums[UNIT_COSTS[line.unit]] += line.effective
            else:
                sums["other_units"] += line.quantity * 10**6
    for a in adjustments:
        sums.update({
            "unpriced": a.unpriced_delta, "retry_cost": a.retry_delta, "effective_cost": a.effective_delta,
            "adjusted_cost": a.effective_delta - a.retry_delta,
        })  # fmt: skip
    return sums


def test_drivers_hold_the_quantities_and_dollars_of_each_unit_and_the_model_that_was_tried_first(open_ledger):
    fell = (Attempt(provider="p", model="small"), Attempt(provider="p", model="large"))
    again = (Attempt(provider="p", model="large"), Attempt(provider="p", model="large"))
    units = (*UNIT_COSTS, "web_searches")
    varied = [
        msgspec.structs.replace(
            c,
            usage={**c.usage, "cache_write_1h": Decimal(n % 7)},
            lines=tuple(msgspec.structs.replace(line, unit=units[n % 7]) for line in c.lines),
            attempts=(fell, again, ())[n % 3],
            baseline=("", "b1")[n % 2],
            verdict="forward" if c.cost_basis == "unpriced" else c.verdict,
        )
        for n, c in enumerate(VARIED)
    ]
    ledger = open_ledger(timezone="Asia/Kolkata", batch_rows=40)
    ledger.write([entry(record) for record in (*varied, *CHANGES)])
    sql = f"SELECT {', '.join(f'sum({s.name})' for s in DRIVERS)} FROM drivers_day"
    (found,) = ledger.query(Query(sql=sql, row=DriverTotals))
    assert msgspec.structs.asdict(found) == expected_drivers(varied, CHANGES)
    sql = (
        "SELECT model, tried, baseline, sum(calls) AS n FROM drivers_day GROUP BY model, tried, baseline HAVING n != 0"
    )
    wanted = Counter((c.model_served, "small" if c.attempts == fell else "", c.baseline) for c in varied)
    assert {(t.model, t.tried, t.baseline): t.calls for t in ledger.query(Query(sql=sql, row=Tried))} == wanted
    assert ledger.verify() == []


def test_a_store_of_the_format_before_gets_its_drivers_from_its_rows_however_often_that_was_interrupted(open_ledger):
    ledger = open_ledger()
    ledger.write([entry(record) for record in (*VARIED, *CHANGES)])
    ledger.flush()
    client = ledger.store.client
    for statement in (
        "DROP VIEW drivers_day_adjusted SYNC",
        "INSERT INTO drivers_day SELECT * REPLACE (day + 1 AS day) FROM drivers_day LIMIT 5",
        "DELETE FROM migrations WHERE number = 2",
    ):
        client.command(statement)
    assert ledger.verify() != []
    open_ledger.closed()
    assert open_ledger().verify() == []


def touches(number: int) -> tuple[Touch, ...]:
    """What two guardrails did to call `number`: both to some, one or none to others."""
    cache = Touch(guardrail="cache", mode="enforce", arm=("treated", "holdout")[number % 2], action="hit",
                  saved=Decimal(number) / 1_000, cost=Decimal("0.0001"))  # fmt: skip
    output = Touch(guardrail="output", mode="shadow", arm="shadow", action="cap")
    return ((), (cache,), (output,), (cache, output))[number % 4]


TOUCHED = [msgspec.structs.replace(c, touches=touches(n)) for n, c in enumerate(VARIED)]
TOUCHES = """SELECT toString(guardrail), toString(arm), customer_id, sum(calls), sum(unvalued), sum(saved), sum(spent), sum(effective_cost)
    FROM touches_day GROUP BY guardrail, arm, customer_id"""


def expected_touches() -> list[Touched]:
    sums: dict[tuple[str, str, str], Counter] = {}
    for c in TOUCHED:
        for touch in c.touches:
            sums.setdefault((touch.guardrail, touch.arm, c.customer_id), Counter()).update(
                calls=1, unvalued=touch.saved is None, saved=touch.saved or Decimal(0), spent=touch.cost,
                cost=c.effective_cost or Decimal(0),
            )  # fmt: skip
    return [
        Touched(guardrail=key[0], arm=key[1], customer=key[2], calls=of["calls"], unvalued=of["unvalued"],
                saved=Decimal(of["saved"]), spent=of["spent"], cost=Decimal(of["cost"]))
        for key, of in sorted(sums.items())
    ]  # fmt: skip


def found_touches(ledger) -> list[Touched]:
    return sorted(ledger.query(Query(sql=TOUCHES, row=Touched)), key=lambda t: (t.guardrail, t.arm, t.customer))


def test_touches_are_counted_by_guardrail_arm_and_customer_and_no_saving_is_made_up(each_open):
    ledger = each_open(timezone="Asia/Kolkata", batch_rows=40)
    ledger.write([entry(record) for record in (*TOUCHED, *CHANGES)])
    assert found_touches(ledger) == expected_touches()
    assert ledger.verify() == []


def test_a_store_of_before_touches_gets_their_columns_and_takes_both_kinds_of_call(open_ledger):
    ledger = open_ledger()
    ledger.write([entry(record) for record in VARIED[:75]])
    ledger.flush()
    client = ledger.store.client
    client.command("DROP VIEW touches_day_mv SYNC")
    client.command("DROP TABLE touches_day SYNC")
    for column in ("guardrail", "mode", "arm", "action", "saved", "cost"):
        client.command(f"ALTER TABLE calls DROP COLUMN `touches.{column}`")
    client.command("DELETE FROM migrations WHERE number = 3")
    open_ledger.closed()
    again = open_ledger()
    again.write([entry(record) for record in TOUCHED[75:]])
    assert sum(t.calls for t in found_touches(again)) == sum(len(c.touches) for c in TOUCHED[75:])
    assert again.verify() == []


def test_a_store_of_before_months_fills_their_rollups_from_those_of_days(open_ledger):
    ledger = open_ledger(timezone="America/Los_Angeles")
    ledger.write([entry(record) for record in (*VARIED, *CHANGES)])
    ledger.flush()
    client = ledger.store.client
    for rollup in ("calls_month", "users_month", "hist_feature_day"):
        client.command(f"DROP VIEW {rollup}_mv SYNC")
        client.command(f"DROP TABLE {rollup} SYNC")
    client.command("DELETE FROM migrations WHERE number = 4")
    open_ledger.closed()
    again = open_ledger(timezone="America/Los_Angeles")
    assert totals(again, "calls_month") == expected(VARIED, CHANGES)
    assert again.verify() == []


def test_the_histogram_holds_the_exact_number_of_calls_in_each_bucket_by_day_of_the_reporting_timezone(open_ledger):
    zone = "America/Los_Angeles"
    ledger = open_ledger(timezone=zone)
    ledger.write([entry(record) for record in (*VARIED, *CHANGES)])
    wanted = Counter()
    for c in VARIED:
        if c.effective_cost is not None:
            wanted[day_of(c.opened_at, timezone(zone)), c.feature, bucket_of(c.effective_cost)] += 1
    for a in CHANGES:
        for cost, moved in ((a.old_effective, -1), (a.new_effective, 1)):
            if cost is not None:
                wanted[day_of(a.opened_at, timezone(zone)), a.feature, bucket_of(cost)] += moved
    sql = "SELECT day, feature, bucket, sum(calls) AS n FROM hist_day GROUP BY day, feature, bucket HAVING n != 0"
    found = ledger.query(Query(sql=sql, row=Bucket))
    assert {(b.day, b.feature, b.bucket): b.calls for b in found} == {key: n for key, n in wanted.items() if n}
    assert ledger.query(
        Query(sql=sql.replace("hist_day", "hist_feature_day") + " ORDER BY 1, 2, 3", row=Bucket)
    ) == sorted(found, key=lambda b: (b.day, b.feature, b.bucket))


def test_the_users_of_a_feature_are_counted_by_day_of_the_reporting_timezone_whatever_is_adjusted(open_ledger):
    zone = "America/Los_Angeles"
    ledger = open_ledger(timezone=zone, batch_rows=40)
    ledger.write([entry(record) for record in (*VARIED, *CHANGES)])
    named = [c for c in VARIED if c.user_id]
    calls = Counter((day_of(c.opened_at, timezone(zone)), c.feature) for c in named)
    who = {(day_of(c.opened_at, timezone(zone)), c.feature, c.customer_id, c.user_id) for c in named}
    users = Counter((day, feature) for day, feature, _, _ in who)
    sql = "SELECT day, feature, uniqExact(who), sum(calls) FROM users_day GROUP BY day, feature"
    found = ledger.query(Query(sql=sql, row=Users))
    assert users
    assert {(u.day, u.feature): (u.users, u.calls) for u in found} == {key: (n, calls[key]) for key, n in users.items()}
    of_months = {(day.replace(day=1), feature, *whom) for day, feature, *whom in who}
    sql = "SELECT month, feature, uniqExact(who), sum(calls) FROM users_month GROUP BY month, feature"
    months = ledger.query(Query(sql=sql, row=Users))
    assert {(u.day, u.feature): u.users for u in months} == Counter((day, feature) for day, feature, *_ in of_months)
    assert sum(u.calls for u in months) == len(named)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True),
    rewritten=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 20), st.sampled_from(["computed", "provider", "unpriced"])), max_size=40),
)  # fmt: skip
def test_any_calls_with_any_adjustments_leave_rollups_equal_to_the_base(open_ledger, numbers, rewritten):
    open_ledger.closed()
    ledger = open_ledger(f"home{next(open_ledger.numbers)}", batch_rows=25)
    records = [record for n in numbers for record in mixed(n)]
    now = {n: call(n) for n in numbers}
    for serial, (which, cost, basis) in enumerate(rewritten):
        n = numbers[which % len(numbers)]
        change = adjustment(now[n], 100_000 + serial, None if basis == "unpriced" else Decimal(cost) / 100, basis)
        now[n] = msgspec.structs.replace(now[n], effective_cost=change.new_effective, cost_basis=basis)
        records.append(change)
    ledger.write([entry(record) for record in records])
    calls = [r for r in records if isinstance(r, Call)]
    changes = [r for r in records if isinstance(r, Adjustment)]
    assert totals(ledger, "calls_day") == expected(calls, changes)
    assert ledger.verify() == []
