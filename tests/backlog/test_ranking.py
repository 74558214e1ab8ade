"""Each dollar is counted once, in rank order."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.backlog.finding import find
from floorline.backlog.ranking import ranking
from floorline.money import usd
from tests.backlog.figures import NOW, claim, evidence, opportunity, resolve, seat, slice_of

PLANS = st.sampled_from(["", "", "pro", "team"])
KINDS = st.sampled_from(["cache", "batch", "quota", "plan_price", "move_up"])


def test_the_second_saves_its_share_of_what_the_first_leaves():
    first = opportunity("a", "60", claims=(claim("60"),))
    second = opportunity("b", "50", claims=(claim("50"),))
    found = ranking([second, first])
    assert [(one.item.id, one.adds) for one in found.items] == [("a", usd(60)), ("b", usd(20))]
    assert [one.shares_with for one in found.items] == [(), ("a",)]
    assert found.dollars_a_quarter == usd(80)


def test_a_plans_quota_price_and_moves_are_one_excess():
    items = [
        opportunity("plan_price:pro", "40", kind="plan_price", plan="pro", claims=(claim("40"),)),
        opportunity("quota:pro", "30", kind="quota", plan="pro", claims=(claim("30"),)),
        opportunity("move_up:a", "25", kind="move_up", plan="pro", claims=(claim("25"),)),
        opportunity("move_up:b", "20", kind="move_up", plan="pro", claims=(claim("20"),)),
        opportunity("quota:team", "10", kind="quota", plan="team", claims=(claim("10"),)),
    ]
    found = ranking(items)
    assert [one.adds for one in found.items] == [usd(40), usd(0), usd(0), usd(5), usd("5.5")]


def test_items_by_hand_are_summed_apart_and_closed_ones_not_at_all():
    items = [
        opportunity("by_hand:x", "1000", kind="by_hand"),
        opportunity("a", "60", claims=(claim("60"),)),
        opportunity("b", "90", state="shipped", claims=(claim("90"),)),
        opportunity("c", "95", state="rejected", claims=(claim("95"),)),
    ]
    found = ranking(items)
    assert (found.dollars_a_quarter, found.stated) == (usd(60), usd(1000))
    assert [one.adds for one in found.items] == [None, usd(60)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            KINDS,
            PLANS,
            st.lists(
                st.tuples(st.sampled_from("xyz"), st.integers(0, 10**15)),
                min_size=1,
                max_size=3,
                unique_by=lambda c: c[0],
            ),
        ),
        max_size=8,
    )
)
def test_the_sum_never_exceeds_the_spend_and_no_item_adds_more_than_it_saves(drawn):
    spend = {"x": Decimal("700.000000000001"), "y": Decimal(1000), "z": Decimal("0.000000000003")}
    items = []
    for number, (kind, plan, parts) in enumerate(drawn):
        claims = tuple(
            claim(str(min(spend[slice_], usd(Decimal(pico).scaleb(-12)))), spend=str(spend[slice_]), feature=slice_)
            for slice_, pico in parts
        )
        dollars = str(sum((one.saves for one in claims), Decimal(0)))
        items.append(opportunity(f"{number}", dollars, kind=kind, plan=plan, claims=claims))
    found = ranking(items)
    assert found.dollars_a_quarter == sum((one.adds for one in found.items), Decimal(0))
    assert 0 <= found.dollars_a_quarter <= sum(spend.values())
    for one in found.items:
        assert 0 <= one.adds <= one.item.dollars_a_quarter + Decimal("1e-9")


SLICES = st.lists(
    st.builds(
        slice_of,
        calls=st.integers(150, 3_000),
        input_=st.integers(0, 20_000),
        output=st.integers(0, 2_000),
        cost=st.decimals(0, 10**5, places=12).map(str),
        call_type=st.sampled_from(["generation", "classification", "judging"]),
        model=st.sampled_from(["big-large", "big-medium", "big-small"]),
        purpose=st.sampled_from(["production", "evaluation"]),
        repeats=st.integers(0, 150),
        repeats_cost=st.decimals(0, 10**5, places=2).map(usd),
        patient=st.integers(0, 150),
        patient_cost=st.decimals(0, 10**5, places=2).map(usd),
        before_calls=st.integers(0, 3_000),
        before_input_tokens=st.integers(0, 10**7),
    ),
    max_size=5,
    unique_by=lambda one: one.key,
)
SEATS = st.lists(
    st.tuples(st.integers(0, 10**5), st.integers(0, 10**3), st.integers(1, 10**4), st.sampled_from(["pro", "team"])),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(SLICES, SEATS)
def test_what_is_found_is_never_worth_more_than_the_spend(slices, seats):
    paying = tuple(
        seat(f"c{n}", cost=str(cost), revenue=str(revenue), calls=calls, plan=plan)
        for n, (cost, revenue, calls, plan) in enumerate(seats)
    )
    of = evidence(*slices, seats=paying)
    spend = of.a_quarter(sum((one.cost for one in slices), Decimal(0)))
    found = find(of, resolve, owners={}, now=NOW)
    ranks = ranking(found.values())
    assert ranks.dollars_a_quarter <= spend + Decimal("1e-9"), "but for a rounding of the slices, each to 12 places"
    assert all(0 < item.dollars_a_quarter <= spend + Decimal("1e-9") for item in found.values())
