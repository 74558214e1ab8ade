"""What is found, and what is not, in figures that a test states."""

from decimal import Decimal

import pytest

from floorline.backlog.calls import in_calls, unseen
from floorline.backlog.customers import excess, in_customers
from floorline.backlog.finding import find
from floorline.money import usd
from tests.backlog.figures import NOW, evidence, resolve, seat, slice_of

QUARTER = Decimal(91) / Decimal(28)


def kinds(*slices, days: int = 28):
    found = find(evidence(*slices, days=days), resolve, owners={"chat": "ann"}, now=NOW)
    return {one.kind: one for one in found.values()}


def test_a_plain_slice_holds_no_opportunity():
    assert kinds(slice_of()) == {}


def test_few_calls_unpriced_calls_and_few_days_say_nothing():
    simple = {"call_type": "classification", "output": 10}
    assert "cheaper_model" in kinds(slice_of(**simple))
    assert kinds(slice_of(calls=199, **simple)) == {}
    assert kinds(slice_of(unpriced=801, **simple)) == {}
    assert kinds(slice_of(cost="0", **simple)) == {}
    assert kinds(slice_of(**simple), days=6) == {}


def test_simple_calls_go_to_the_dearest_model_that_is_cheap_enough():
    found = kinds(slice_of(call_type="classification", output=10))["cheaper_model"]
    assert found.title == "serve chat's classification calls with big-medium instead of big-large"
    assert found.dollars_a_quarter == usd(Decimal(30) * QUARTER * Decimal("0.8") * Decimal("0.6"))
    assert found.margin_points == Decimal("7.20")  # 14.40 of 200 dollars
    assert (found.owner, found.id) == ("ann", "cheaper_model:chat/classification/maker/big-large")


def test_short_generation_moves_half_as_long_outputs_none():
    found = kinds(slice_of(output=10, output_p95=200))["cheaper_model"]
    assert found.dollars_a_quarter == usd(Decimal(30) * QUARTER * Decimal("0.5") * Decimal("0.6"))
    assert "cheaper_model" not in kinds(slice_of(output=10, output_p95=201))


def test_a_model_without_a_price_or_of_another_provider_is_no_alternative():
    assert "cheaper_model" not in kinds(slice_of(call_type="classification", model="big-small"))
    assert "cheaper_model" not in kinds(slice_of(call_type="classification", provider="other"))


def test_repeats_are_found_where_requests_say_what_they_ask():
    one = slice_of(hashed=1_000, repeats=400, repeats_cost=usd(12))
    found = kinds(one)["cache"]
    assert found.dollars_a_quarter == usd(Decimal(12) * QUARTER * Decimal("0.8"))
    assert found.confidence == "high"
    assert unseen(evidence(one)) == []
    assert "not known for chat" in unseen(evidence(slice_of()))[0]
    assert "cache" not in kinds(slice_of(hashed=1_000, repeats=49, repeats_cost=usd(1)))


def test_a_prompt_that_grew_is_worth_what_it_grew_by():
    one = slice_of(input_=1_000, output=0, usage={"input": 1_000_000}, before_calls=1_000, before_input_tokens=800_000)
    assert kinds(one)["shorten_prompt"].dollars_a_quarter == usd(Decimal(30) * QUARTER * Decimal("0.2"))
    steady = slice_of(input_=1_000, before_calls=1_000, before_input_tokens=900_000)
    assert "shorten_prompt" not in kinds(steady)
    thin = slice_of(input_=1_000, before_calls=199, before_input_tokens=100_000)
    assert "shorten_prompt" not in kinds(thin)


def test_a_long_prompt_for_a_short_answer_is_worth_a_little():
    one = slice_of(input_=10_000, output=400, cost="120")
    found = kinds(one)["shorten_prompt"]
    assert found.dollars_a_quarter == usd(Decimal(120) * QUARTER * Decimal("0.125"))  # 15 % of 0.10 of 0.12 a call
    assert found.confidence == "low"
    assert "shorten_prompt" not in kinds(slice_of(input_=10_000, output=501, cost="125"))


def test_a_prefix_is_cached_only_where_reads_are_cheaper_and_few():
    one = slice_of(input_=2_000, output=0, usage={"input": 2_000_000}, cost="20")
    found = kinds(one)["prefix_cache"]
    kept, read, written = 1_340, 600, 60  # 30 % read, a tenth of that written
    ratio = Decimal(kept * 10 + read * 1) / 20_000 + Decimal(written * 125) / 200_000
    assert found.dollars_a_quarter == usd(Decimal(20) * QUARTER * (1 - ratio))
    assert "prefix_cache" not in kinds(slice_of(input_=1_023, output=0))
    assert "prefix_cache" not in kinds(slice_of(input_=2_000, cache_read_tokens=600_000))
    assert "prefix_cache" not in kinds(slice_of(input_=2_000, model="big-small"))


def test_batches_take_all_evaluation_and_half_of_what_nobody_waits_for():
    patient = {"patient": 400, "patient_cost": usd(12)}
    assert kinds(slice_of(**patient))["batch"].dollars_a_quarter == usd(Decimal(12) * QUARTER / 4)
    evaluation = kinds(slice_of(purpose="evaluation", **patient))["batch"]
    assert evaluation.dollars_a_quarter == usd(Decimal(12) * QUARTER / 2)
    assert evaluation.margin_points is None, "evaluation is no cost of goods sold"
    assert "batch" not in kinds(slice_of(model="big-medium", **patient)), "its batch price is not known"


def offers(*seats):
    return {
        (one.kind, one.subject): one
        for one in in_customers(evidence(slice_of(cost="2000"), seats=tuple(seats), days=91))
    }


def test_a_plan_with_heavy_users_gets_a_quota_and_a_price():
    light = [seat(f"c{n}", cost="10", calls=10) for n in range(8)]
    heavy = [seat(f"h{n}", cost="90", calls=90) for n in range(2)]
    found = offers(*light, *heavy)
    assert all(excess(one) == usd(55) for one in heavy)
    quota = found["quota", "pro"]
    assert quota.dollars_a_quarter == usd(55)  # half of two excesses of 55, of 80 calls of 90
    assert "10 calls" not in quota.title
    assert quota.title.startswith("set pro's quota at 3 calls a month")
    price = found["plan_price", "pro"]
    assert price.dollars_a_quarter == usd(55)  # the P90 customer needs $257: the excess is the bound
    assert "$257.14" in price.formula
    assert {subject for kind, subject in found if kind == "move_up"} == {"h0", "h1"}


def test_a_small_plan_free_customers_and_light_use_get_nothing():
    assert offers(*(seat(f"c{n}", cost="70") for n in range(9))) == {}
    assert offers(*(seat(f"c{n}", cost="90", revenue="0") for n in range(20))) == {}
    assert offers(*(seat(f"c{n}", cost="35") for n in range(20))) == {}


def test_a_customer_moves_to_the_next_plan_that_has_its_feature():
    team = [seat(f"t{n}", cost="20", revenue="130", plan="team") for n in range(3)]
    found = offers(seat("heavy", cost="90"), *team)
    move = found["move_up", "heavy"]
    assert move.title == "move heavy from pro to team"
    assert move.dollars_a_quarter == usd(15), "half of the 30 that team pays more, below the excess of 55"
    alone = offers(seat("heavy", cost="90"))["move_up", "heavy"]
    assert alone.dollars_a_quarter == usd("27.5")
    assert "by usage" in alone.title


@pytest.mark.parametrize("cost", ["80", "80.000000000001"])
def test_the_limit_of_cost_to_revenue_itself_is_no_move(cost: str):
    assert (("move_up", "edge") in offers(seat("edge", cost=cost))) == (cost != "80")


def test_claims_are_what_is_saved_and_never_more_than_the_slice():
    one = slice_of(cost="10")
    found = find(evidence(one, seats=tuple(seat(f"c{n}", cost="90") for n in range(12))), resolve, owners={}, now=NOW)
    for item in found.values():
        assert item.dollars_a_quarter == sum(claim.saves for claim in item.claims)
        assert all(claim.saves <= claim.spend for claim in item.claims)
    assert list(in_calls(evidence(one), resolve)) == []
