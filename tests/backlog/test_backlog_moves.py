"""What people do about an opportunity over a real state: kept with who and when, and refused where somebody else was first."""

from contextlib import closing
from datetime import date, timedelta

import pytest

from floorline.backlog.keeping import Ruling
from floorline.errors import BadInput, Changed, Missing
from floorline.jobs import backlog_moves
from floorline.jobs.backlogging import shelf
from floorline.ledger.state import State
from floorline.money import usd
from tests.backlog.figures import NOW, opportunity

ID = opportunity().id
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def state(tmp_path):
    with closing(State.open(tmp_path)) as opened:
        shelf(opened).put(ID, opportunity(dollars="100"), now=NOW)
        yield opened


def test_an_item_goes_from_proposed_to_shipped_and_the_audit_says_who(state):
    backlog_moves.move(state, ID, "accepted", Ruling(by="ann", at=NOW, owner="ben", deadline=date(2026, 12, 1)))
    backlog_moves.amend(state, ID, Ruling(by="ann", at=NOW, note="after the launch"))
    shipped = backlog_moves.move(state, ID, "shipped", Ruling(by="ben", at=LATER, shipped_on=date(2026, 10, 20)))
    assert (shipped.promised, shipped.shipped_on, shipped.owner) == (usd(100), date(2026, 10, 20), "ben")
    assert [(one.actor, one.state, one.note) for one in shipped.history] == [
        ("ann", "accepted", ""), ("ann", "accepted", "after the launch"), ("ben", "shipped", ""),
    ]  # fmt: skip
    assert [(one.actor, one.action) for one in state.audited_of(ID)] == [
        ("ann", "backlog.accepted"), ("ann", "backlog.amend"), ("ben", "backlog.shipped"),
    ]  # fmt: skip


def test_who_decides_on_what_they_did_not_see_is_told_what_it_is_now(state):
    seen = backlog_moves.mark_of(opportunity(dollars="100"))
    assert seen == backlog_moves.mark_of(opportunity(dollars="120")), "an estimate made anew changes nobody's mind"
    backlog_moves.move(state, ID, "rejected", Ruling(by="ben", at=LATER, note="too risky"), seen=seen)
    with pytest.raises(Changed, match=r"it is rejected, by ben on \S+ \S+ UTC now\. Look at it again"):
        backlog_moves.move(state, ID, "accepted", Ruling(by="ann", at=LATER), seen=seen)
    with pytest.raises(Changed, match="is rejected: from there it goes to proposed, not to shipped"):
        backlog_moves.move(state, ID, "shipped", Ruling(by="ann", at=LATER))
    assert len(state.audited_of(ID)) == 1


def test_an_item_by_hand_is_added_once_and_what_is_not_there_is_said(state):
    item = opportunity(id="by_hand:negotiate", kind="by_hand")
    assert backlog_moves.add(state, item, by="ann", now=NOW).history[0].note == "added by hand"
    with pytest.raises(Changed, match="is there already"):
        backlog_moves.add(state, item, by="ann", now=NOW)
    with pytest.raises(Missing, match="no opportunity is called 'nothing'"):
        backlog_moves.amend(state, "nothing", Ruling(by="ann", at=NOW, note="x"))
    with pytest.raises(BadInput, match="say why"):
        backlog_moves.move(state, ID, "rejected", Ruling(by="ann", at=NOW))
