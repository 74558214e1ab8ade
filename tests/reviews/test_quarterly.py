"""The quarterly review from figures, and one of a real ledger."""

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from floorline.errors import BadInput
from floorline.jobs.margins import Margins
from floorline.jobs.quarterly_reviewing import QuarterlyReviewer
from floorline.margin.metrics import Figures, Sums
from floorline.money import usd
from floorline.pricing.book import PriceOverride, build_book
from floorline.pricing.overrides import Rate
from floorline.reviews import quarterly_page
from floorline.reviews.contracts import providers, volume
from floorline.reviews.hosting import hosting
from floorline.reviews.html import html
from floorline.reviews.json_document import document
from floorline.reviews.markdown import WIDTH_MAX, markdown
from floorline.reviews.plans import plans
from floorline.reviews.policy import MarketFigure, ReviewPolicy
from floorline.reviews.quarter_model import Shares, Windfall
from floorline.reviews.queries import Hours, ModelUse, TokenQuantiles, Workload
from floorline.reviews.repricing import months_before, price_trend
from floorline.reviews.weeks import Quarter
from tests.margin.company import call, keep, line
from tests.reviews.figures import USD

NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
QUARTER = Quarter(2026, 2)


def customer(plan: str, name: str, revenue: int, cost: int) -> Figures:
    return Figures(
        key=(plan, name), revenue_pico=revenue * USD, sums=Sums(calls=1, effective=cost * USD), shared_pico={}
    )


def test_a_plan_is_a_candidate_when_its_margin_or_its_p90_customer_falls_short():
    rows = [customer("pro", f"c{n}", 100, 10 if n < 9 else 60) for n in range(11)]
    rows += [customer("good", f"g{n}", 100, 5) for n in range(12)] + [customer("thin", "t", 100, 40)]
    thin, pro, good = plans(rows, Decimal("0.68"))
    assert (pro.plan, pro.customers, pro.p90_ratio, pro.ratio) == ("pro", 11, Decimal("0.4"), Decimal("0.809090909091"))
    assert pro.rise == usd(Decimal("0.6") / Decimal("0.35")) - 1  # until 60 dollars of cost are 35 % of what is paid
    assert (thin.p90_ratio, thin.rise) == (None, Decimal("0.25"))
    assert (good.rise, good.why) == (None, "")


def test_a_plan_that_earns_nothing_is_no_candidate_and_its_margin_is_unknown():
    (free,) = plans([customer("free", f"c{n}", 0, 3) for n in range(20)], Decimal("0.68"))
    assert (free.ratio, free.p90_ratio, free.rise, free.customers) == (None, None, None, 0)


def override(model: str, price: str, since: str | None = None, until: str | None = None) -> PriceOverride:
    return PriceOverride(
        provider="own",
        model=model,
        valid_from=date.fromisoformat(since) if since else None,
        valid_to=date.fromisoformat(until) if until else None,
        rates={name: Rate(price=Decimal(price)) for name in ("input", "output", "cache_read", "reasoning")},
    )


def dated_book():
    book, _ = build_book([
        override("falling", "4", until="2026-05-10"),
        override("falling", "2", since="2026-05-10"),
        override("flat", "1"),
    ])  # fmt: skip
    return book


def test_prices_of_twelve_months_stand_on_one_mix_and_say_which_are_not_dated():
    book = dated_book()
    uses = [
        ModelUse(provider="own", model="falling", calls=9, input_tokens=900_000, output_tokens=100_000, cache_read_tokens=500_000),
        ModelUse(provider="own", model="flat", calls=1, input_tokens=2_000_000),
        ModelUse(provider="own", model="nobody-knows", calls=1, input_tokens=1),
    ]  # fmt: skip
    months = months_before(date(2026, 7, 1))
    assert (months[0], months[-1], len(months)) == (date(2025, 7, 1), date(2026, 6, 1), 12)
    trend = price_trend(
        uses, lambda p, m, day: book.resolve(p, m, datetime(day.year, day.month, day.day, 12, tzinfo=UTC)), months
    )
    assert [one.usd for one in trend.months[-3:]] == [Decimal(6), Decimal(6), Decimal(4)]
    assert trend.months[0].index == Decimal("1.5")
    assert (trend.undated, trend.left_out) == ((("own", "flat"),), (("own", "nobody-knows"),))
    assert trend.dated_share == Decimal("0.5")
    assert book.changes("own", "falling", date(2026, 4, 1), date(2026, 7, 1))[0][0] == date(2026, 5, 10)
    assert book.changes("own", "falling", date(2026, 5, 11), date(2026, 7, 1)) == []


def test_a_commitment_is_to_the_least_month_and_names_what_it_must_be_used_for():
    april, may = ([ModelUse(provider="own", model="m", calls=1, cost=cost * USD)] for cost in (100, 300))
    (line_,) = providers([*april, *may], [april, may])
    assert line_.months == (Decimal(100), Decimal(300))
    assert [(one.discount, one.saves_usd_a_year, one.usd_a_year, one.break_even) for one in line_.commitments] == [
        (Decimal("0.20"), Decimal(240), Decimal(960), Decimal("0.80")),
        (Decimal("0.30"), Decimal(360), Decimal(840), Decimal("0.70")),
        (Decimal("0.40"), Decimal(480), Decimal(720), Decimal("0.60")),
    ]
    assert providers(april, [])[0].commitments == ()
    shape = TokenQuantiles(provider="own", model="m", input_tokens=[1, 2, 3], output_tokens=[4, 5, 6])
    assert volume(april, [shape])[0].input_p50_p95_p99 == (1, 2, 3)


def test_a_workload_is_worth_hosting_from_10_000_dollars_a_month_when_gpus_would_be_busy():
    def found(cost, tokens, hours=100):
        workload = Workload(feature="chat", provider="own", model="m", calls=1, cost=cost * USD)
        return hosting([workload], [Hours(feature="chat", model="m", tokens=tokens)], days=73, hours=hours)

    assert found(23_999, [7] * 100) == ()
    (even,) = found(24_000, [7] * 100)
    assert (even.usd_a_month, even.busy, even.verdict) == (Decimal(10_000), 1, "candidate")
    assert even.gpu_usd_a_month_max == Decimal("7692.307692307692")
    (uneven,) = found(24_000, [100] * 20)
    assert (uneven.busy, uneven.verdict) == (Decimal("0.2"), "too uneven")
    (quiet,) = found(24_000, [100] * 4)
    assert (quiet.busy, quiet.verdict) == (None, "unknown load")


def test_shares_of_a_windfall_must_add_up_to_100():
    with pytest.raises(ValueError, match="add up to 100"):
        Shares(margin=50, price=30, product=30)


def company():
    """A quarter of a feature that is below its floor in ten weeks of thirteen."""
    records = [line("acme", "9100", "2026-04-01", "2026-07-01", feature="chat", plan="pro")]
    for week in range(13):
        day = date.fromordinal(date(2026, 4, 2).toordinal() + 7 * week)
        cost = "100" if week < 3 else "333.333333333333"
        records.append(
            call(
                f"{day}T10:00:00Z", "acme", "chat", cost, model="falling", provider="own", plan="pro",
                usage={"input": Decimal(900_000), "output": Decimal(100_000)},
            )
        )  # fmt: skip
    records.append(call("2026-06-30T23:59:59Z", "acme", "chat", None, model="o9", provider="own"))
    return records


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory, databases):
    """A quarterly review of that quarter, with a market figure and a windfall that was shared."""
    from tests.support.ledger import Opener

    opener = Opener(databases, tmp_path_factory.mktemp("quarter"))
    ledger = opener()
    keep(ledger, company())
    market = MarketFigure(
        name="survey", margin=Decimal("0.55"), source="a report", date=date(2026, 3, 1), feature="chat"
    )
    reviews = QuarterlyReviewer(margins=Margins(ledger), policy=ReviewPolicy(market=(market,)), book=dated_book())
    shares = Shares(margin=34, price=33, product=33)
    reviews.share(
        Windfall(provider="own", model="falling", since=date(2026, 5, 10), shares=shares, actor="maria", at=NOW)
    )
    with pytest.raises(BadInput, match="no change of own/falling on 2026-05-11"):
        reviews.share(Windfall(provider="own", model="falling", since=date(2026, 5, 11), shares=shares, at=NOW))
    yield reviews, reviews.review(QUARTER, NOW)
    opener.finish()


def test_a_quarter_has_the_sums_of_its_table_and_a_feature_that_is_structurally_below(reviewed):
    _, review = reviewed
    (chat,) = review.floors
    assert (chat.revenue, chat.cost) == (Decimal(9100), usd("3633.33333333333"))
    assert (len(chat.weeks), chat.weeks_below, chat.structural) == (13, 10, True)
    assert chat.weeks[:2] == (Decimal("0.8"), usd(Decimal(600) / 700))  # the first week began in March
    assert (review.total.margin, review.total.ratio) == (chat.margin, chat.ratio)
    (market,) = review.market
    assert (market.ours, market.ahead) == (chat.ratio, chat.ratio - Decimal("0.55"))
    assert [one.plan for one in review.plans] == ["pro"]
    assert "1 call of 14 have no price" in review.notes[0]


def test_a_windfall_is_split_to_the_last_digit_as_decided(reviewed):
    _, review = reviewed
    (windfall,) = review.windfalls
    assert windfall.margin + windfall.price + windfall.product == windfall.usd_a_month
    assert windfall.usd_a_month == usd(Decimal(26) * 365 / 12 / 91)  # 13 million tokens, 2 dollars less for each


def test_a_quarterly_review_is_kept_and_reads_well(reviewed):
    reviews, review = reviewed
    assert reviews.review(QUARTER, NOW) == review
    assert reviews.last_quarter(NOW) == QUARTER
    with pytest.raises(BadInput, match="nothing to review yet"):
        reviews.review(Quarter(2026, 4), NOW)
    shown = markdown(quarterly_page.page(review))
    assert "chat: below its floor in 10 weeks" in shown
    assert all(len(one) <= WIDTH_MAX for one in shown.split("```")[1::2] for one in one.splitlines())
    assert html(quarterly_page.page(review), {}).count("<h2>") == 10
    found = document(review)
    assert set(found) == set(review.__struct_fields__)
    assert found["windfalls"][0]["usd_a_month"] == f"{review.windfalls[0].usd_a_month:f}"
    assert dataclasses.is_dataclass(reviews)
