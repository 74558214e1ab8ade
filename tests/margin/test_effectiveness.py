"""What guardrails save: claims add up and never twice, the hold-out's interval holds what is true, a saving that costs customers shows."""

import random
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.cli.grid import plain_console
from floorline.cli.guardrails import print_effects
from floorline.events import Touch
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import CUSTOMERS_MIN, Presence, Results, effects, rate, total
from floorline.margin.effectiveness_report import effectiveness_document
from floorline.margin.scaling import column_of
from floorline.money import EXACT, ZERO, usd
from tests.margin.company import alias, call, keep, outcome
from tests.margin.touching import Row, columns_of

MILLI = 10**9
ROWS = st.builds(
    Row,
    feature=st.sampled_from(["chat", "search"]), guardrail=st.sampled_from(["cache", "output"]),
    customer=st.sampled_from(["", "a", "b", "c", "d"]), arm=st.sampled_from(["treated", "holdout", "shadow", "untouched"]),
    mode=st.just("enforce"), action=st.sampled_from(["hit", "cap"]), calls=st.integers(1, 9), unpriced=st.integers(0, 1),
    errors=st.integers(0, 1), saved=st.integers(-5, 50), spent=st.integers(0, 5), cost=st.integers(0, 90) | st.just(10**19),
)  # fmt: skip


def customers(arm: str, count: int, cost: int, **more: object) -> list[Row]:
    """`count` customers of one arm with 10 calls each, whose cost differs a little from one to the next."""
    return [
        Row("chat", "cache", f"{arm}-{n}", arm, "enforce", "hit", 10, cost=10 * cost + n % 5 * MILLI, **more)
        for n in range(count)
    ]


def by_customer(rows: list[tuple[str, int, int]]) -> tuple[object, ...]:
    """Customers, and two columns beside them."""
    customers, first, second = zip(*rows, strict=True)
    return customers, column_of(first), column_of(second)


@given(rows=st.lists(ROWS, max_size=30), order=st.randoms(use_true_random=False))
def test_claims_are_those_of_treated_calls_and_add_up_in_any_order(rows, order):
    shuffled = order.sample(rows, len(rows))
    found = effects(columns_of(rows))
    assert effects(columns_of(shuffled)) == found
    assert effects([one for row in rows for one in columns_of([row])]) == found
    treated = [row for row in rows if row.arm == "treated"]
    assert total(found).net == sum(row.saved - row.spent for row in treated)
    assert sum(one.touched for one in found) == sum(row.calls for row in treated)
    assert all(sum(one.actions.values()) == one.touched for one in found)


@given(parts=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), max_size=40), factor=st.integers(1, 7))
def test_a_rate_is_the_ratio_of_sums_and_its_error_grows_with_its_unit(parts, factor):
    wholes = column_of([whole for _, whole in parts])
    found, scaled = (rate(column_of([part * by for part, _ in parts]), wholes) for by in (1, factor))
    held = [(part, whole) for part, whole in parts if whole]
    if not held:
        assert found is None
        return
    assert found.value * sum(w for _, w in held) == pytest.approx(sum(p for p, _ in held))
    assert scaled.variance == pytest.approx(found.variance * factor**2)


@given(parts=st.lists(st.tuples(st.integers(-(2**70), 2**70), st.integers(-2, 2**58)), min_size=1, max_size=9))
def test_the_error_of_a_rate_is_exact_however_large_its_parts_are(parts):
    found = rate(*map(column_of, zip(*parts, strict=True)))
    held = [(part, whole) for part, whole in parts if whole > 0]
    part, whole = sum(one for one, _ in held), sum(one for _, one in held)
    squares = sum((p * whole - part * w) ** 2 for p, w in held)
    assert (found.part, found.whole) == (part, whole) if held else found is None
    assert not held or found.variance == EXACT.divide(
        Decimal(len(held) * squares), Decimal(max(1, len(held) - 1) * whole**4)
    )


def test_the_same_customers_on_both_sides_differ_by_nothing():
    (one,) = effects(columns_of([*customers("treated", 40, 5 * MILLI), *customers("holdout", 40, 5 * MILLI)]))
    assert one.saved_per_call.value == 0
    assert one.saved_per_call.low < 0 < one.saved_per_call.high
    assert not one.saved_per_call.is_sure


def test_what_held_out_calls_cost_more_is_saved_and_the_guardrails_own_cost_is_taken_off():
    rows = [*customers("treated", 200, 2 * MILLI, spent=10 * MILLI), *customers("holdout", 40, 7 * MILLI)]
    (one,) = effects(columns_of(rows))
    assert one.saved_per_call.value == 4 * MILLI
    assert one.saved_per_call.is_sure
    assert one.measured.value == 4 * MILLI * 2_000
    assert (one.missing, one.in_both) == (0, 0)


@pytest.mark.parametrize(("treated", "held_out", "missing"), [(500, 29, 1), (29, 500, 1), (500, 0, 30), (3, 2, 28)])
def test_below_thirty_customers_on_either_side_nothing_is_said(treated, held_out, missing):
    (one,) = effects(columns_of([*customers("treated", treated, 1), *customers("holdout", held_out, 9)]))
    assert (one.saved_per_call, one.measured, one.missing) == (None, None, missing)


def test_a_customer_that_changed_sides_is_compared_on_neither():
    rows = [*customers("treated", 30, 1), *customers("holdout", 30, 2)]
    moved = rows[0]._replace(arm="holdout")
    (one,) = effects(columns_of([*rows, moved]))
    assert (one.in_both, one.treated.customers, one.held_out.customers, one.missing) == (1, 29, 30, 1)
    assert one.touched == 300


def test_the_interval_holds_the_true_saving_nineteen_times_in_twenty():
    chance = random.Random(5)
    hits = 0
    for _ in range(200):
        rows = []
        for arm, count, mean in (("treated", 120, 60), ("holdout", 40, 100)):
            for n in range(count):
                calls = int(chance.lognormvariate(2, 1)) + 1
                cost = int(
                    calls * mean * chance.lognormvariate(0, 0.5) / 1.1331 * MILLI
                )  # e^(0.5²/2) is the mean of that
                rows.append(Row("chat", "cache", f"{arm}{n}", arm, "enforce", "hit", calls, cost=cost))
        (one,) = effects(columns_of(rows))
        hits += one.saved_per_call.low <= 40 * MILLI <= one.saved_per_call.high
    assert 178 <= hits <= 199, hits


def test_fewer_returning_customers_fewer_successes_and_more_errors_are_harm():
    rows = [*customers("treated", 100, 1, errors=4), *customers("holdout", 100, 9)]
    came = [(row.customer, 1, int(row.arm == "holdout" or n % 2)) for n, row in enumerate(rows)]
    reached = [(row.customer, 4, 4 if row.arm == "holdout" else n % 4) for n, row in enumerate(rows)]
    touched = columns_of(rows)
    (one,) = effects(touched, [Presence("chat", *by_customer(came))], [Results("chat", *by_customer(reached))])
    assert set(one.harms) == {"successes", "retention", "errors"}
    assert (one.treated.retention.value, one.held_out.retention.value) == (Decimal("0.5"), 1)
    assert effects(touched)[0].treated.retention is None
    assert effects(touched)[0].treated.successes is None


def test_rare_harm_that_a_small_hold_out_has_not_seen_is_no_harm():
    treated = [*customers("treated", 1000, 1, errors=0), *customers("holdout", 34, 9)]
    rows = [row._replace(errors=int(n % 40 == 0)) if row.arm == "treated" else row for n, row in enumerate(treated)]
    came = [(row.customer, 1, int(row.arm == "holdout" or n % 20 > 0)) for n, row in enumerate(rows)]
    (one,) = effects(columns_of(rows), [Presence("chat", *by_customer(came))])
    assert (one.held_out.errors.value, one.held_out.retention.value) == (0, 1)
    assert one.harms == {}


def test_where_nothing_differs_harm_is_told_seldom():
    chance = random.Random(11)
    alarms = 0
    for _ in range(60):
        names = [f"{arm}{n}" for arm, count in (("treated", 300), ("holdout", 35)) for n in range(count)]
        arms = ["treated" if name[0] == "t" else "holdout" for name in names]
        rows = [
            Row("chat", "cache", name, arm, "enforce", "hit", 20, errors=sum(chance.random() < 0.01 for _ in range(20)))
            for name, arm in zip(names, arms, strict=True)
        ]
        came = [(name, 1, int(chance.random() < 0.95)) for name in names]
        reached = [(name, 4, sum(chance.random() < 0.9 for _ in range(4))) for name in names]
        (one,) = effects(
            columns_of(rows), [Presence("chat", *by_customer(came))], [Results("chat", *by_customer(reached))]
        )
        alarms += len(one.harms)
    assert alarms <= 7, alarms  # of 180 comparisons; one in forty is the rate of a 95 % interval


# -- over a ledger


def touch(arm: str, saved: str | None = "0.004", cost: Decimal = ZERO, guardrail: str = "cache") -> Touch:
    return Touch(
        guardrail=guardrail, mode="shadow" if arm == "shadow" else "enforce", arm=arm, action="hit",
        saved=None if saved is None else usd(saved), cost=cost,
    )  # fmt: skip


def touched_company() -> list[object]:
    """Forty treated and thirty-one held-out customers over four weeks; one treated customer goes by two names."""
    records: list[object] = [alias("customer", "t-0-old", "t-0"), alias("feature", "chat-v1", "chat")]
    for day in (2, 20):
        for n in range(40):
            name, feature = ("t-0-old", "chat-v1") if n == 0 and day == 2 else (f"t-{n}", "chat")
            touches = (touch("treated", cost=usd("0.0005")), touch("treated", None, guardrail="output"))
            records.append(call(f"2026-01-{day:02}T10:00:00Z", name, feature, "0.001", touches=touches))
        records += [
            call(f"2026-01-{day:02}T10:00:00Z", f"h-{n}", "chat", "0.005", touches=(touch("holdout"),))
            for n in range(day == 20, 31)
        ]
    records.append(call("2026-01-05T10:00:00Z", "s", "chat", "0.005", touches=(touch("shadow", "0.25"),)))
    records += [
        call("2026-01-06T10:00:00Z", "", "search", "0.002", touches=(touch("treated"),), **who)
        for who in ({"user_id": "ann"}, {"user_id": "bob", "key_id": "k"}, {"key_id": "k"}, {})
    ]
    records.append(
        call("2026-01-05T10:00:00Z", "t-1", "chat", "0.9", touches=(touch("treated"),), environment="staging")
    )
    records.append(outcome("2026-01-05T10:00:00Z", "o-1", feature="chat", customer="t-3"))
    return records


def test_effects_come_from_the_calls_of_a_window_by_canonical_names(ledger):
    keep(ledger, touched_company())
    found = effects_of(Margins(ledger), date(2026, 1, 1), date(2026, 1, 29), Scope())
    cache, nameless, output = found
    assert (cache.feature, cache.guardrail, cache.touched, cache.shadow_calls) == ("chat", "cache", 80, 1)
    assert (cache.saved, cache.spent, cache.would_save) == (320 * MILLI, 40 * MILLI, 250 * MILLI)
    assert (cache.treated.customers, cache.held_out.customers) == (40, 31)
    assert cache.measured.value == Decimal("3.5") * MILLI * 80
    assert cache.held_out.retention.value < cache.treated.retention.value == 1
    assert cache.treated.successes.value == 1
    assert (output.unvalued, output.net, output.measured) == (80, 0, None)
    assert (nameless.feature, nameless.touched, nameless.treated.customers) == ("search", 4, 3)
    assert effects_of(Margins(ledger), date(2026, 1, 1), date(2026, 1, 29), Scope(), "search") == (nameless,)
    assert effects_of(Margins(ledger), date(2026, 1, 1), date(2026, 1, 29), Scope(), "chat", "output") == (output,)
    assert effects_of(Margins(ledger), date(2026, 2, 1), date(2026, 2, 2), Scope()) == ()

    told = msgspec.json.decode(
        msgspec.json.encode(effectiveness_document(found, date(2026, 1, 1), date(2026, 1, 29), "UTC"))
    )
    assert told["total"] == {"saved": "0.336000000000", "own_cost": "0.040000000000", "net": "0.296000000000"}
    assert told["guardrails"][0]["measured"]["total"]["value"] == "0.280000000000"
    assert told["guardrails"][2]["measured"] == {"enough": False, "customers_missing": CUSTOMERS_MIN}

    out = plain_console(140)
    with out.capture() as text:
        print_effects(out, found, "January")
    for said in ("$0.28 ($0.28 to $0.28)", "not enough: 0 of 30 held out", "what 80 touched calls saved is not known",
                 "in shadow it would have touched 1 call, saving $0.25", "held out"):  # fmt: skip
        assert said in text.get()
    with out.capture() as text:
        print_effects(out, (), "January")
    assert "none touched a call" in text.get()
