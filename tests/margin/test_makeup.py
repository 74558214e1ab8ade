"""What a feature's calls are made of: its models and steps, and how their costs are spread, by all of its names."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.jobs.making import makeup_of
from floorline.margin.dimensions import Scope
from floorline.margin.makeup import BARS_MAX, spread
from floorline.margin.metrics import ZERO_BUCKET, bucket_bounds, bucket_middle
from floorline.margin.policy import Policies
from floorline.money import usd, usd_of
from tests.margin.company import keep, records, table
from tests.support.ledger import Opener

JANUARY = date(2026, 1, 1), date(2026, 2, 1)


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("makeup"))
    ledger = opener()
    keep(ledger, records())
    yield ledger
    opener.finish()


def made(ledger, feature: str):
    return makeup_of(ledger, Policies(), feature, *JANUARY, Scope())


@pytest.mark.parametrize("feature", ["support", "reports", "reporting"])
def test_models_and_steps_sum_to_the_feature_s_row_of_the_margin_table(company, feature):
    (row,) = [row for row in table(company, "feature").rows if row.key == (feature,)]
    found = made(company, feature)
    for shares in (found.by_model, found.by_step):
        assert sum(one.sums.calls for one in shares) == row.sums.calls
        assert sum(one.sums.effective for one in shares) == row.sums.effective
        assert sum(one.of_cost for one in shares) == pytest.approx(1)


def test_the_dearest_model_comes_first_with_its_cost_a_call(company):
    large, tiny, small = made(company, "support").by_model
    assert [one.key[1] for one in (large, tiny, small)] == ["large", "tiny", "small"]
    assert (large.sums.calls, large.cost, large.cost_per_call) == (20, 4, usd("0.2"))
    assert (small.sums.unpriced, small.cost, small.cost_per_call) == (1, None, None)


def test_a_step_names_the_models_that_serve_it(company):
    by_step = {one.key: one for one in made(company, "support").by_step}
    assert by_step["ticket", "answer", "generation"].models == ("large",)
    assert by_step["ticket", "classify", "classification"].of_calls == usd(Decimal(20) / 41)


def test_the_calls_of_a_day_are_its_models_together(company):
    found = made(company, "support")
    assert sum(sums.calls for sums in found.days.values()) == 41
    assert set(found.p95_by_day) <= set(found.days)
    day = date(2026, 1, 1)
    assert abs(found.p95_by_day[day] - usd("0.2")) <= usd("0.002")


def test_what_is_not_known_by_the_name_has_no_calls(company):
    found = made(company, "nothing")
    assert found.by_model == found.by_step == ()
    assert found.spread.bars == ()
    assert found.spread.top_share is None


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(-700, 200), st.integers(1, 1000), max_size=60), st.integers(0, 50))
def test_no_call_is_lost_between_the_bars_and_those_that_cost_nothing(buckets, free):
    found = spread({**buckets, ZERO_BUCKET: free})
    assert len(found.bars) <= BARS_MAX
    assert sum(bar.calls for bar in found.bars) + found.free == found.calls
    assert all(one.high == other.low for one, other in zip(found.bars, found.bars[1:], strict=False))
    told = list(found.percentiles.values())
    assert told == sorted(told)


def test_the_dearest_twentieth_of_the_calls_has_its_share_of_the_cost():
    found = spread({0: 95, 100: 5})
    dear, cheap = usd_of(bucket_middle(100)) * 5, usd_of(bucket_middle(0)) * 95
    assert found.top_share == usd(dear / (dear + cheap))
    assert bucket_bounds(0) == (usd(1), usd("1.02"))
