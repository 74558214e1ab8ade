"""What reviews take from alerts, baselines, backlog and price book."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from floorline.alerts.model import Alert, Moment
from floorline.backlog.model import Opportunity, Realised
from floorline.clock import timezone
from floorline.delivery.outbox import KIND, Delivery
from floorline.delivery.route import Answer, Route
from floorline.jobs.pricing_use import changes, switched
from floorline.jobs.review_rendering import deliver, message, rendered
from floorline.jobs.review_sources import alert_lines, announced, planned, shipped
from floorline.jobs.schedule import quarterly as next_quarterly
from floorline.ledger.shelf import Shelf
from floorline.margin.baseline import Declaration, Place, Values
from floorline.margin.changelog import changelog
from floorline.pricing.book import Contract, build_book
from floorline.reviews.queries import ModelUse, Workload
from floorline.reviews.weekly import weekly
from tests.reviews.figures import NOW, WEEK, week_figures
from tests.reviews.test_quarterly import dated_book

START, END = datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)


def alert(*moments: tuple[str, int, str], **more) -> Alert:
    """An alert by (state, hours after START, who) of each transition."""
    history = tuple(
        Moment(number=n, state=state, at=START + timedelta(hours=hours), by=by)
        for n, (state, hours, by) in enumerate(moments, 1)
    )
    return Alert(
        id="r/feature/chat", rule="r", subject_kind="feature", subject="chat", severity="warning",
        state=history[-1].state, opened_at=history[0].at, history=history, **more,
    )  # fmt: skip


def test_an_alert_of_the_week_says_how_long_it_waited_for_an_answer_and_for_its_end():
    (line,) = alert_lines([alert(("open", 2, ""), ("acknowledged", 5, "ben"), ("resolved", 30, ""))], START, END, END)
    assert (line.minutes_to_acknowledge, line.minutes_to_resolve, line.overdue) == (180, 1680, False)


def test_an_alert_that_nobody_answered_is_overdue_and_still_told_of_in_the_next_week():
    open_one = alert(("open", 2, ""), deadline=START + timedelta(hours=26))
    for start, end in ((START, END), (END, END + timedelta(days=7))):
        (line,) = alert_lines([open_one], start, end, end)
        assert (line.minutes_to_acknowledge, line.overdue) == (None, True)
    assert alert_lines([open_one], START - timedelta(days=7), START, END) == []
    assert alert_lines([alert(("open", -30, ""), ("resolved", -20, ""))], START, END, END) == []


def test_an_answered_alert_that_got_worse_is_overdue_again_from_its_new_deadline_on():
    moments = (("open", 2, ""), ("acknowledged", 5, "ben"), ("worsened", 60, ""))
    worse = alert(*moments, deadline=START + timedelta(hours=84))
    (line,) = alert_lines([worse], START, END, END)
    assert (line.state, line.minutes_to_acknowledge, line.overdue) == ("worsened", 180, True)
    (line,) = alert_lines([alert(*moments, ("acknowledged", 61, "ben"), deadline=worse.deadline)], START, END, END)
    assert not line.overdue


def test_an_alert_of_the_week_before_is_told_of_until_it_is_over():
    later = END + timedelta(days=30)
    over_in_it = alert(("open", -30, ""), ("acknowledged", 5, "ben"), ("resolved", 30, ""))
    (line,) = alert_lines([over_in_it], START, END, later)
    assert (line.minutes_to_acknowledge, line.minutes_to_resolve, line.state) == (35 * 60, 60 * 60, "resolved")
    (line,) = alert_lines([alert(("open", -30, ""), ("resolved", 400, ""))], START, END, later)
    assert line.minutes_to_resolve == 430 * 60


def item(state: str, **more) -> Opportunity:
    settings = {
        "id": f"i-{state}",
        "kind": "by_hand",
        "subject_kind": "feature",
        "subject": "chat",
        "title": "Cache it",
    }
    return Opportunity(
        **settings, formula="", dollars_a_quarter=Decimal(91), state=state, found_at=NOW, seen_at=NOW, **more
    )


def test_accepted_items_are_planned_and_proposed_or_far_ones_are_not():
    items = [
        item("accepted", deadline=date(2026, 11, 20)),
        item("canary"),
        item("proposed", deadline=date(2026, 11, 20)),
        item("shadow", deadline=date(2027, 3, 1)),
    ]
    found = planned(items, WEEK.end)
    assert [(one.what, one.on) for one in found] == [
        ("Cache it (accepted)", date(2026, 11, 20)),
        ("Cache it (canary)", None),
    ]
    assert found[0].usd_a_month == Decimal("30.416666666667")


def test_shipped_items_bring_what_falls_into_the_quarter():
    realised = Realised(
        at=NOW, before_start=WEEK.start, before_end=WEEK.start, after_start=WEEK.start, after_end=WEEK.start, per="call",
        before=Decimal(1), after=Decimal(1), volume=1, dollars_a_quarter=Decimal(182),
    )  # fmt: skip
    items = [
        item("measured", shipped_on=date(2026, 11, 30), promised=Decimal(100), realised=realised),
        item("accepted"),
    ]
    (line,) = shipped(items, date(2026, 10, 1), date(2027, 1, 1))
    assert (line.promised, line.realised, line.in_quarter) == (
        Decimal(100),
        Decimal(182),
        Decimal(62),
    )  # 31 days of 2 dollars


def test_a_declared_model_is_forecast_at_the_tokens_of_the_feature():
    book = dated_book()
    work = [
        Workload(provider="own", model="falling", calls=9, input_tokens=28_000_000, cost=2, feature="chat"),
        Workload(provider="own", model="flat", calls=9, input_tokens=1_000_000, cost=1, feature="chat"),
    ]

    def forecast(feature, models, on):
        return switched(book, work, feature, models, on, days=28)

    place = Place(feature="chat", open=True)
    declared = [
        Declaration(place=place, start=start, values=Values(model=model), by="ana").entry("command", NOW)
        for model, start in (("falling", date(2026, 1, 1)), ("flat", date(2026, 11, 20)))
    ]
    (found,) = announced(changelog(declared), WEEK.end, forecast)
    assert (found.subject, found.on) == ("chat", date(2026, 11, 20))
    assert found.usd_a_month == Decimal("30.416666666667")  # one dollar less a million, a million a day
    assert forecast("search", ("falling", "flat"), NOW.date()) is None
    assert forecast("chat", ("falling", "nobody-knows"), NOW.date()) is None


def test_a_change_of_price_says_what_it_does_to_ones_own_calls():
    uses = [ModelUse(provider="own", model="falling", calls=1, input_tokens=28_000_000)]
    (change,) = changes(dated_book(), uses, date(2026, 5, 4), date(2026, 5, 11), days=28)
    assert (change.on, change.what) == (date(2026, 5, 10), "in $4.00 → $2.00, out $4.00 → $2.00")
    assert change.usd_a_month == Decimal("60.833333333333")


def test_a_contract_that_begins_is_a_change_of_price_too():
    terms = Contract(provider="openai", model="gpt-4o", multiplier=Decimal("0.8"), valid_from=date(2026, 11, 20))
    book, _ = build_book(contracts=[terms])
    uses = [ModelUse(provider="openai", model="gpt-4o", calls=1, input_tokens=28_000_000)]
    (change,) = changes(book, uses, date(2026, 11, 16), date(2026, 12, 14), days=28)
    assert change.what == "in $2.50 → $2.00, out $10.00 → $8.00"
    assert change.usd_a_month == Decimal("15.208333333333")


class Kept:
    """A channel that takes everything."""

    kind = "kept"

    def send(self, message, *, now):
        del message, now
        return Answer(outcome="taken", words="ok")


def test_a_review_is_handed_to_the_routes_that_take_reports_once(ledger):
    routes = [Route(name="team", channel=Kept()), Route(name="pager", channel=Kept(), reports=False)]
    review = weekly(week_figures({"chat": ["0.80"] * 4}))
    assert deliver(ledger.state, review, routes, None, NOW) == "2026-W46 made, sent to team"
    deliver(ledger.state, review, routes, None, NOW)
    assert [one.route for one in Shelf(ledger.state, KIND, Delivery).all().values()] == ["team"]
    assert deliver(ledger.state, review, routes, (), NOW) == "2026-W46 made, no route takes it"


@pytest.mark.parametrize("format_", ["md", "html"])
def test_a_review_without_anything_says_so_in_every_format(format_):
    shown = rendered(weekly(week_figures({})), format_)
    assert "No feature had a call" in shown


def test_a_message_has_the_pictures_inside_and_names_no_host_but_that_of_svg():
    sent = message(weekly(week_figures({"chat": ["0.86", "0.83", "0.80", "0.77"]})), NOW)
    assert sent.html.count("<svg") == 3
    assert "<script" not in sent.html
    assert {part.split("/")[0] for part in sent.html.split("http://")[1:]} == {"www.w3.org"}
    assert (sent.action, sent.fields[0][0]) == ("report", "Gross margin")


def test_a_quarterly_review_is_due_on_its_day_by_the_clock_of_the_timezone():
    due = next_quarterly(2, time(8), timezone("Europe/Berlin"))
    assert due(NOW) == datetime(2027, 1, 2, 7, tzinfo=UTC)
    assert due(datetime(2027, 1, 2, 7, tzinfo=UTC)) == datetime(2027, 4, 2, 6, tzinfo=UTC)
