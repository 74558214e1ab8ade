"""Fair use: who is far beyond its own usual day, what that looks like, and that the alerts hear of it once a day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.alerts.events import GUARD_EVENTS, GuardEvent
from floorline.alerts.fair_use import Habit, Pattern, Share, reason, unfair
from floorline.alerts.tuning import DEFAULTS
from floorline.jobs.fair_use import look
from floorline.jobs.guard_events import forget, take
from floorline.ledger.guard_events import leave
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from tests.alerts.pictures import firing, picture, said
from tests.margin.company import call, keep

BY = DEFAULTS["fair_use"]
CENT = 10**10
NOW = datetime(2026, 3, 20, 15, tzinfo=UTC)
NOTHING = Share("", 0, 0)


def habit(cost: int, days: list[int], calls: int = 100) -> Habit:
    return Habit("customer", "acme", "", calls, cost, days)


@given(days=st.lists(st.integers(0, 10**14), max_size=28), cost=st.integers(0, 10**16), calls=st.integers(0, 200))
def test_whoever_is_suspected_costs_ten_usual_days_and_a_dollar_more(days, cost, calls):
    found = list(unfair([habit(cost, days, calls)], BY))
    for suspect in found:
        assert cost >= 10 * suspect.usual > 0
        assert cost - suspect.usual >= 10**12
        assert len(days) >= 5
        assert calls >= 20


@pytest.mark.parametrize(
    ("one", "is_found"),
    [
        (habit(1000 * CENT, [90 * CENT] * 5), True),
        (habit(899 * CENT, [90 * CENT] * 5), False),
        (habit(1000 * CENT, [90 * CENT] * 4), False),
        (habit(1000 * CENT, [90 * CENT] * 5, calls=19), False),
        (habit(90 * CENT, [CENT] * 28), False),
        (habit(1000 * CENT, [90 * CENT] * 3 + [5000 * CENT] * 2), True),
    ],
)
def test_a_wild_day_before_hides_nothing_and_little_money_or_evidence_is_no_suspicion(one, is_found):
    assert bool(list(unfair([one], BY))) is is_found


def pattern(**more: object) -> Pattern:
    known = {"hours": 5, "busiest_minute": 3, "calls": 100, "gap_low_ms": 2_000, "gap_high_ms": 90_000,
             "feature": NOTHING, "key": NOTHING, "user": NOTHING}  # fmt: skip
    return Pattern(**{**known, **more})


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (pattern(), "more of everything"),
        (pattern(hours=22), "automation (calls in 22 hours of the day)"),
        (pattern(busiest_minute=80), "automation (80 calls in a minute)"),
        (pattern(gap_low_ms=29_000, gap_high_ms=30_000), "automation (a call every 30.0 s)"),
        (pattern(key=Share("k-1", 950_000, 100_000)), "95.0 % of it is of the key k-1"),
        (pattern(key=Share("k-1", 950_000, 900_000)), "more of everything"),
        (pattern(hours=24, user=Share("ann", 1_000_000, 0)), "automation (calls in 24 hours of the day), 100.0 % of it is of the user ann"),
    ],
)  # fmt: skip
def test_the_reason_names_the_surest_sign_first(seen, told):
    assert reason(seen, "customer") == told


def test_of_a_user_its_name_is_no_reason():
    assert reason(pattern(user=Share("ann", 1_000_000, 0)), "user") == "more of everything"


def busy_company() -> list[object]:
    """Ten days of a customer and two users at a dollar a day, then a day on which one user's new key calls every minute."""
    days = [date(2026, 3, 10) + timedelta(days=n) for n in range(10)]
    records: list[object] = [
        call(f"{day}T0{hour}:00:00Z", "acme", feature, "0.25", user_id=user, key_id="k-app")
        for day in days
        for hour, feature, user in ((8, "chat", "ann"), (9, "search", "ann"), (9, "chat", "bob"), (9, "search", "bob"))
    ]
    start = datetime(2026, 3, 20, 1, tzinfo=UTC)
    records += [
        call((start + timedelta(minutes=n)).isoformat(), "acme", "chat", "0.02", user_id="ann", key_id="k-new")
        for n in range(700)
    ]
    records += [call("2026-03-20T09:00:00Z", "quiet", "chat", "0.02", user_id="eve") for _ in range(30)]
    return records


def test_a_days_abuse_is_told_once_with_its_reason(ledger):
    keep(ledger, busy_company())
    events = look(ledger, BY, NOW)
    assert [(one.scope, one.subject, one.used, one.limit) for one in events] == [
        ("customer", "acme", Decimal("14.00"), Decimal("1.00")), ("user", "acme/ann", Decimal("14.00"), Decimal("0.50")),
    ]  # fmt: skip
    assert events[0].reason == (
        "automation (a call every 60.0 s), 100.0 % of it is of the feature chat, 100.0 % of it is of the key k-new, "
        "100.0 % of it is of the user ann"
    )
    assert "user ann" not in events[1].reason
    look(ledger, BY, NOW + timedelta(hours=1))
    kept = Shelf(ledger.state, GUARD_EVENTS, GuardEvent).all()
    assert [one.at for one in kept.values()] == [NOW, NOW]
    assert look(ledger, replace(BY, enabled=False), NOW) == []
    assert look(ledger, BY, NOW - timedelta(days=1)) == []


def test_the_alert_says_how_many_usual_days_and_why():
    event = GuardEvent(
        kind="fair_use", rule_id="usual day", scope="user", subject="acme/ann", period="2026-03-05",
        resets_at=datetime(2026, 3, 7, tzinfo=UTC), step=Decimal(10), used=Decimal("14.00"), limit=Decimal("0.50"),
        at=datetime(2026, 3, 5, 9, tzinfo=UTC), reason="automation (a call every 60.0 s)",
    )  # fmt: skip
    (told,) = said(picture(60, guards=[event]), "fair_use")
    assert (
        told.evidence == "$14.00 on 2026-03-05, 28.0 times the $0.50 of its usual day: automation (a call every 60.0 s)"
    )
    assert firing(picture(62, guards=[event])) == []


def test_what_gateways_leave_is_taken_once_and_what_cannot_be_read_stays(tmp_path):
    event = GuardEvent(
        kind="budget", rule_id="pro", scope="customer", subject="acme/with a / in it", period="2026-03",
        resets_at=datetime(2026, 4, 1, tzinfo=UTC), step=Decimal("0.75"), used=Decimal(75), limit=Decimal(100), at=NOW,
    )  # fmt: skip
    state = State.open(tmp_path)
    for gateway in ("g1", "g2"):
        (tmp_path / "gateways" / gateway).mkdir(parents=True)
        leave(tmp_path / "gateways" / gateway, event)
        leave(tmp_path / "gateways" / gateway, msgspec.structs.replace(event, subject="x" * 500))
    leave(tmp_path / "gateways" / "g1", event)
    strange = tmp_path / "gateways" / "g1" / "events" / "strange.json"
    strange.write_text("{}")
    assert take(tmp_path, state, NOW) == "2 new events of guardrails"
    assert take(tmp_path, state, NOW) == ""
    assert list((tmp_path / "gateways").glob("*/events/*")) == [strange]
    assert {one.subject for one in Shelf(state, GUARD_EVENTS, GuardEvent).all().values()} == {event.subject, "x" * 500}
    assert forget(state, event.resets_at + timedelta(days=62)) == ""
    assert forget(state, event.resets_at + timedelta(days=63)) == "2 events of guardrails are over"
    assert Shelf(state, GUARD_EVENTS, GuardEvent).all() == {}
    state.close()
