"""The weekly review from figures: trends told from noise, actions that live on, unknown that stays unknown."""

import json
import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorline.margin.customers import accounts
from floorline.margin.effectiveness import effects
from floorline.margin.metrics import Figures, Sums
from floorline.margin.policy import FeaturePolicy, FloorException, Policies
from floorline.money import text
from floorline.reviews import weekly_page
from floorline.reviews.actions import decide
from floorline.reviews.economics import economics, top_fifth
from floorline.reviews.follow_up import counts, follow_up
from floorline.reviews.html import html
from floorline.reviews.json_document import document
from floorline.reviews.markdown import WIDTH_MAX, markdown
from floorline.reviews.model import AlertLine, Decision, Upcoming
from floorline.reviews.policy import Targets, tier_of
from floorline.reviews.weekly import weekly
from tests.margin.touching import Row, columns_of
from tests.reviews.figures import NOW, USD, WEEK, row, use, week_figures

STEADY = ["0.80", "0.80", "0.80", "0.80"]
FALLING = ["0.86", "0.83", "0.80", "0.77"]


def direction(ratios, **more):
    (line,) = weekly(week_figures({"chat": ratios}, **more)).features
    return line


def test_four_falling_weeks_degrade_and_get_an_action_though_the_feature_is_green():
    review = weekly(week_figures({"chat": FALLING, "search": STEADY}))
    chat, search = review.features
    assert (chat.zone, chat.direction, chat.change) == ("green", "degrading", Decimal("-0.09"))
    assert (search.direction, search.change) == ("stable", 0)
    action = next(one for one in review.actions if one.id == "trend/chat")
    assert action.usd_a_month == pytest.approx(Decimal("273.75"))
    assert weekly(week_figures({"chat": FALLING[::-1]})).features[0].direction == "improving"


def test_noise_alone_is_called_a_trend_in_fewer_than_one_of_ten_series():
    """Days of a standard deviation of 10 points; weekdays differ by 20 points, which is no noise."""
    drawn, found = random.Random(7), []
    for _ in range(60):
        ratios = [str(round(0.6 + 0.2 * (n % 7 > 4) + drawn.gauss(0, 0.1), 4)) for n in range(28)]
        found.append(direction(ratios).direction)
    assert found.count("stable") >= 54


def test_a_fall_of_a_point_within_noise_is_stable_and_one_beyond_it_degrades():
    noisy = [0.08 if n % 2 else -0.08 for n in range(28)]
    small = [str(0.8 - 0.005 * (n // 7) + noisy[n]) for n in range(28)]
    great = [str(0.8 - 0.06 * (n // 7) + noisy[n]) for n in range(28)]
    assert direction(small).direction == "stable"
    assert direction(great).direction == "degrading"


def test_thin_weeks_have_no_trend_and_say_so():
    line = direction(FALLING, calls=7)
    assert (line.direction, line.change) == ("unknown", None)
    assert line.why == "a week has 49 calls, fewer than 50"


def test_a_red_feature_has_an_action_of_what_it_lacks_of_its_floor_a_month():
    review = weekly(week_figures({"chat": ["0.50"] * 4}))
    action = next(one for one in review.actions if one.id == "floor/chat")
    assert review.features[0].short == Decimal(70)  # (0.60 - 0.50) x 700 dollars
    assert action.usd_a_month == Decimal("304.166666666667")


def test_cost_of_which_nothing_is_known_is_unknown_everywhere():
    rows = [row("chat", 100_00, 0, calls=10, unpriced=10)]
    figures = week_figures({"chat": STEADY})
    review = weekly(replace_table(figures, rows))
    line = review.features[0]
    assert (line.ratio, line.short, line.zone, review.total.ratio) == (None, None, "unknown", None)
    by_name = {one.name: one for one in review.economics}
    for name in ("inference_cost", "inference_share", "gross_margin", "cost_per_user", "top_fifth_share"):
        assert by_name[name].this_week is None
        assert by_name[name].met is None
    shown = markdown(weekly_page.page(review))
    assert "10 calls of 10 have no price" in shown
    assert json.loads(json.dumps(document(review)))["total"]["ratio"] is None


def replace_table(figures, rows):
    import dataclasses

    table = dataclasses.replace(figures.by_feature, rows=tuple(rows), total=use(rows).total)
    return dataclasses.replace(figures, by_feature=table, use=use(rows))


def customer(name: str, revenue: int, cost: int) -> Figures:
    return Figures(key=(name,), revenue_pico=revenue * USD, sums=Sums(calls=1, effective=cost * USD), shared_pico={})


def test_the_top_fifth_are_the_dearest_customers_against_what_they_pay():
    rows = [customer(f"c{n}", 100, n) for n in range(1, 12)] + [customer("(unmatched cost)", 0, 999)]
    top = top_fifth(accounts(rows))
    assert (top.customers, top.of) == (3, 11)
    assert top.ratio == Decimal("0.1")  # (11 + 10 + 9) of 300
    assert top_fifth(accounts(rows[:4])).ratio is None


def test_the_economics_name_what_misses_its_target():
    rows = [row("chat", 100_00, 20_00, users=4)]
    now = use(rows, hits=10)
    now = type(now)(
        total=Figures(key=(), revenue_pico=100 * USD, sums=rows[0].sums, shared_pico={}, users=4),
        customers=(), served=now.served, models=now.models, tiers=now.tiers,
    )  # fmt: skip
    by_name = {line.name: line for line in economics(now, use(rows), Targets())}
    assert (by_name["inference_cost"].this_week, by_name["inference_cost"].met) == (Decimal(20), None)
    assert by_name["cost_per_user"].this_week == Decimal(5)
    assert (by_name["inference_share"].this_week, by_name["inference_share"].met) == (Decimal("0.2"), False)
    assert (by_name["gross_margin"].this_week, by_name["gross_margin"].met) == (Decimal("0.8"), True)
    assert by_name["cache_hit_rate"].this_week == Decimal("0.142857142857")
    assert (by_name["small_and_mid_share"].this_week, by_name["small_and_mid_share"].met) == (Decimal("0.7"), True)


def test_a_tier_is_what_is_stated_or_what_the_price_says():
    assert tier_of("gpt-4o-mini", Decimal("0.26"), {}) == "small"
    assert tier_of("gpt-4o", Decimal("4.375"), {}) == "mid"
    assert tier_of("opus", Decimal(10), {}) == "large"
    assert tier_of("mine", None, {}) is None
    assert tier_of("Mine-7B", None, {"mine-*": "small"}) == "small"


def verdict(word, days=0, **more):
    return Decision(verdict=word, at=NOW + timedelta(days=days), actor="maria", **more)


def test_an_open_action_carries_over_with_its_age_and_a_done_one_does_not():
    figures = week_figures({"chat": ["0.50"] * 4, "search": FALLING})
    first = weekly(figures)
    first = decide(first, "floor/chat", verdict("accept", owner="ben", by=date(2026, 12, 1)))
    first = decide(first, "trend/search", verdict("reject", note="seasonal"))
    next_week = week_after(figures)
    second = weekly(next_week, earlier=first)
    chat = next(one for one in second.actions if one.id == "floor/chat")
    assert (chat.since, chat.weeks_open, chat.decision.owner) == (str(WEEK), 1, "ben")
    again = next(one for one in second.actions if one.id == "trend/search")
    assert (again.weeks_open, again.decision, again.earlier) == (0, None, "rejected on 2026-11-16 by maria: seasonal")
    done = decide(second, "floor/chat", verdict("done", days=7))
    gone = weekly(week_after(next_week, margins={"chat": STEADY}), earlier=done)
    assert "floor/chat" not in {one.id for one in gone.actions}


def test_an_action_that_the_figures_no_longer_propose_stays_until_it_is_decided():
    first = weekly(week_figures({"chat": ["0.50"] * 4}))
    second = weekly(week_after(week_figures({"chat": STEADY})), earlier=first)
    left = next(one for one in second.actions if one.id == "floor/chat")
    assert (left.proposed, left.weeks_open) == (False, 1)
    assert "no longer propose" in markdown(weekly_page.page(second))


def test_a_review_made_anew_keeps_its_decisions():
    figures = week_figures({"chat": ["0.50"] * 4})
    decided = decide(weekly(figures), "floor/chat", verdict("defer", note="after the launch"))
    again = weekly(figures, kept=decided)
    assert next(one for one in again.actions if one.id == "floor/chat").decision == verdict(
        "defer", note="after the launch"
    )
    gone = weekly(week_figures({"chat": STEADY}), kept=again)
    left = next(one for one in gone.actions if one.id == "floor/chat")
    assert (left.proposed, left.decision.note) == (False, "after the launch")
    with pytest.raises(KeyError):
        decide(again, "floor/none", verdict("accept"))


def test_the_week_after_says_what_came_of_each_decision():
    figures = week_figures({"chat": ["0.50"] * 4, "search": ["0.50"] * 4, "help": ["0.50"] * 4, "voice": ["0.50"] * 4})
    first = weekly(figures)
    first = decide(first, "floor/chat", verdict("accept", owner="ben", by=date(2026, 11, 20)))
    first = decide(first, "floor/search", verdict("done"))
    later = {"chat": ["0.40"] * 4, "search": ["0.50"] * 4, "help": STEADY, "voice": ["0.50"] * 4}
    second = weekly(week_after(figures, margins=later), earlier=first)
    found = {one.id: one for one in follow_up(first, second, date(2026, 11, 23)) if one.id.startswith("floor/")}
    chat = found["floor/chat"]
    assert (chat.outcome, chat.overdue, chat.decision.owner) == ("larger", True, "ben")
    assert (chat.usd_before, chat.usd_now) == (Decimal("304.166666666667"), Decimal("608.333333333333"))
    assert found["floor/search"].outcome == "done"
    assert (found["floor/help"].outcome, found["floor/help"].usd_now) == ("gone", None)
    assert (found["floor/voice"].outcome, found["floor/voice"].overdue) == ("the same", False)
    assert counts(found.values()) == {"larger": 1, "gone": 1, "done": 1, "the same": 1}


def week_after(figures, margins=None):
    """The same figures a week later."""
    import dataclasses

    from floorline.reviews.weeks import week_of

    later = week_figures(margins) if margins else figures
    moved = week_of(figures.week.end)
    series = dataclasses.replace(later.series, start=moved.before(3).start)
    return dataclasses.replace(later, week=moved, series=series)


def test_an_exception_is_announced_before_its_review_and_an_action_when_it_is_due():
    def exceptions(day):
        exception = FloorException(floor=Decimal("0.4"), reason="launch", review_by=day)
        policy = FeaturePolicy(name="chat", owner="ann", exception=exception)
        review = weekly(week_figures({"chat": STEADY}, policies=Policies(features={"chat": policy})))
        return [one.on for one in review.upcoming], ("exception/chat", "ann") in {
            (one.id, one.owner) for one in review.actions
        }

    assert exceptions(WEEK.end + timedelta(days=6)) == ([date(2026, 11, 22)], True)
    assert exceptions(WEEK.end + timedelta(days=7)) == ([date(2026, 11, 23)], False)
    assert exceptions(WEEK.end + timedelta(days=28)) == ([], False)
    assert exceptions(WEEK.start) == ([WEEK.start], True)


def full_review():
    """A review in which every section has something, some of it hostile."""
    figures = week_figures(
        {"chat<script>alert(1)</script>": FALLING, "a-feature-with-a-name-that-is-very-long-indeed-and-longer": ["0.50"] * 4},
        alerts=[
            AlertLine(
                id="x", rule="feature_red", subject="chat ``` @channel", state="open", opened=NOW, overdue=True,
                usd_a_month=Decimal(1200), driver="tokens per call took most.", lever="shorten the prompt", owner="ben",
            )
        ],
        upcoming=[Upcoming(kind="exception", on=date(2026, 11, 20), subject="beta", what="growth before margin", due=True)],
    )  # fmt: skip
    return weekly(figures)


def test_markdown_has_no_line_that_a_narrow_window_would_break_and_no_fence_that_a_name_ends():
    shown = markdown(weekly_page.page(full_review()))
    inside, tables = False, 0
    for line in shown.splitlines():
        if line.startswith("```"):
            inside, tables = not inside, tables + 1
        elif inside:
            assert len(line) <= WIDTH_MAX, line
            assert "```" not in line
    assert not inside
    assert tables >= 10
    assert "<script>" not in shown.replace("```", "")
    assert next(line for line in shown.splitlines() if line.startswith("## ")) == "## Actions"


def test_html_is_one_file_that_fetches_nothing_runs_nothing_and_escapes_names():
    shown = html(weekly_page.page(full_review()), {"features": "<svg></svg>"})
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "http://" not in shown
    assert "https://" not in shown
    assert "<svg></svg>" in shown
    assert shown.count("<h1>") == 1
    assert "@media print" in shown
    assert "prefers-color-scheme: dark" in shown


def test_json_is_complete_and_its_money_is_text_of_12_places():
    review = full_review()
    found = document(review)
    assert set(found) == set(review.__struct_fields__)
    assert found["total"]["revenue"] == text(review.total.revenue) == "1400.000000000000"
    assert (
        found["features"][0]["ratio"].partition(".")[2] == "770000000000"
        or len(found["features"][0]["ratio"].partition(".")[2]) == 12
    )
    assert found["start"] == "2026-11-09"


def test_every_amount_of_the_review_adds_up_to_its_total():
    review = full_review()
    for name in ("revenue", "cost", "margin"):
        assert sum(getattr(line, name) for line in review.features) == getattr(review.total, name)
    assert replace(review, notes=()).total.margin == review.total.revenue - review.total.cost


def test_what_guardrails_saved_and_where_that_does_harm_is_noted():
    def touched(guardrail: str, **more: int) -> list[Row]:
        return [
            Row("chat", guardrail, f"{arm}-{n}", arm, "enforce", "hit", 10, cost=n, errors=more.get(arm, 0), saved=USD // 10)
            for arm in ("treated", "holdout")
            for n in range(40)
        ]  # fmt: skip

    calm, harmful = (
        effects(columns_of(rows)) for rows in (touched("cache"), [*touched("route", treated=5), *touched("cache")])
    )
    assert not any("Guardrails" in note for note in weekly(week_figures({"chat": STEADY})).notes)
    (saved,) = weekly(week_figures({"chat": STEADY}, guardrails=calm)).notes
    assert saved == "Guardrails saved $4.00 net of their own cost: cache of chat $4.00 (`floorline guardrails`)."
    notes = weekly(
        week_figures({"chat": STEADY}, guardrails=harmful, harmful=[one for one in harmful if one.harms])
    ).notes
    assert [note.partition(":")[0] for note in notes] == [
        "Guardrails saved $8.00 net of their own cost", "Where route of chat acts, more calls fail than where it is held out",
    ]  # fmt: skip
