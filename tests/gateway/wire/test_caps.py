"""Caps in every dialect: what a request asks for is lowered or set, never raised, and everything else stays byte for byte."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.wire.caps import capped_effort, capped_output, capped_thinking, thinking
from floorline.gateway.wire.members import members, with_at
from floorline.guardrails.output import EFFORTS, Thinking

OTHERS = b'"messages" : [ {"role":"user","content":"caf\\u00e9 1.50"} ],\n"temperature": 1.0'

OUTPUT = [
    # endpoint, what the request says, what it says under a cap of 500
    ("chat.completions", b'"max_tokens": 900', b'"max_tokens": 500'),
    ("chat.completions", b'"max_completion_tokens":900,"max_tokens":400', b'"max_completion_tokens":500,"max_tokens":400'),
    ("responses", b'"max_output_tokens":501', b'"max_output_tokens":500'),
    ("completions", b'"max_tokens":null', b'"max_tokens":500'),
    ("messages", b'"max_tokens":100000', b'"max_tokens":500'),
    ("generateContent", b'"generationConfig":{"topK":1, "maxOutputTokens": 800}', b'"generationConfig":{"topK":1, "maxOutputTokens": 500}'),
    ("streamGenerateContent", b'"generation_config":{"max_output_tokens":800}', b'"generation_config":{"max_output_tokens":500}'),
    ("converse", b'"inferenceConfig":{"maxTokens":800}', b'"inferenceConfig":{"maxTokens":500}'),
    ("invoke", b'"anthropic_version":"bedrock-2023-05-31","max_tokens":800', b'"anthropic_version":"bedrock-2023-05-31","max_tokens":500'),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "said", "capped"), OUTPUT)
def test_a_higher_cap_is_lowered_in_its_place(endpoint: str, said: bytes, capped: bytes) -> None:
    body = b"{" + said + b", " + OTHERS + b"}"
    assert capped_output(endpoint, body, 500) == b"{" + capped + b", " + OTHERS + b"}"
    assert capped_output(endpoint, capped_output(endpoint, body, 500), 500) == capped_output(endpoint, body, 500)


@pytest.mark.parametrize(
    ("endpoint", "added"),
    [
        ("chat.completions", b',"max_completion_tokens":500'),
        ("responses", b',"max_output_tokens":500'),
        ("completions", b',"max_tokens":500'),
        ("messages", b',"max_tokens":500'),
        ("generateContent", b',"generationConfig":{"maxOutputTokens":500}'),
        ("converse-stream", b',"inferenceConfig":{"maxTokens":500}'),
    ],
)
def test_a_request_without_a_cap_gets_one_at_its_end(endpoint: str, added: bytes) -> None:
    body = b"{" + OTHERS + b"}"
    assert capped_output(endpoint, body, 500) == b"{" + OTHERS + added + b"}"


def test_providers_that_know_the_older_name_alone_get_that() -> None:
    assert capped_output("chat.completions", b'{"a":1}', 500, older_name=True) == b'{"a":1,"max_tokens":500}'


def test_a_body_that_names_a_cap_twice_goes_out_with_one() -> None:
    body = b'{"inferenceConfig":{"maxTokens":9000},"inferenceConfig":{"maxTokens":8000}}'
    assert capped_output("converse", body, 500) == b'{"inferenceConfig":{"maxTokens":500}}'


def test_what_bedrock_invokes_in_other_words_than_anthropics_is_left_alone() -> None:
    body = b'{"prompt":"hi","max_gen_len":4000}'
    assert capped_output("invoke", body, 500) == body


@pytest.mark.parametrize("said", [b'{"generationConfig":[]}', b'{"generationConfig":{"maxOutputTokens":"9"}}'])
def test_what_no_provider_takes_is_passed_on_or_capped_and_never_breaks_the_call(said: bytes) -> None:
    assert json.loads(capped_output("generateContent", said, 500)).keys() == {"generationConfig"}


def test_thinking_leaves_room_for_an_answer_below_the_cap() -> None:
    body = b'{"max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":16000}}'
    assert capped_output("messages", body, 4000) == (
        b'{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000}}'
    )
    assert capped_output("messages", body, 1500) == b'{"max_tokens":1500,"thinking":{"type":"disabled"}}'


@pytest.mark.parametrize(
    ("endpoint", "body", "capped"),
    [
        ("chat.completions", b'{"reasoning_effort":"high"}', b'{"reasoning_effort":"low"}'),
        ("chat.completions", b'{"reasoning_effort":"minimal"}', b'{"reasoning_effort":"minimal"}'),
        ("chat.completions", b'{"a":1}', b'{"a":1,"reasoning_effort":"low"}'),
        ("responses", b'{"reasoning": {"effort": "xhigh", "summary": "auto"}}', b'{"reasoning": {"effort": "low", "summary": "auto"}}'),
        ("messages", b'{"output_config":{"effort":"max"}}', b'{"output_config":{"effort":"low"}}'),
        ("messages", b'{"a":1}', b'{"a":1}'),
        ("generateContent", b'{"generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"}}}', b'{"generationConfig":{"thinkingConfig":{"thinkingLevel":"low"}}}'),
        ("converse", b'{"additionalModelRequestFields":{"output_config":{"effort":"high"}}}', b'{"additionalModelRequestFields":{"output_config":{"effort":"low"}}}'),
        ("responses", b'{"reasoning":{"effort":"of my own"}}', b'{"reasoning":{"effort":"of my own"}}'),
    ],
)  # fmt: skip
def test_an_effort_is_lowered_in_its_dialects_words(endpoint: str, body: bytes, capped: bytes) -> None:
    assert capped_effort(endpoint, body, "low") == capped


def test_no_effort_at_all_turns_anthropics_thinking_off() -> None:
    body = b'{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}'
    assert capped_effort("messages", body, "none") == (
        b'{"thinking":{"type":"disabled"},"output_config":{"effort":"low"}}'
    )


@pytest.mark.parametrize(
    ("endpoint", "body", "capped"),
    [
        ("messages", b'{"thinking":{"type":"enabled","budget_tokens":9000}}', b'{"thinking":{"type":"enabled","budget_tokens":2000}}'),
        ("generateContent", b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}}', b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":2000}}}'),
        ("generateContent", b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}', b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}'),
        ("generateContent", b'{"contents":[]}', b'{"contents":[],"generationConfig":{"thinkingConfig":{"thinkingBudget":2000}}}'),
        ("chat.completions", b'{"reasoning":{"max_tokens":8000}}', b'{"reasoning":{"max_tokens":2000}}'),
        ("chat.completions", b'{"a":1}', b'{"a":1}'),
    ],
)  # fmt: skip
def test_a_budget_of_thinking_is_lowered(endpoint: str, body: bytes, capped: bytes) -> None:
    assert capped_thinking(endpoint, body, 2000) == capped


def test_what_is_asked_of_thinking_is_read_in_every_dialect() -> None:
    assert thinking("messages", b'{"thinking":{"budget_tokens":5}}') == Thinking(tokens=5)
    assert thinking("chat.completions", b'{"reasoning_effort":"high"}') == Thinking(effort="high")
    assert thinking("embeddings", b'{"reasoning_effort":"high"}') == Thinking()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=5)
caps = st.none() | st.integers(0, 5_000)


@settings(max_examples=60, deadline=None)
@given(bodies, caps, st.integers(1, 3_000), st.sampled_from([None, 1]))
def test_no_cap_is_ever_raised_and_no_other_member_changes(
    body: dict[str, object], asked: int | None, most: int, indent: int | None
) -> None:
    body.pop("max_tokens", None)
    said = body if asked is None else {**body, "max_tokens": asked}
    raw = json.dumps(said, indent=indent).encode()
    edited = capped_output("messages", raw, most)
    before, after = members(raw), members(edited)
    assert json.loads(edited)["max_tokens"] == (most if asked is None else min(asked, most))
    for name in body:
        if name != "thinking":
            assert bytes(after[name]) == bytes(before[name])


@settings(max_examples=60, deadline=None)
@given(bodies, st.sampled_from(EFFORTS), st.sampled_from(EFFORTS))
def test_no_effort_is_ever_raised(body: dict[str, object], asked: str, most: str) -> None:
    raw = json.dumps({**body, "reasoning_effort": asked}).encode()
    told = json.loads(capped_effort("chat.completions", raw, most))["reasoning_effort"]
    assert EFFORTS.index(told) == min(EFFORTS.index(asked), EFFORTS.index(most))


@settings(max_examples=60, deadline=None)
@given(bodies, st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3))
def test_a_member_is_set_where_its_path_leads_and_the_rest_stays(body: dict[str, object], path: list[str]) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode()
    try:
        edited = json.loads(with_at(raw, path, b"7"))
    except msgspec.ValidationError:  # something on the way is no object
        return
    found = edited
    for name in path:
        found = found[name]
    assert found == 7
    assert {name: value for name, value in edited.items() if name != path[0]} == {
        name: value for name, value in body.items() if name != path[0]
    }
