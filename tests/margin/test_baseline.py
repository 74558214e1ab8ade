"""Baselines from traffic: what starts one, what does not, what is declared, what a change did, and what a comparison crosses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from floorline.margin.baseline import (
    CALLS_MIN,
    MIXED,
    Declaration,
    Entry,
    Place,
    Use,
    Values,
    declaration_of,
    detect,
    values_of,
)
from floorline.margin.changelog import (
    CostDay,
    Stretch,
    changelog,
    crossings,
    describe,
    effect,
    entry_document,
    in_force,
    stretches,
)

FIRST = date(2026, 3, 1)
AT = datetime(2026, 4, 1, tzinfo=UTC)
ANSWER = Place(feature="assistant", workflow="chat", step="answer", call_type="generation")
CLASSIFY = Place(feature="assistant", workflow="chat", step="classify", call_type="classification")
LARGE = Values(model="large", prompt="p1", route="r1")
SMALL = Values(model="small", prompt="p1", route="r1")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def split(number: int, place: Place, *shares: tuple[Values, int]) -> list[Use]:
    return [Use(day(number), place, values, calls) for values, calls in shares if calls]


def ramp(*small: int, calls: int = 1_000, place: Place = ANSWER) -> list[Use]:
    """Each day's percent of `calls` that the small model serves; the large one serves the rest."""
    return [
        use
        for number, percent in enumerate(small)
        for use in split(number, place, (SMALL, calls * percent // 100), (LARGE, calls - calls * percent // 100))
    ]


def starts(entries: list[Entry]) -> list[tuple[int, str]]:
    return [((entry.start - FIRST).days, entry.values.model) for entry in entries]


def test_a_rollout_starts_one_baseline_on_the_day_on_which_it_has_the_majority() -> None:
    found = detect(ramp(0, 0, 10, 30, 50, 70, 100, 100), {}, at=AT)
    assert starts(found) == [(0, "large"), (5, "small")]
    assert found[0].before is None
    assert (found[1].before, found[1].changed) == (LARGE, ("model",))


def test_a_model_that_classifies_and_one_that_answers_do_not_take_turns() -> None:
    uses = [
        use
        for number in range(10)
        for use in (
            *split(number, CLASSIFY, (SMALL, 900 if number % 2 else 100)),
            *split(number, ANSWER, (LARGE, 300)),
        )
    ]
    assert starts(detect(uses, {}, at=AT)) == [(0, "large"), (0, "small")]


def test_a_thin_day_starts_nothing() -> None:
    assert detect(ramp(0, 100, calls=CALLS_MIN - 1), {}, at=AT) == []
    uses = [*ramp(0), *split(1, ANSWER, (SMALL, CALLS_MIN - 1)), *split(2, ANSWER, (SMALL, CALLS_MIN))]
    assert starts(detect(uses, {}, at=AT)) == [(0, "large"), (2, "small")]


def test_of_few_calls_a_small_majority_may_be_chance() -> None:
    assert starts(detect([*ramp(0), *split(1, ANSWER, (SMALL, 14), (LARGE, 6))], {}, at=AT)) == [(0, "large")]
    assert starts(detect([*ramp(0), *split(1, ANSWER, (SMALL, 18), (LARGE, 2))], {}, at=AT))[-1] == (1, "small")


@settings(max_examples=60, deadline=None)
@given(shares=st.lists(st.integers(0, 59), max_size=40), calls=st.integers(CALLS_MIN, 5_000))
def test_no_split_below_the_majority_starts_a_baseline(shares: list[int], calls: int) -> None:
    """Whatever the canary's share does from day to day, as long as it has not the majority and the one before is still there."""
    assert starts(detect(ramp(0, *shares, calls=calls), {}, at=AT)) == [(0, "large")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
def test_each_change_of_model_needs_a_day_of_the_majority_on_the_other_side(shares: list[int]) -> None:
    """From the large model to the small one and back takes a day of 60 % and later one of 40 % or less: no flapping between."""
    found = detect(ramp(*shares), {}, at=AT)
    for entry in found:
        share = shares[(entry.start - FIRST).days]
        assert {"small": share >= 60, "large": share <= 40, MIXED: 40 < share < 60}[entry.values.model]
    models = [entry.values.model for entry in found]
    assert all(one != other for one, other in pairwise(models))
    assert MIXED not in models[1:]


uses_of_any_kind = st.lists(
    st.builds(
        Use,
        st.integers(0, 6).map(day),
        st.sampled_from([ANSWER, CLASSIFY]),
        st.builds(
            Values,
            model=st.sampled_from(["large", "small", "third"]),
            prompt=st.sampled_from(["", "p1", "p2", MIXED]),
            route=st.sampled_from(["", "r1", "r2"]),
        ),
        st.integers(0, 60),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(uses=uses_of_any_kind, cut=st.integers(0, 7), random=st.randoms(use_true_random=False))
def test_detection_is_the_same_in_any_order_and_in_one_run_or_two(uses: list[Use], cut: int, random: Random) -> None:
    whole = detect(uses, {}, at=AT)
    mixed = list(uses)
    random.shuffle(mixed)
    assert detect(mixed, {}, at=AT) == whole
    early = detect([use for use in uses if use.day < day(cut)], {}, at=AT)
    later = detect([use for use in uses if use.day >= day(cut)], {e.place: e for e in early}, at=AT)
    assert {entry.id: entry for entry in (*early, *later)} == {entry.id: entry for entry in whole}


@settings(max_examples=80, deadline=None)
@given(uses_of_any_kind)
def test_every_day_of_a_place_is_of_one_baseline_and_each_follows_the_one_before(uses: list[Use]) -> None:
    log = changelog(detect(uses, {}, at=AT))
    for place in (ANSWER, CLASSIFY):
        chain = [entry for entry in log if entry.place == place]
        assert len({entry.start for entry in chain}) == len(chain)
        for one, other in pairwise(chain):
            assert other.before is not None
            assert other.changed
            assert one.values.model == other.before.model
    enough = {(use.day, use.place) for use in uses if _calls(uses, use) >= CALLS_MIN}
    for number in range(7):
        held = {entry.place for entry in in_force(log, day(number))}
        assert held == {place for on, place in enough if on <= day(number)}


def _calls(uses: list[Use], one: Use) -> int:
    return sum(use.calls for use in uses if (use.day, use.place) == (one.day, one.place))


def test_what_calls_do_not_say_decides_nothing_and_fills_in_later() -> None:
    silent = Values(model="large")
    uses = [
        *split(0, ANSWER, (silent, 500)),
        *split(1, ANSWER, (silent, 480), (LARGE, 20)),
        *split(2, ANSWER, (LARGE, 500)),
    ]
    found = detect(uses, {}, at=AT)
    assert [(entry.start, entry.values, entry.before) for entry in found] == [(FIRST, LARGE, None)]


def test_prompts_that_are_each_calls_own_are_mixed() -> None:
    own = [Values(model="large", prompt=f"p{n}", route="r1") for n in range(50)]
    uses = [*split(0, ANSWER, (LARGE, 100)), *split(1, ANSWER, *((values, 10) for values in own))]
    assert [entry.values.prompt for entry in detect(uses, {}, at=AT)] == ["p1", MIXED]


@pytest.mark.parametrize(
    ("stamp", "prompt", "route"),
    [("p1@r1", "p1", "r1"), ("a@b@r1", "a@b", "r1"), ("v7", "v7", ""), ("", "", ""), ("-@r1", "-", "r1")],
)
def test_a_stamp_is_a_prompt_and_a_route(stamp: str, prompt: str, route: str) -> None:
    assert values_of("m", stamp) == Values(model="m", prompt=prompt, route=route)


def declared(number: int, **said: str) -> Entry:
    return declaration_of("assistant", day(number), {"by": "ana", **said}).entry("api", AT)


def test_a_declaration_and_the_traffic_that_carries_it_out_are_one_change() -> None:
    seen = detect(ramp(0, 0, 0, 0, 70, 100), {}, at=AT)
    log = changelog([*seen, declared(3, model="small", name="v2", note="cheaper")])
    assert starts(log) == [(0, "large"), (3, "small")]
    one = log[1]
    assert (one.place, one.before, one.changed, one.declared) == (ANSWER, LARGE, ("model",), True)
    assert describe(one) == "2026-03-04 chat/answer/generation: model large → small (declared by ana: v2)"
    assert describe(seen[1]) == "2026-03-05 chat/answer/generation: model large → small (seen in traffic)"


def test_a_declaration_that_no_traffic_carries_out_stands_by_itself() -> None:
    seen = detect(ramp(0, 0, 0, 0, 70, 100), {}, at=AT)
    for other in (
        declared(4, model="third"),
        declared(0, model="small"),
        declared(4, model="small", step="classify"),
        declared(4, prompt="p9"),
    ):
        log = changelog([*seen, other])
        assert len(log) == 3
        assert other in log
    assert describe(declared(4, prompt="p9")) == "2026-03-05 every step: prompt p9 (declared by ana)"


def test_a_comparison_crosses_the_changes_inside_of_it_and_never_the_first_baseline() -> None:
    log = changelog([*detect(ramp(0, 0, 0, 0, 70, 100), {}, at=AT), declared(8, name="new tariff of words")])
    inside = [(start, end) for start in range(12) for end in range(start + 1, 13) if _crossed(log, start, end) > 0]
    assert inside == [
        (start, end) for start in range(12) for end in range(start + 1, 13) if start < 4 < end or start < 8 < end
    ]
    assert _crossed(log, 0, 12) == 2
    assert crossings(log, "another", day(0), day(12)) == []


def _crossed(log: list[Entry], start: int, end: int) -> int:
    return len(crossings(log, "assistant", day(start), day(end)))


def costs(place: Place, *days: tuple[int, int]) -> list[CostDay]:
    """Calls of each day, and what they cost in micro-dollars each."""
    return [CostDay(day(n), place, calls, 0, calls * micro * 10**6) for n, (calls, micro) in enumerate(days)]


def margin_of(feature: str, days: Stretch) -> Decimal:
    assert feature == "assistant"
    return Decimal("0.60") if days.start >= day(4) else Decimal("0.50")


def test_a_change_is_measured_by_the_days_around_it_without_those_of_other_changes() -> None:
    log = changelog(detect(ramp(0, 0, 0, 0, 70, 100, 100, 100), {}, at=AT))
    rows = [*costs(ANSWER, *[(100, 30)] * 4, *[(100, 12)] * 9), *costs(CLASSIFY, *[(9_999, 1)] * 13)]
    found = effect(log[1], log, rows, margin_of, day(20))
    assert found is not None
    assert (found.days_before, found.days_after, found.calls_before, found.calls_after) == (7, 7, 400, 700)
    assert (found.cost_per_call_before, found.cost_per_call_after) == (Decimal("0.00003"), Decimal("0.000012"))
    assert (found.cost_growth, found.usd_a_month) == (Decimal("-0.6"), Decimal("-0.054"))
    assert (found.margin_before, found.margin_after, found.settled) == (Decimal("0.50"), Decimal("0.60"), True)
    document = entry_document(replace(log[1], effect=found))
    assert document["effect"] == {
        "days_before": 7,
        "days_after": 7,
        "calls_before": 400,
        "calls_after": 700,
        "cost_per_call_before": "0.000030000000",
        "cost_per_call_after": "0.000012000000",
        "cost_per_call_growth": "-0.600000000000",
        "usd_a_month": "-0.054000000000",
        "margin_before": "0.500000000000",
        "margin_after": "0.600000000000",
        "settled": True,
    }


def test_a_change_is_measured_as_soon_as_three_days_after_it_are_over() -> None:
    log = changelog(detect(ramp(0, 0, 0, 0, 70, 100, 100, 100), {}, at=AT))
    rows = costs(ANSWER, *[(100, 30)] * 4, *[(100, 12)] * 9)
    assert effect(log[1], log, rows, margin_of, day(6)) is None
    found = effect(log[1], log, rows, margin_of, day(7))
    assert found is not None
    assert (found.days_after, found.settled) == (3, False)
    thin = effect(log[1], log, costs(ANSWER, *[(3, 30)] * 9), margin_of, day(20))
    assert thin is not None
    assert (thin.cost_per_call_before, thin.usd_a_month) == (None, None)


def test_two_changes_close_together_are_not_measured_across_each_other() -> None:
    third = replace(SMALL, prompt="p2")
    uses = [*ramp(0, 0, 0, 0, 0, 100, 100, 100, 100), *(Use(day(n), ANSWER, third, 1_000) for n in range(9, 20))]
    log = changelog(detect(uses, {}, at=AT))
    assert stretches(log[1], log, day(30)) == (Stretch(day(-2), day(5)), Stretch(day(5), day(9)))
    assert stretches(log[2], log, day(30)) == (Stretch(day(5), day(9)), Stretch(day(9), day(16)))


def test_an_open_place_covers_what_it_leaves_out() -> None:
    feature = Declaration(place=Place(feature="assistant", open=True), start=FIRST, values=Values()).place
    assert feature.covers(ANSWER)
    assert replace(feature, step="answer").covers(ANSWER)
    assert not replace(feature, step="answer").covers(CLASSIFY)
    assert not replace(feature, feature="other").covers(ANSWER)
    assert not Place(feature="assistant", call_type="generation").covers(ANSWER)
