"""Conversations in every dialect, and the same with a summary in place of their beginning."""

import json

import pytest

from floorline.gateway.wire.history import compacted, read_history
from floorline.guardrails.compaction import HEADING

OPENAI = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "t1", "content": "rain"},
    {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
]  # fmt: skip
ANTHROPIC = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]},
    {"role": "user", "content": "and now?"},
]
GOOGLE = [
    {"role": "user", "parts": [{"text": "weather?"}]},
    {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {}}}]},
    {"role": "user", "parts": [{"text": "and now?"}]},
]
BEDROCK = [
    {"role": "user", "content": [{"text": "weather?"}]},
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "w", "input": {}}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": []}}]},
    {"role": "user", "content": [{"text": "and now?"}]},
]
DIALECTS = [
    ("chat.completions", "messages", OPENAI, 1, "t1"),
    ("messages", "messages", ANTHROPIC, 0, "t1"),
    ("generateContent", "contents", GOOGLE, 0, "w"),
    ("converse", "messages", BEDROCK, 0, "t1"),
]
dialects = pytest.mark.parametrize(
    ("endpoint", "name", "said", "first", "call"), DIALECTS, ids=[one[0] for one in DIALECTS]
)


@dialects
def test_turns_tools_and_instructions_are_told_apart(
    endpoint: str, name: str, said: list[object], first: int, call: str
) -> None:
    history = read_history(endpoint, json.dumps({name: said}).encode())
    assert history is not None
    assert history.first == first
    assert [message.begins_turn for message in history.said] == [True, False, False, True]
    assert history.said[1].asks == history.said[2].answers == {call}


@dialects
def test_a_summary_stands_for_the_beginning_and_the_rest_is_as_it_came(
    endpoint: str, name: str, said: list[object], first: int, call: str
) -> None:
    del call
    body = json.dumps({"before": 1.50, name: said, "after": [2.0]}).encode()
    history = read_history(endpoint, body)
    assert history is not None
    edited = compacted(endpoint, body, history, 3, "It rained.")
    assert edited.startswith(b'{"before": 1.5, ')
    assert edited.endswith(b', "after": [2.0]}')
    told = json.loads(edited)[name]
    assert told[:first] == said[:first]
    if endpoint == "converse":
        assert told[first:] == [{"role": "user", "content": [{"text": HEADING + "It rained."}, {"text": "and now?"}]}]
    else:
        assert told[-1] == said[-1]
        assert HEADING + "It rained." in json.dumps(told[first], ensure_ascii=False).replace("\\n", "\n")
        assert len(told) == first + 2


def test_what_has_no_conversation_has_no_history() -> None:
    assert read_history("embeddings", b'{"input":"x"}') is None
    assert read_history("messages", b'{"messages":[{"role":7}]}') is None
