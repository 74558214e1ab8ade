"""What becomes of an opportunity: found again, moved, rejected, gone."""

from datetime import date, timedelta

import pytest

from floorline.backlog.keeping import QUIET, Ruling, again, amended, checked, gone, moved, slug
from floorline.backlog.model import NEXT
from floorline.errors import BadInput, Changed
from floorline.money import usd
from tests.backlog.figures import NOW, opportunity


def to(item, state, **more):
    return moved(item, state, ruling(**{"note": "why", **more}))


def ruling(**more):
    return Ruling(by="ann", at=NOW, **more)


def test_found_again_it_is_the_same_item_with_the_estimate_of_now():
    kept = to(opportunity(dollars="100"), "accepted", owner="ann", deadline=date(2026, 12, 1))
    later = opportunity(dollars="150", found_at=NOW + timedelta(days=1), seen_at=NOW + timedelta(days=1))
    found = again(kept, later)
    assert (found.dollars_a_quarter, found.promised) == (usd(150), usd(100))
    assert (found.state, found.owner, found.deadline, found.found_at) == ("accepted", "ann", date(2026, 12, 1), NOW)
    assert again(found, later) == found


def test_a_rejected_one_stays_so_for_its_time_and_is_proposed_again_after():
    kept = to(opportunity(), "rejected", quiet=timedelta(days=10))
    before = opportunity(seen_at=NOW + timedelta(days=9))
    after = opportunity(seen_at=NOW + timedelta(days=10))
    assert again(kept, before) == kept
    back = again(kept, after)
    assert (back.state, back.quiet_until) == ("proposed", None)
    assert [step.state for step in back.history] == ["rejected", "proposed"]
    assert to(opportunity(), "rejected").quiet_until == (NOW + QUIET).date()


def test_what_is_shipped_keeps_its_figures():
    kept = to(to(opportunity(dollars="100"), "accepted"), "shipped")
    assert again(kept, opportunity(dollars="5")) == kept
    assert kept.shipped_on == NOW.date()
    assert to(kept, "canary").shipped_on is None


def test_only_what_nobody_decided_on_is_forgotten():
    later = NOW + timedelta(days=1)
    assert gone(opportunity(), later)
    assert not gone(opportunity(), NOW)
    assert not gone(to(opportunity(), "accepted"), later)
    assert not gone(opportunity(kind="by_hand"), later)


@pytest.mark.parametrize("state", NEXT)
def test_every_state_goes_where_it_may_and_nowhere_else(state):
    for other in NEXT:
        item = opportunity(state=state)
        if other in NEXT[state]:
            assert to(item, other).state == other
        else:
            with pytest.raises(BadInput, match=f"is {state}"):
                to(item, other)


def test_a_rejection_says_why_and_a_gain_is_above_zero():
    with pytest.raises(BadInput, match="say why"):
        to(opportunity(), "rejected", note="")
    with pytest.raises(BadInput, match="no gain"):
        checked(usd(0))
    with pytest.raises(BadInput, match="beyond any company"):
        checked(usd("1e30"))
    assert slug("Negotiate: committed use!") == "by_hand:negotiate-committed-use"
    with pytest.raises(BadInput, match="at least one letter"):
        slug("…")


def test_whose_it_is_and_what_is_said_of_it_stay_in_its_history_and_its_state_stays():
    item = amended(opportunity(), ruling(owner="ben", deadline=date(2026, 12, 1), note="after the launch"))
    assert (item.state, item.owner, item.deadline) == ("proposed", "ben", date(2026, 12, 1))
    assert item.history[-1].note == "owner ben, by 2026-12-01: after the launch"
    assert not gone(item, NOW + timedelta(days=1)), "somebody decided on it"
    rejected = to(item, "rejected")
    assert amended(rejected, ruling(note="they asked again")).owner == "ben"
    with pytest.raises(Changed, match="is rejected: it is nobody's to do"):
        amended(rejected, ruling(owner="cara"))
    with pytest.raises(BadInput, match="say something"):
        amended(item, ruling())


@pytest.mark.parametrize("days", [-2, 800, 700_000])
def test_what_is_shipped_was_shipped_on_a_day_that_can_be_measured(days):
    accepted = to(opportunity(), "accepted")
    assert to(accepted, "shipped", shipped_on=NOW.date() - timedelta(days=30)).shipped_on == NOW.date() - timedelta(
        days=30
    )
    with pytest.raises(BadInput, match="is no day to have shipped"):
        to(accepted, "shipped", shipped_on=NOW.date() - timedelta(days=days))
