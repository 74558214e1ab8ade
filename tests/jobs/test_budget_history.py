"""A budget that is added in the middle of its window holds for all of the window; counters are compared with the ledger."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import structs

from floorline.gateway.counters.local import LocalCounters
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Part
from floorline.guardrails.frame import Amounts, Facts
from floorline.guardrails.windows import Window
from floorline.jobs.budget_audit import counter_findings
from floorline.jobs.budget_history import publish
from floorline.ledger.checkpoint import Place, SavedCall
from floorline.ledger.codec import fingerprint_of, maybe_pico
from floorline.ledger.ledger import Entry, Ledger
from floorline.ledger.renaming import Renaming
from tests.support.gateway import NOON, closing, cost_of

MONTHLY = Budget(name="monthly", scope=(Part(dimension="customer"),), unit="usd", limit=Decimal(1))
DAILY = structs.replace(MONTHLY, name="daily", window=Window(unit="day"))
SINCE = NOON + timedelta(milliseconds=50)
PICO = 10**12


def unknown(_call: SavedCall) -> Amounts:
    return Amounts(pico=None, tokens=None)


def write(ledger: Ledger, *numbers: int) -> None:
    calls = [closing(number) for number in numbers]
    ledger.write([Entry(record=call, fingerprint=fingerprint_of(call.id.encode())) for call in calls])


def counters(ledger: Ledger, at: datetime) -> LocalCounters:
    folder = ledger.home / "gateways" / "g1"
    folder.mkdir(parents=True)
    found = LocalCounters(folder, Place, lost_after=timedelta(hours=1))
    asyncio.run(found.begin(Allowance(budgets=(MONTHLY, DAILY)), at, unknown))
    return found


def counts(found: LocalCounters) -> dict[str, tuple[int, int]]:
    """What was used before the gateway counted and since, by customer, of the monthly budget."""
    buckets = [one for one in found.tally.buckets.values() if one.budget == MONTHLY.id]
    return {one.holder: (one.before, one.used) for one in buckets}


def spent(*numbers: int) -> int:
    return int(sum(map(cost_of, numbers)) * PICO)


def use(found: LocalCounters, number: int) -> None:
    """Call `number`, as the gateway counts it."""
    call = closing(number)
    hold = found.open(call.id, Facts(at=call.opened_at, customer=call.customer_id, feature=call.feature))
    found.settle(hold, Amounts(pico=maybe_pico(call.effective_cost)))


def test_what_was_used_before_a_budget_was_stated_counts_in_its_window(ledger: Ledger) -> None:
    write(ledger, 1, 8, 2)
    found = counters(ledger, SINCE)
    use(found, 71)
    assert publish(ledger, (MONTHLY, DAILY), SINCE) == "4 counters begin with what was used before"
    found.tick(SINCE, unknown)
    assert counts(found) == {"customer-1": (spent(1, 8), spent(71)), "customer-2": (spent(2), 0)}
    (standing,) = [bucket for bucket in found.tally.buckets.values() if bucket.key[:2] == (DAILY.id, "customer-1")]
    assert standing.counter == spent(1, 8, 71)

    write(ledger, 15, 71)  # 15 was under way then; 71 the gateway has counted itself
    publish(ledger, (MONTHLY, DAILY), SINCE + timedelta(minutes=1))
    found.tick(SINCE, unknown)
    assert counts(found)["customer-1"] == (spent(1, 8, 15), spent(71))

    again = LocalCounters(ledger.home / "gateways" / "g1", Place, lost_after=timedelta(hours=1))
    asyncio.run(again.begin(Allowance(budgets=(MONTHLY, DAILY)), SINCE, unknown))
    assert counts(again) == counts(found)


def test_what_was_told_of_one_budget_stays_when_another_begins(ledger: Ledger) -> None:
    write(ledger, 1)
    found = counters(ledger, SINCE)
    found.follow(Allowance(budgets=(MONTHLY,)), SINCE)
    publish(ledger, (MONTHLY,), SINCE)
    later = SINCE + timedelta(days=2)
    found.follow(Allowance(budgets=(MONTHLY, DAILY)), later)
    publish(ledger, (MONTHLY, DAILY), later)
    again = LocalCounters(ledger.home / "gateways" / "g1", Place, lost_after=timedelta(hours=1))
    asyncio.run(again.begin(Allowance(budgets=(MONTHLY, DAILY)), later, unknown))
    assert counts(again) == {"customer-1": (spent(1), 0)}


def test_a_gateway_that_counts_from_the_window_on_is_told_nothing_of_earlier_ones(ledger: Ledger) -> None:
    write(ledger, 1)
    counters(ledger, SINCE)
    assert publish(ledger, (MONTHLY, DAILY), SINCE + timedelta(days=40)) == ""


def test_counters_are_compared_with_the_ledger_to_the_last_digit(ledger: Ledger) -> None:
    write(ledger, 1)
    found = counters(ledger, SINCE)
    write(ledger, 71, 72)
    use(found, 71)
    at = SINCE + timedelta(seconds=1)
    found.open("under-way", Facts(at=at, customer="customer-1"))
    found.tick(at, unknown)
    (unseen,) = counter_findings(ledger, ledger.home, (MONTHLY,), at)
    assert "monthly of customer-2 in 2026-03 counts 0 used and 0 held" in unseen.said
    use(found, 72)
    found.tick(at, unknown)
    (right,) = counter_findings(ledger, ledger.home, (MONTHLY,), at)
    assert (right.level, right.said) == ("ok", "4 counters agree with the ledger, 1 calls are under way")
    use(found, 78)  # the ledger does not have it
    found.tick(at, unknown)
    (off,) = counter_findings(ledger, ledger.home, (MONTHLY,), at)
    assert off.level == "wrong"
    assert (
        "monthly of customer-1 in 2026-03 counts 0.000151000151 used and 0 held, the ledger has 0.000072000072 usd"
        in off.said
    )


def test_counters_that_still_name_who_was_erased_agree_with_the_ledger_that_does_not(ledger: Ledger) -> None:
    found = counters(ledger, SINCE)
    listed = structs.replace(
        MONTHLY, name="listed", scope=(Part(dimension="customer", names=("customer-1", "customer-2")),)
    )
    found.follow(Allowance(budgets=(MONTHLY, listed)), SINCE)
    write(ledger, 71, 72)
    use(found, 71)
    use(found, 72)
    at = SINCE + timedelta(seconds=1)
    found.tick(at, unknown)
    ledger.rename(Renaming(customers=("customer-1",), keys=(1, 2)))
    (erased,) = counter_findings(ledger, ledger.home, (MONTHLY, listed), at)
    assert erased.level == "ok"
    use(found, 78)  # the ledger has it under neither name
    found.tick(at, unknown)
    (off,) = counter_findings(ledger, ledger.home, (MONTHLY, listed), at)
    assert off.level == "wrong"
