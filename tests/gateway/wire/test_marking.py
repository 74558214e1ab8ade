"""Marks of a prefix: put where a provider looks for them, and nothing else of the request changes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.wire.marking import Spot, is_marked, marked
from floorline.gateway.wire.members import members
from floorline.gateway.wire.prompt import read_prompt

MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def test_a_text_that_stands_alone_becomes_the_one_block_that_it_is() -> None:
    body = b'{"system": "be \\u00e9 brief",\n"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}'
    assert marked("messages", body, [Spot("system", -1, "1h"), Spot("message", 0, "5m")]) == (
        b'{"system": [{"type":"text","text":"be \\u00e9 brief","cache_control":{"type":"ephemeral","ttl":"1h"}}],\n'
        b'"messages": [{"role": "user", "content": [{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}], "max_tokens": 5}'
    )  # fmt: skip


def test_the_last_of_several_blocks_and_tools_is_marked() -> None:
    body = b'{"tools":[{"name":"a"}, {"name":"b"}],"system":[{"type":"text","text":"x"}],"messages":[]}'
    assert marked("messages", body, [Spot("tools", -1, "5m"), Spot("system", -1, "5m")]) == (
        b'{"tools":[{"name":"a"}, {"name":"b","cache_control":{"type":"ephemeral"}}],'
        b'"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}],"messages":[]}'
    )


@pytest.mark.parametrize(
    "content",
    [b'""', b"[]", b'[{"type":"thinking","thinking":"hm"}]', b'[{"type":"text","text":" "}]', b"7", b'["x"]'],
)
def test_what_cannot_be_marked_stays_as_it_came(content: bytes) -> None:
    body = b'{"messages":[{"role":"assistant","content":' + content + b"}]}"
    assert (
        marked("messages", body, [Spot("message", 0, "5m"), Spot("message", 4, "5m"), Spot("tools", -1, "5m")]) == body
    )


def test_bedrocks_points_are_elements_of_their_own() -> None:
    body = b'{"toolConfig":{"tools":[{"toolSpec":{}}]},"system":[{"text":"x"}],"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
    spots = [Spot("tools", -1, "1h"), Spot("system", -1, "5m"), Spot("message", 0, "5m")]
    assert json.loads(marked("converse", body, spots)) == {
        "toolConfig": {"tools": [{"toolSpec": {}}, {"cachePoint": {"type": "default", "ttl": "1h"}}]},
        "system": [{"text": "x"}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]}],
    }


def test_other_models_that_bedrock_invokes_are_not_marked() -> None:
    body = b'{"messages":[{"role":"user","content":"hi"}]}'
    assert marked("invoke", body, [Spot("message", 0, "5m")]) == body
    assert marked("chat.completions", body, [Spot("message", 0, "5m")]) == body


def test_an_application_that_marks_by_itself_is_seen() -> None:
    assert is_marked(b'{"system":[{"cache_control":{"type":"ephemeral"}}]}')
    assert not is_marked(b'{"system":"cache_control"}')


blocks = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=6)), min_size=1, max_size=3
)
contents = st.text(max_size=6) | blocks
messages = st.lists(
    st.builds(lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "assistant"]), contents),
    min_size=1, max_size=5,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(messages, st.integers(0, 6), st.sampled_from([None, 1]))
def test_a_marked_request_says_the_same(said: list[dict[str, object]], number: int, indent: int | None) -> None:
    raw = json.dumps(
        {"model": "m", "max_tokens": 9, "messages": said, "metadata": {"a": [1.50]}}, indent=indent
    ).encode()
    edited = marked("messages", raw, [Spot("message", number, "5m")])
    before, after = members(raw), members(edited)
    assert [bytes(after[name]) for name in after if name != "messages"] == [
        bytes(before[name]) for name in before if name != "messages"
    ]
    assert _plain(json.loads(edited)["messages"]) == _plain(said)


def _plain(said: list[dict[str, object]]) -> list[object]:
    """The messages without marks, every text as a block."""
    found: list[object] = []
    for message in said:
        content = message["content"]
        listed = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert isinstance(listed, list)
        found.append([{name: value for name, value in block.items() if name != "cache_control"} for block in listed])
    return found


def test_a_prompt_is_read_part_by_part_and_what_goes_on_from_it_shares_its_hashes() -> None:
    first = json.dumps({"tools": [{}], "system": "s", "messages": [{"role": "user", "content": "q"}]}).encode()
    later = json.dumps(
        {
            "tools": [{}],
            "system": "s",
            "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        }
    ).encode()
    one, two = read_prompt("messages", first, "m"), read_prompt("messages", later, "m")
    assert [part.kind for part in one.parts] == ["tools", "system", "message"]
    assert two.parts[:3] == one.parts
    assert two.messages == (-1, -1, 0, 1)
    assert read_prompt("messages", first, "another").parts[0].key != one.parts[0].key


def test_openais_instructions_are_the_messages_before_the_user() -> None:
    said = [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, {"role": "user", "content": "q"}]
    prompt = read_prompt("chat.completions", json.dumps({"messages": said}).encode(), "m")
    assert [part.kind for part in prompt.parts] == ["system", "message"]
    assert prompt.messages == (-1, 2)
    assert read_prompt("embeddings", b"{}", "m").parts == ()
