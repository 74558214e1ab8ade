"""Each dialect's answers: usage is read from them as it was meant, whole and streamed, in any chunks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.pricing.usage import Extraction, UsageReader, endpoint_family, read_answer
from floorline.sandbox.provider.message import Said
from tests.sandbox.provider.requests import CASES, LONG, Case, ask, content_type, contents, streamed, talk


def extract(case: Case, said: Said, *, cut: int = 0) -> Extraction:
    """What the usage reader finds in an answer, its body fed whole or `cut` bytes at a time."""
    body = b"".join(said.parts)
    reader = UsageReader(case.provider, case.endpoint, content_type=content_type(said), headers=dict(said.headers))
    for start in range(0, len(body), cut or len(body)):
        reader.feed(body[start : start + (cut or len(body))])
    return reader.finish()


def used(extraction: Extraction) -> dict[str, int]:
    assert extraction.usage is not None, extraction.reason
    return {name: count for name, count in extraction.usage.buckets.items() if count}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_usage_is_read_as_it_was_meant_whole_and_streamed(case):
    for asked in (case, streamed(case)):
        said = ask(asked.path, asked.body)
        got = extract(asked, said)
        assert (said.status, got.status, got.reason) == (200, "ok", "")
        assert got.complete
        assert got.checksum_ok in (True, None)
        assert used(got) == said.usage
        assert set(said.usage) == case.buckets
        assert endpoint_family(f"http://sandbox{asked.path}") == asked.endpoint


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_streamed_answer_uses_what_the_whole_one_uses_and_any_chunks_say_the_same(case):
    whole, stream = ask(case.path, case.body), ask(streamed(case).path, streamed(case).body)
    assert whole.usage == stream.usage
    assert used(extract(streamed(case), stream, cut=7)) == stream.usage


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_request_has_the_same_answer_and_another_prompt_another(case):
    assert ask(case.path, case.body) == ask(case.path, case.body)
    other = json.dumps(case.body).replace("hello", "goodbye")
    if other != json.dumps(case.body):
        assert ask(case.path, json.loads(other)).parts != ask(case.path, case.body).parts


def test_a_token_is_four_bytes_and_a_message_costs_four_more():
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "12345678"}]}
    assert ask("/v1/chat/completions", body).usage["input"] == 2 + 4
    body["messages"].append({"role": "user", "content": "ä"})
    assert ask("/v1/chat/completions", body).usage["input"] == 6 + 1 + 4


def test_a_repeated_prefix_is_cached_from_1024_tokens_in_steps_of_128():
    said = ask("/v1/chat/completions", {"model": "gpt-4o", "messages": talk("and?", answered=True)})
    before = 4 + len(LONG) // 4 + 4 + 1
    assert said.usage["cache_read"] == before // 128 * 128
    assert said.usage["input"] == before % 128 + 4 + 1


def test_a_chat_stream_without_include_usage_has_no_usage_chunk():
    said = ask("/v1/chat/completions", {"model": "gpt-4o", "messages": talk("hello"), "stream": True})
    assert said.usage == {}
    assert b"usage" not in b"".join(said.parts)
    assert said.parts[-1] == b"data: [DONE]\n\n"
    assert b'"role":"assistant"' in said.parts[0]
    assert b'"finish_reason":"stop"' in said.parts[-2]


def test_gemini_without_sse_streams_a_json_array():
    path = "/v1beta/models/gemini-2.0-flash:streamGenerateContent"
    said = ask(path, {"contents": contents([{"text": "hello"}])})
    chunks = json.loads(b"".join(said.parts))
    assert len(chunks) > 1
    assert [("finishReason" in chunk["candidates"][0]) for chunk in chunks][-2:] == [False, True]
    assert all(chunk["usageMetadata"]["promptTokenCount"] for chunk in chunks)
    got = read_answer("gemini", "streamGenerateContent", b"".join(said.parts), content_type=content_type(said))
    assert used(got) == said.usage


def test_a_json_array_that_fails_is_still_json():
    said = ask("/v1beta/models/g+fault=error-mid-stream:streamGenerateContent", {"contents": contents([{"text": "x"}])})
    half = said.parts[: len(said.parts) // 2]
    chunks = json.loads(b"".join(half) + said.failure)
    assert chunks[-1]["error"]["status"] == "UNAVAILABLE"


def test_an_anthropic_stream_runs_from_message_start_to_message_stop_with_cumulative_usage():
    body = {"model": "claude-sonnet-5", "max_tokens": 99, "messages": talk("hello"), "stream": True}
    lines = b"".join(ask("/v1/messages", body).parts).decode().split("\n\n")
    names = [line.split("\n")[0].removeprefix("event: ") for line in lines if line]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    begun = json.loads(lines[0].split("data: ")[1])["message"]["usage"]
    ended = json.loads(lines[-3].split("data: ")[1])["usage"]
    assert begun["output_tokens"] == 1 < ended["output_tokens"]
    assert begun["input_tokens"] == ended["input_tokens"]


def test_texts_as_tokens_and_as_text_have_vectors_of_their_own():
    def vectors(given: object, **more: object) -> list[object]:
        said = ask("/v1/embeddings", {"model": "text-embedding-3-small", "input": given, **more})
        got = read_answer("openai", "embeddings", said.parts[0])
        assert used(got) == said.usage
        return [entry["embedding"] for entry in json.loads(said.parts[0])["data"]]

    alone, others = vectors("one"), vectors(["one", "two"])
    assert alone[0] == others[0] != others[1]
    assert len(alone[0]) == 1536
    assert len(vectors("one", dimensions=5)[0]) == 5
    assert len(vectors([[1, 2], [3]])) == 2
    assert isinstance(vectors("one", encoding_format="base64")[0], str)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1beta/models/gemini-embedding-001:embedContent", {"content": {"parts": [{"text": "hello you"}]}}),
        (
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            {"requests": [{"model": "m", "content": {"parts": [{"text": "hello you"}]}}]},
        ),
    ],
)
def test_embeddings_of_gemini_are_counted(path, body):
    said = ask(path, body)
    assert used(read_answer("gemini", "embedContent", said.parts[0])) == said.usage == {"input": 3}


def test_embeddings_of_titan_are_counted():
    said = ask("/model/amazon.titan-embed-text-v2:0/invoke", {"inputText": "hello you"})
    got = read_answer("bedrock", "invoke", said.parts[0], headers=dict(said.headers))
    assert used(got) == said.usage == {"input": 3}
    refused = ask("/model/amazon.titan-embed-text-v2:0/invoke-with-response-stream", {"inputText": "hello"})
    assert refused.status == 400


def test_claude_at_vertex_speaks_anthropics_words():
    path = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    said = ask(path, {"anthropic_version": "vertex-2023-10-16", "max_tokens": 99, "messages": talk("hello")})
    got = read_answer("vertex", "messages", b"".join(said.parts), content_type=content_type(said))
    assert used(got) == said.usage
    assert got.usage is not None
    assert got.usage.model == "claude-sonnet-4-5@20250929"


def test_counting_tokens_uses_nothing_and_agrees_with_the_call():
    body = {"model": "claude-sonnet-5", "max_tokens": 99, "messages": talk("hello")}
    counted = ask("/v1/messages/count_tokens", body)
    assert counted.usage == {}
    assert json.loads(counted.parts[0]) == {"input_tokens": ask("/v1/messages", body).usage["input"]}
    asked = {"contents": contents([{"text": "hello"}])}
    total = json.loads(ask("/v1beta/models/gemini-2.0-flash:countTokens", asked).parts[0])["totalTokens"]
    assert total == ask("/v1beta/models/gemini-2.0-flash:generateContent", asked).usage["input"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/v1/chat/completions", b"{", 400, "not JSON"),
        ("/v1/chat/completions", b"[]", 400, "not a JSON object"),
        ("/v1/chat/completions", b'{"model": "\xff"}', 400, "not JSON"),
        ("/v1/chat/completions", {"messages": talk("x")}, 400, "model"),
        ("/v1/chat/completions", {"model": "m", "messages": []}, 400, "messages must be an array"),
        ("/v1/chat/completions", {"model": "m", "messages": ["x"]}, 400, "messages[0] must be an object"),
        ("/v1/chat/completions", {"model": "m", "messages": talk("x"), "max_tokens": -1}, 400, "max_tokens is '-1'"),
        ("/v1/chat/completions", {"model": "m", "messages": talk("x"), "stream": 1}, 400, "stream is '1'"),
        ("/v1/chat/completions", {"model": "m", "messages": talk("x"), "tool_choice": "required"}, 400, "no tool"),
        ("/v1/messages", {"model": "m", "messages": talk("x")}, 400, "max_tokens"),
        ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [{"role": "system"}]}, 400, "use system"),
        ("/v1/embeddings", {"model": "m", "input": ["x", 1]}, 400, "mixes"),
        ("/v1/nothing", {}, 404, "/v1/nothing"),
        ("/v1/models", {}, 405, "POST is not allowed"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_what_to_change(path, body, status, words):
    said = ask(path, body)
    assert said.status == status
    assert words in json.loads(said.parts[0])["error"]["message"]
    assert said.usage == {}


def test_an_error_has_the_dialects_own_shape():
    chat = ask("/v1/chat/completions", {"model": "gpt-4o+status=429+retry-after=7", "messages": talk("x")})
    assert json.loads(chat.parts[0])["error"]["code"] == "rate_limit_exceeded"
    assert dict(chat.headers)["retry-after"] == "7"
    claude = ask("/v1/messages", {"model": "c+status=529", "max_tokens": 1, "messages": talk("x")})
    assert json.loads(claude.parts[0])["error"]["type"] == "overloaded_error"
    gemini = ask("/v1beta/models/g+status=503:generateContent", {"contents": contents([{"text": "x"}])})
    assert json.loads(gemini.parts[0])["error"]["status"] == "UNAVAILABLE"
    bedrock = ask("/model/m+status=429/converse", {"messages": [{"role": "user", "content": [{"text": "x"}]}]})
    assert dict(bedrock.headers)["x-amzn-errortype"] == "ThrottlingException"
    assert "message" in json.loads(bedrock.parts[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The path of every value inside `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, entry in inner for place in places(entry, (*path, key)))]


def replaced(value: object, path: tuple[object, ...], by: object) -> object:
    """`value` with what is at `path` replaced."""
    if not path:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


@given(st.data())
def test_any_value_anywhere_is_answered_or_refused(data):
    case = data.draw(st.sampled_from(CASES))
    case = data.draw(st.sampled_from([case, streamed(case)]))
    path = data.draw(st.sampled_from(places(case.body)))
    said = ask(case.path, replaced(case.body, path, data.draw(JSON)))
    assert said.status in (200, 400)
    if said.status == 200 and said.usage:
        got = extract(case, said)
        assert got.status == "ok", got.reason
        assert used(got) == said.usage


def test_a_plus_in_a_models_name_is_no_control():
    said = ask("/v1/chat/completions", {"model": "command-r+", "messages": talk("hello")})
    assert json.loads(said.parts[0])["model"] == "command-r+"
    said = ask("/v1/chat/completions", {"model": "command-r++output-tokens=2", "messages": talk("hello")})
    assert json.loads(said.parts[0])["model"] == "command-r+"
    assert said.usage["output"] == 2


def test_an_error_carries_the_ids_that_an_answer_carries():
    for path, name in (("/v1/chat/completions", "x-request-id"), ("/v1/messages", "request-id")):
        said = ask(path, {"model": "m+status=500", "max_tokens": 1, "messages": talk("x")})
        assert dict(said.headers)[name].startswith("req_")
