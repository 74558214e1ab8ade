"""A captured request's words, whichever dialect it came in."""

import json

import pytest

from floorline.gateway.capturing import skeleton
from floorline.gateway.wire.said import said
from floorline.prompts.said import Said, Turn

TURNS = (
    Turn(role="user", text="What is my balance?"),
    Turn(role="assistant", text="Forty-two."),
    Turn(role="user", text="Sure?"),
)
TALK = [{"role": turn.role, "content": turn.text} for turn in TURNS]
GEMINI = [{"role": turn.role, "parts": [{"text": turn.text}]} for turn in TURNS]


@pytest.mark.parametrize(
    "request_",
    [
        {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, *TALK]},
        {"model": "m", "messages": [{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, *TALK]},
        {
            "model": "m",
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": TALK,
        },
        {"model": "m", "instructions": "Be brief.", "input": TALK},
        {"system_instruction": {"parts": [{"text": "Be brief."}]}, "contents": GEMINI},
        {
            "system": [{"text": "Be brief."}],
            "messages": [{"role": t.role, "content": [{"text": t.text}]} for t in TURNS],
        },
    ],
)
def test_instructions_and_turns_are_the_same_in_every_dialect(request_: dict[str, object]) -> None:
    assert said(json.dumps(request_).encode()) == Said(instructions="Be brief.", turns=TURNS)


def test_tools_count_and_what_is_no_text_is_told() -> None:
    asked = {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:…"}}],
            },
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
            },
        ],
        "tools": [{"type": "function", "function": {"name": "find"}}],
    }
    found = said(json.dumps(asked).encode())
    assert isinstance(found, Said)
    assert found.other
    assert found.tools == '[{"function":{"name":"find"},"type":"function"}]'
    assert [turn.text for turn in found.turns] == ["look", "find\n{}"]
    assert found.size == len(found.tools) + len("look") + len("find\n{}")


def test_what_keeps_only_its_shape_or_is_no_json_says_so() -> None:
    asked = json.dumps({"model": "m", "messages": [{"role": "system", "content": "Be brief."}, *TALK]}).encode()
    assert said(skeleton(asked)) == "shape"
    assert said(asked[:-20]) == "no_json"
    assert said(b"[]") == "no_json"
    assert said(b'{"messages": {"role": 7}}') == Said(instructions="")
