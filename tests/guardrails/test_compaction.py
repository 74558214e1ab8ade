"""Where a conversation may be cut: the last turns stay, and no tool is parted from its answer."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.guardrails.compaction import HEADING, CompactionRule, Cut, Said, cut, cuttable, request

RULE = CompactionRule(model="cheap", above_tokens=1_000, keep_turns=2, summary_tokens_max=100)


def user(tokens: int = 100) -> Said:
    return Said(begins_turn=True, tokens=tokens)


def assistant(*asks: str, tokens: int = 100) -> Said:
    return Said(begins_turn=False, tokens=tokens, asks=frozenset(asks))


def tool(*answers: str, tokens: int = 100) -> Said:
    return Said(begins_turn=False, tokens=tokens, answers=frozenset(answers))


LONG = [user(), assistant("t"), tool("t"), assistant(), user(), assistant(), user(), assistant(), user(500)]


def test_a_conversation_below_the_limit_is_left_alone() -> None:
    assert cut(LONG[:6], 0, RULE) == Cut()


def test_a_longer_one_is_cut_before_its_last_turns() -> None:
    assert cut(LONG, 0, RULE) == Cut(known=0, wanted=6)


def test_a_summary_stands_until_what_follows_it_is_too_long_again() -> None:
    assert cut(LONG, 4, RULE) == Cut(known=4, wanted=0)
    assert cut([*LONG, assistant(tokens=900), user()], 4, RULE) == Cut(known=4, wanted=8)


def test_little_is_not_summarised() -> None:
    assert cut([user(50), assistant(tokens=50), user(2_000), user()], 0, RULE) == Cut()


def test_a_turn_whose_tool_answers_late_is_not_cut_in_between() -> None:
    late = [user(), assistant(), user(), assistant("t"), user(), tool("t"), user()]
    assert [cuttable(late, keep_turns) for keep_turns in (1, 2, 3)] == [6, 2, 2]


def test_one_long_turn_cannot_be_cut() -> None:
    assert cuttable([user(), *[assistant("a"), tool("a")] * 50], 1) == 0


def test_a_summary_is_asked_for_with_the_one_before_it() -> None:
    asked = json.loads(request([b'{"role":"user"}', b'{"role":"assistant"}'], "They met.", RULE))
    assert asked["max_completion_tokens"] == 100
    told = asked["messages"][1]["content"]
    assert told.startswith(HEADING + "They met.")
    assert told.endswith('{"role":"user"}\n{"role":"assistant"}')


calls = st.frozensets(st.sampled_from("abcd"), max_size=2)
messages = st.builds(
    lambda begins, tokens, asks, answers: Said(begins, tokens, asks, frozenset() if begins else answers),
    st.booleans(), st.integers(1, 900), calls, calls,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(messages, max_size=25), st.integers(1, 4))
def test_no_call_of_a_tool_is_ever_parted_from_its_answer(said: list[Said], keep_turns: int) -> None:
    through = cuttable(said, keep_turns)
    asked: dict[str, int] = {}
    for place, message in enumerate(said):
        for call in message.answers:
            if call in asked:
                assert (asked[call] < through) == (place < through)
        asked.update(dict.fromkeys(message.asks, place))
    if through:
        assert said[through].begins_turn
        assert sum(message.begins_turn for message in said[through:]) >= keep_turns
