"""What is learned of prefixes: where marking pays, what it costs when nothing comes again, and that memory stays bounded."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.guardrails.prefix import (
    MARKS_MAX,
    Mark,
    Odds,
    Part,
    Prefixes,
    Seen,
    Served,
    Step,
    kept_from,
    marks,
    odds_of,
)
from floorline.guardrails.prompt import read_there
from floorline.pricing.version import PriceVersion, UnitPrice

SECOND, MINUTE = 1_000, 60_000
ODDS = Odds(need_5m=278, need_1h=1_112, tokens_min=1_024)
HERE = ("anthropic", "claude")


def prices(**units: str) -> PriceVersion:
    return PriceVersion(
        id="", provider="anthropic", model="claude", source="user", list_source="user",
        prices=tuple(
            UnitPrice(unit=unit, per=1_000_000, list=Decimal(price), contracted=Decimal(price)) for unit, price in units.items()
        ),
    )  # fmt: skip


def chat(known: Prefixes, conversation: str, turns: int, now_ms: int, *, tokens: int = 3_000) -> Seen:
    """The prompt of a conversation after so many turns, each of which brings as many tokens."""
    parts = [Part("system", hash("system"), 2_000)]
    parts += [Part("message", hash((conversation, turn)), 2_000 + tokens * (turn + 1)) for turn in range(turns)]
    return known.see("chat", parts, now_ms)


def taught(*, again: int, of: int, gap_ms: int = MINUTE) -> Prefixes:
    """What is known after `of` conversations, `again` of which had a second turn."""
    known = Prefixes()
    begun = [(number * 10 * SECOND, number, 1) for number in range(of)]
    gone_on = [(at_ms + gap_ms, number, 2) for at_ms, number, _ in begun[:again]]
    for at_ms, number, turns in sorted(begun + gone_on):
        chat(known, f"c{number}", turns, at_ms)
    known.see("chat", [], of * 10 * SECOND + 120 * MINUTE)
    return known


def test_the_need_is_what_writing_costs_more_over_what_reading_saves() -> None:
    version = prices(input="3", cache_read="0.3", cache_write_5m="3.75", cache_write_1h="6")
    assert odds_of(version, 1_024) == Odds(need_5m=278, need_1h=1_112, tokens_min=1_024)
    assert odds_of(prices(input="3", cache_read="0.3", cache_write_5m="3.75"), 1_024) == Odds(278, None, 1_024)


def test_a_model_without_prices_of_a_cache_that_is_written_is_never_marked() -> None:
    assert odds_of(prices(input="3", cache_read="0.3"), 1_024) is None
    assert odds_of(prices(input="3", cache_read="3", cache_write_5m="3.75"), 1_024) is None


def test_models_keep_prefixes_from_different_lengths_on() -> None:
    assert [kept_from(name) for name in ("claude-opus-4-5", "claude-sonnet-4-5-20250929", "claude-3-5-haiku", "anthropic.claude-haiku-4-5-v1:0")] == [4096, 1024, 2048, 4096]  # fmt: skip


def test_nothing_is_written_before_there_is_evidence() -> None:
    assert marks(chat(Prefixes(), "new", 1, 0), ODDS, *HERE) == ()


def test_a_system_prompt_that_comes_all_the_time_is_marked_and_a_question_that_never_does_is_not() -> None:
    known = Prefixes()
    for number in range(100):
        seen = chat(known, f"c{number}", 1, number * 10 * SECOND)
    assert [mark.place for mark in marks(seen, ODDS, *HERE)] == [0]


def test_conversations_that_go_on_are_marked_to_their_end() -> None:
    placed = marks(chat(taught(again=90, of=100), "new", 1, 10**9), ODDS, *HERE)
    assert placed[-1] == Mark(1, "5m")


def test_conversations_that_hardly_ever_go_on_are_marked_no_further_than_what_they_share() -> None:
    placed = marks(chat(taught(again=5, of=100), "new", 1, 10**9), ODDS, *HERE)
    assert [mark.place for mark in placed] == [0]


def test_an_hour_pays_where_turns_are_far_apart_and_many() -> None:
    known = Prefixes()
    for turn in range(40):
        for number in range(20):
            chat(known, f"c{number}", turn + 1, turn * 20 * MINUTE + number * SECOND)
    placed = marks(chat(known, "c0", 41, 40 * 20 * MINUTE), ODDS, *HERE)
    assert {mark.lifetime for mark in placed} == {"1h"}


def test_what_is_kept_is_marked_again_because_reading_it_costs_less() -> None:
    known = taught(again=5, of=100)
    first = chat(known, "warm", 1, 10**9)
    known.served(first, [Mark(0, "5m"), Mark(1, "5m")], *HERE)
    second = chat(known, "warm", 2, 10**9 + MINUTE)
    assert [mark.place for mark in marks(second, ODDS, *HERE)] == [0, 1]
    assert [mark.place for mark in marks(second, ODDS, "elsewhere", "claude")] == [0], (
        "another provider has nothing of it"
    )


def test_a_conversation_is_pinned_to_where_it_was_served_while_that_is_warm() -> None:
    known = Prefixes()
    known.served(chat(known, "c", 1, 0), [], *HERE)
    assert chat(known, "c", 2, 4 * MINUTE).pin == (*HERE, None)
    assert chat(known, "c", 3, 20 * MINUTE).pin is None


def test_a_shared_system_prompt_pins_nothing() -> None:
    known = Prefixes()
    known.served(chat(known, "one", 1, 0), [], *HERE)
    assert chat(known, "another", 1, SECOND).pin is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4), st.integers(0, 400)), max_size=60))
def test_memory_is_bounded_whatever_comes(calls: list[tuple[int, int, int]]) -> None:
    known = Prefixes(prefixes_max=8)
    now = 0
    for conversation, turns, gap_s in calls:
        now += gap_s * SECOND
        chat(known, str(conversation), turns, now)
        assert len(known) <= 8


steps = st.lists(
    st.tuples(st.integers(1, 50_000), st.integers(0, 3_000), st.integers(0, 5_000), st.booleans()), max_size=MARKS_MAX
)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_marks_are_few_in_order_hours_first_and_never_below_what_is_kept(
    made: list[tuple[int, int, int, bool]],
) -> None:
    tokens = 0
    found: list[Step] = []
    for place, (size, reads_5m, reads_1h, warm) in enumerate(made):
        tokens += size
        found.append(Step(place, tokens, reads_5m, reads_1h, Served(*HERE, "5m") if warm else None))
    placed = marks(Seen(tuple(range(len(found))), tuple(found), None), ODDS, *HERE)
    assert [mark.place for mark in placed] == list(range(len(placed)))
    assert [mark.lifetime for mark in placed] == sorted((mark.lifetime for mark in placed), key=["1h", "5m"].index)
    assert not placed or found[placed[-1].place].tokens >= ODDS.tokens_min
    assert len(placed) <= MARKS_MAX


def test_elsewhere_a_prompt_would_have_read_what_is_still_kept_of_it_there() -> None:
    marked, of_itself = prices(input="3", cache_read="0.3", cache_write_5m="3.75"), prices(input="3", cache_read="0.3")
    step = Step(0, 2_000, 0, 0, Served(*HERE, "5m"))
    used = {"input": 1_500, "cache_write_5m": 1_000, "cache_read": 500, "output": 7}

    def there(step: Step, version: PriceVersion = marked, model: str = HERE[1]) -> dict[str, int]:
        return read_there(used, Seen((1,), (step,), None), HERE[0], model, version)

    assert there(step) == {"input": 1_000, "cache_write_5m": 0, "cache_read": 2_000, "output": 7}
    assert there(step, model="another") == used
    assert there(step._replace(tokens=1_000)) == used, "less than is kept at all"
    assert there(step._replace(kept=Served(*HERE)), of_itself)["cache_read"] == 2_000
    assert there(step._replace(kept=Served(*HERE))) == used, "nobody marked it"
    assert there(step, prices(input="3")) == used
    assert there(step._replace(tokens=9_000))["cache_read"] == 3_000, "no more than there is"
