"""Certificates that were in force and are so no more, as the alerts look at them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from floorline.alerts.figures import MONTH_DAYS, TakenBack
from floorline.alerts.tuning import ANY_WINDOW_DAYS_MAX
from floorline.clock import day_of, timezone
from floorline.guardrails.rules import Guardrails
from floorline.jobs.certificates import saved_by
from floorline.jobs.certifying import ACTOR, CERTIFIERS, Certifier, Kept, Turn, asked_for, id_of, shelf
from floorline.jobs.margins import Margins
from floorline.money import usd_of


def taken_back(
    margins: Margins, rails: Guardrails, now: datetime, certifiers: Sequence[Certifier] = CERTIFIERS
) -> Sequence[TakenBack]:
    """Every certificate that a rule asks for and that labels took back within the longest time that alerts look back, with what it
    had saved. One that a person stopped is no news to anybody who would be told.
    """
    since = now - timedelta(days=ANY_WINDOW_DAYS_MAX)
    kept = asked_for(rails, certifiers, shelf(margins.ledger.state).all().values())
    lost = [
        (one, turn) for one in kept if one.stopped is None and (turn := lost_by(one)) is not None and turn.at >= since
    ]
    return [_told(margins, one, turn, certifiers) for one, turn in lost]


def lost_by(kept: Kept) -> Turn | None:
    """The turn by which gateways act by the certificate no more; None while they do, and where they never did. An experiment
    treats its share before it is certified too: what is lost of it is that it goes on.
    """
    is_experiment = kept.certificate.kind == "experiment"
    lost, before = None, ""
    for turn in kept.turns:
        if turn.by != ACTOR:
            continue
        if turn.state == "certified" or (is_experiment and turn.state == "shadow"):
            lost = None
        elif before == "certified" or (is_experiment and turn.state == "suspended" != before):
            lost = turn
        before = turn.state
    return lost


def _told(margins: Margins, kept: Kept, turn: Turn, certifiers: Sequence[Certifier]) -> TakenBack:
    """The certificate with what its guardrail saved its feature, nothing where that touched no call; a customer's own has no figure of its
    own, and nobody knows it.
    """
    one = kept.certificate
    end = day_of(turn.at, timezone(margins.ledger.timezone)) + timedelta(days=1)
    saved = None
    if not (one.kind == "semantic" and one.subject):
        saved = saved_by(margins, one, end - timedelta(days=MONTH_DAYS), end, certifiers) or 0
    return TakenBack(
        name=id_of(one.place),
        feature=one.feature,
        at=turn.at,
        reason=turn.reason.rstrip("."),
        saved_usd=None if saved is None else usd_of(saved),
    )
