"""The demo's guarded part without its processes: which calls, what of the month, and checks that can fail."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from floorline.money import usd
from floorline.sandbox import company as own
from floorline.sandbox.calendar import Calendar
from floorline.sandbox.demo import founded, lived
from floorline.sandbox.rows import Activity
from floorline.sandbox.scene import Scene, guarded_of, month_so_far, scene_of
from floorline.sandbox.story import as_asked
from floorline.sandbox.traffic import open_traffic
from tests.sandbox.guarding import cost, effects_of, guarded, month_of, replies_of, stored_of

CALENDAR = Calendar(until=date(2026, 10, 16))
SMALL = replace(own.SMALL, pros=15, pro_calls=300, frees=30, free_calls=100)


@pytest.fixture(scope="module")
def activity() -> Activity:
    return lived(founded(open_traffic(None), 1, SMALL), 1, CALENDAR, CALENDAR.shown)


@pytest.fixture(scope="module")
def scene(activity: Activity) -> Scene:
    return scene_of(activity, SMALL.pros, CALENDAR)


def test_the_scene_is_the_last_hours_and_its_history_costs_what_the_rows_before_it_cost(
    activity: Activity, scene: Scene
) -> None:
    since = datetime(2026, 10, 15, 18, tzinfo=UTC)
    assert scene.calls
    assert all(row.timestamp >= since and row.feature == own.CODE for row in scene.calls)
    paying = {row.customer_id for row in scene.calls if row.plan == own.PRO}
    before = [
        as_asked(row)
        for row in activity.usage
        if row.customer_id in paying and row.feature == own.CODE and row.timestamp < since
    ]
    assert cost(scene.history) == cost(before)
    assert len({row.request_id for row in scene.history}) == len(scene.history) < len(before)
    assert scene.brings == usd(Decimal(15 * 15) / 120)
    assert scene.free_limit == Decimal("0.50")


@pytest.mark.parametrize("now", [datetime(2026, 11, 26, 9, tzinfo=UTC), datetime(2026, 2, 1, 0, 0, 5, tzinfo=UTC)])
def test_the_history_is_moved_into_the_month_so_far_and_paid_for_in_it(scene: Scene, now: datetime) -> None:
    usage, bills = month_so_far(scene, now)
    first = now.replace(day=1, hour=0, minute=0, second=0)
    assert all(first <= row.timestamp <= now for row in usage)
    assert cost(usage) == cost(scene.history)
    assert {bill.customer for bill in bills} == {row.customer_id for row in scene.calls if row.plan == own.PRO}
    assert all((bill.period_start, bill.amount) == (first.date(), 15) for bill in bills)
    assert all(bill.period_end == (first + timedelta(days=31)).date().replace(day=1) for bill in bills)


def test_margins_before_and_after_and_each_guardrails_share_are_told_and_every_total_holds(scene: Scene) -> None:
    found = guarded(scene)
    assert all(check.holds for check in found.checks)
    pro, free = found.line(own.PRO), found.line(own.FREE)
    assert found.total.calls == pro.calls + free.calls == len(scene.calls)
    assert found.total.before == pro.before + free.before == cost(scene.calls)
    assert pro.before > pro.after
    assert (free.refused, free.brings, free.margin_after) == (1, 0, None)
    assert pro.margin_after > pro.margin_before
    (share,) = found.shares
    assert (share.guardrail, share.share, share.touched, share.missing) == ("margin_rule", 1, pro.moved, 30)
    assert share.saved == pro.before - pro.after
    assert found.heaviest is not None
    assert found.heaviest.cost == max(month_of(scene).values())
    assert found.conversions == math.ceil(free.after / ((pro.brings - pro.after) / 15 * 12))


def test_every_check_of_the_guarded_part_can_fail(scene: Scene) -> None:
    replies = replies_of(scene)
    stored, claimed, month = stored_of(replies), effects_of(replies), month_of(scene)
    served = next(number for number, one in enumerate(replies) if not one.refused)
    dearer = [
        *replies[:served],
        replace(replies[served], cost=replies[served].cost + Decimal("1e-12")),
        *replies[served + 1 :],
    ]
    asked_less = [
        msgspec.structs.replace(stored[served], asked=stored[served].asked - 1),
        *stored[:served],
        *stored[served + 1 :],
    ]
    free = next(number for number, one in enumerate(replies) if one.row.plan == own.FREE and not one.refused)
    beyond = [*replies[:free], replace(replies[free], cost=Decimal("0.51")), *replies[free + 1 :]]
    for told, kept, effect, of_month, what in (
        (replies, stored[1:], claimed, month, "guarded calls"),
        (dearer, stored, claimed, month, "guarded, after"),
        (replies, asked_less, claimed, month, "guarded, before"),
        (replies, stored, (), month, "saved by guardrails"),
        (beyond, stored, claimed, month, "free plan beyond budget"),
        (replies, stored, claimed, {}, "month of the heaviest"),
    ):
        failed = {check.what for check in guarded_of(scene, told, kept, effect, of_month).checks if not check.holds}
        assert what in failed
