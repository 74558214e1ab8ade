"""What OpenAI's chat completion requests become at Anthropic and Gemini, and what of them cannot be said there."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.message import Request
from floorline.gateway.policy import Dialect, Kind, Provider
from floorline.gateway.translate.request import Asked, translated
from floorline.gateway.translate.saying import Unsayable, read
from floorline.gateway.translate.to_gemini import UNSIGNED
from floorline.gateway.wire.body import view
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.forward import Outgoing, outgoing
from floorline.gateway.wire.routes import Route, route
from tests.gateway.wire.requests import headers_of

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
HELLO = [{"role": "user", "content": "Hello."}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": CITY}}
CALLED = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
CALLED_TOO = {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}


def asked(dialect: Dialect, **members: object) -> Asked | Invalid:
    """What becomes of a chat completion request with these members."""
    body = json.dumps({"model": "fast", "messages": HELLO, **members}).encode()
    where = route("POST", "/v1/chat/completions", {}, {})
    assert isinstance(where, Route)
    seen = view(where, body)
    if isinstance(seen, Invalid):
        return seen
    headers = [
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer flk_1"),
        (b"accept-encoding", b"gzip"),
        (b"user-agent", b"tests"),
        (b"openai-organization", b"org-1"),
        (b"x-stainless-lang", b"python"),
    ]
    request = Request(method="POST", path="/v1/chat/completions", headers=dict(headers), raw_headers=headers, body=body)
    return translated(where, seen, request, dialect)


def said(dialect: Dialect, **members: object) -> dict[str, object]:
    """The body of the translated request."""
    found = asked(dialect, **members)
    assert isinstance(found, Asked), found
    return json.loads(found.request.body)


def sent(dialect: Dialect, model: str, kind: Kind = "plain", **members: object) -> Outgoing:
    """What goes to a provider of that dialect for its `model`."""
    found = asked(dialect, **members)
    assert isinstance(found, Asked), found
    auth = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}[dialect]
    provider = Provider(name="p", dialect=dialect, kind=kind, base_url="http://there", auth=auth, api_key="secret")
    return outgoing(found.route, found.view, found.request, provider, model, None)


ANTHROPIC = [
    ({}, {"max_tokens": 4096, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}]}),
    ({"max_tokens": 7}, {"max_tokens": 7}),
    ({"max_completion_tokens": 8}, {"max_tokens": 8}),
    ({"temperature": 0.5, "top_p": 0.9, "stop": "END"}, {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"]}),
    ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
    ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
    ({"user": "u-1"}, {"metadata": {"user_id": "u-1"}}),
    ({"safety_identifier": "s-1"}, {"metadata": {"user_id": "s-1"}}),
    (
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": [{"type": "text", "text": "In French."}]}, *HELLO]},
        {"system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In French."}]},
    ),
    (
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What are these?"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "auto"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        ]}]},
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What are these?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}, "title": "a.pdf"},
        ]}]},
    ),
    (
        {"messages": [
            *HELLO,
            {"role": "assistant", "content": None, "refusal": None, "annotations": [], "tool_calls": [CALLED, CALLED_TOO]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "Sun."}]},
            {"role": "user", "content": "So?"},
        ]},
        {"messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello."}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Rome"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "Rain."}]},
                {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "Sun."}]},
                {"type": "text", "text": "So?"},
            ]},
        ]},
    ),
    (
        {"tools": [WEATHER]},
        {"tools": [{"name": "weather", "description": "Of a city.", "input_schema": CITY}]},
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "now", "strict": True}}], "parallel_tool_calls": False},
        {
            "tools": [{"name": "now", "input_schema": {"type": "object", "properties": {}}, "strict": True}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        },
    ),
    ({"tools": [WEATHER], "tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
    ({"tools": [WEATHER], "tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
    ({"tools": [WEATHER], "tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": False},
        {"tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}},
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": CITY}}},
        {"output_config": {"format": {"type": "json_schema", "schema": CITY}}},
    ),
    ({"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
    ({"reasoning_effort": "none", "response_format": {"type": "text"}}, {}),
]  # fmt: skip

GEMINI = [
    ({}, {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}]}),
    (
        {"max_tokens": 7, "temperature": 1.5, "top_p": 0.9, "stop": ["END"], "seed": 5, "presence_penalty": 0.1, "frequency_penalty": -0.2},
        {"generationConfig": {
            "maxOutputTokens": 7, "temperature": 1.5, "topP": 0.9, "stopSequences": ["END"], "seed": 5,
            "frequencyPenalty": -0.2, "presencePenalty": 0.1,
        }},
    ),
    (
        {"messages": [{"role": "system", "content": "Be brief."}, *HELLO]},
        {"systemInstruction": {"parts": [{"text": "Be brief."}]}},
    ),
    (
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What are these?"},
            {"type": "image_url", "image_url": {"url": PIXEL}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.JPG?size=1"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "file", "file": {"file_data": PDF}},
        ]}]},
        {"contents": [{"role": "user", "parts": [
            {"text": "What are these?"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.JPG?size=1"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        ]}]},
    ),
    (
        {"messages": [
            *HELLO,
            {"role": "assistant", "content": "I look.", "tool_calls": [CALLED, CALLED_TOO]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
            {"role": "tool", "tool_call_id": "call_2", "content": "Sun."},
        ]},
        {"contents": [
            {"role": "user", "parts": [{"text": "Hello."}]},
            {"role": "model", "parts": [
                {"text": "I look."},
                {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": UNSIGNED},
                {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "weather", "response": {"result": "Rain."}}},
                {"functionResponse": {"name": "weather", "response": {"result": "Sun."}}},
            ]},
        ]},
    ),
    (
        {"tools": [WEATHER]},
        {"tools": [{"functionDeclarations": [{"name": "weather", "description": "Of a city.", "parametersJsonSchema": CITY}]}]},
    ),
    ({"tools": [WEATHER], "tool_choice": "none"}, {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
    ({"tools": [WEATHER], "tool_choice": "auto"}, {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}),
    ({"tools": [WEATHER], "tool_choice": "required"}, {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}},
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "now", "strict": True}}]},
        {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
    ),
    ({"response_format": {"type": "json_object"}}, {"generationConfig": {"responseMimeType": "application/json"}}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}},
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": CITY}},
    ),
    ({"reasoning_effort": "low"}, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}),
    ({"reasoning_effort": "none"}, {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
]  # fmt: skip


@pytest.mark.parametrize(("members", "words"), ANTHROPIC)
def test_a_request_is_said_in_anthropics_words(members: dict[str, object], words: dict[str, object]) -> None:
    base = {
        "model": "fast",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}],
    }
    found = said("anthropic", **members)
    expected = {**base, **words}
    if "tools" in members and "tools" not in words:
        expected["tools"] = found["tools"]
    assert found == expected


@pytest.mark.parametrize(("members", "words"), GEMINI)
def test_a_request_is_said_in_geminis_words(members: dict[str, object], words: dict[str, object]) -> None:
    found = said("gemini", **members)
    expected = {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}], **words}
    if "tools" in members and "tools" not in words:
        expected["tools"] = found["tools"]
    assert found == expected


LEFT_OUT = {
    "store": True,
    "metadata": {"run": "1"},
    "service_tier": "auto",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "n": 1,
    "logprobs": False,
    "logit_bias": {},
    "modalities": ["text"],
    "verbosity": "medium",
    "parallel_tool_calls": True,
    "top_logprobs": None,
    "functions": None,
}


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_what_does_not_change_the_answer_is_left_out(dialect: Dialect) -> None:
    assert said(dialect, **LEFT_OUT) == said(dialect)


EVERYWHERE = [
    ("n", {"n": 2}),
    ("logprobs", {"logprobs": True}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("logit_bias", {"logit_bias": {"1": 5}}),
    ("modalities[0]", {"modalities": ["audio"]}),
    ("audio", {"audio": {"voice": "x"}}),
    ("prediction", {"prediction": {"type": "content", "content": "x"}}),
    ("web_search_options", {"web_search_options": {}}),
    ("verbosity", {"verbosity": "low"}),
    ("service_tier", {"service_tier": "flex"}),
    ("functions", {"functions": []}),
    ("top_k", {"top_k": 5}),
    ("max_tokens", {"max_tokens": 1, "max_completion_tokens": 2}),
    ("tools[0].type", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
    ("tool_choice", {"tool_choice": "required"}),
    ("temperature", {"temperature": 2.5}),
    ("temperature", {"temperature": -0.1}),
    ("top_p", {"top_p": 1.1}),
    ("messages", {"messages": []}),
    ("messages", {"messages": [{"role": "system", "content": "Be brief."}]}),
    ("messages[0].name", {"messages": [{"role": "user", "content": "x", "name": "bob"}]}),
    ("messages[0].cache_control", {"messages": [{"role": "user", "content": "x", "cache_control": {}}]}),
    ("messages[0].role", {"messages": [{"role": "function", "content": "x"}]}),
    ("messages[0]", {"messages": [{"role": "user", "content": ""}]}),
    ("messages[1]", {"messages": [*HELLO, {"role": "system", "content": "Be brief."}]}),
    ("messages[1]", {"messages": [*HELLO, {"role": "assistant", "content": "Hel"}]}),
    (
        "messages[1].tool_calls[0].function.arguments",
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "[1"}}]},
                *HELLO,
            ]
        },
    ),
    (
        "messages[0].content[0].image_url.url",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/a.png"}}]}]},
    ),
    (
        "messages[0].content[0].image_url.detail",
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}]}
            ]
        },
    ),
    (
        "messages[0].content[0].file",
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}]},
    ),
]
AT_ANTHROPIC = [
    ("temperature", {"temperature": 1.2}),
    ("seed", {"seed": 1}),
    ("frequency_penalty", {"frequency_penalty": 0.1}),
    ("presence_penalty", {"presence_penalty": 0.1}),
    ("response_format", {"response_format": {"type": "json_object"}}),
    ("reasoning_effort", {"reasoning_effort": "minimal"}),
    (
        "messages[0].content[0]",
        {
            "messages": [
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
            ]
        },
    ),
    (
        "messages[0].content[0].file.file_data",
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/csv;base64,YQ=="}}]}
            ]
        },
    ),
]
AT_GEMINI = [
    ("parallel_tool_calls", {"tools": [WEATHER], "parallel_tool_calls": False}),
    ("reasoning_effort", {"reasoning_effort": "xhigh"}),
    ("messages[1].tool_call_id", {"messages": [*HELLO, {"role": "tool", "tool_call_id": "x", "content": "1"}]}),
    (
        "messages[0].content[0].image_url.url",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a"}}]}]},
    ),
]
REFUSED = [
    *(("anthropic", *case) for case in EVERYWHERE + AT_ANTHROPIC),
    *(("gemini", *case) for case in EVERYWHERE + AT_GEMINI),
]


@pytest.mark.parametrize(("dialect", "param", "members"), REFUSED)
def test_what_cannot_be_said_is_refused_by_name(dialect: Dialect, param: str, members: dict[str, object]) -> None:
    found = asked(dialect, **members)
    assert isinstance(found, Invalid)
    assert (found.status, found.kind, found.param) == (400, "translation_impossible", param)
    assert found.message.startswith(f"{param}: ")


@pytest.mark.parametrize("body", [b'{"messages": [', b'{"metadata": ' + b'{"a":' * 100_000])
def test_what_is_no_request_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Unsayable, match="the body"):
        read(body)


def test_anthropic_is_asked_below_its_own_path_with_its_own_headers() -> None:
    found = sent("anthropic", "claude-sonnet-4-5", stream=True)
    assert (found.method, found.target) == (b"POST", b"/v1/messages")
    assert json.loads(found.body)["model"] == "claude-sonnet-4-5"
    assert headers_of(found) == [
        (b"host", b"there"),
        (b"user-agent", b"tests"),
        (b"content-type", b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"anthropic-version", b"2023-06-01"),
        (b"x-api-key", b"secret"),
        (b"content-length", b"%d" % len(found.body)),
    ]
    assert not found.usage_asked


def test_gemini_is_asked_with_its_model_in_the_path() -> None:
    assert sent("gemini", "gemini-2.5-flash").target == b"/v1beta/models/gemini-2.5-flash:generateContent"
    streamed = sent("gemini", "gemini-2.5-flash", stream=True)
    assert streamed.target == b"/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert b"stream" not in streamed.body
    assert (b"x-goog-api-key", b"secret") in headers_of(streamed)


def test_vertex_is_asked_as_its_kind_wants_it() -> None:
    found = sent("anthropic", "claude-sonnet-4-5", kind="vertex", stream=True)
    assert found.target == b"/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict"
    assert json.loads(found.body)["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in json.loads(found.body)
    found = sent("gemini", "gemini-2.5-flash", kind="vertex", stream=True)
    assert found.target == b"/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*LEFT_OUT, "role", "content", "type", "text", "function", "name", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [
        "messages", "tools", "tool_choice", "response_format", "stop", "temperature", "max_tokens", "seed",
        "reasoning_effort", "parallel_tool_calls", "frequency_penalty", "store", "modalities", "service_tier",
    ]
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
@settings(deadline=None)
@given(members=st.dictionaries(MEMBERS, JSON, max_size=3))
def test_whatever_is_asked_is_said_or_refused_by_name(dialect: Dialect, members: dict[str, object]) -> None:
    found = asked(dialect, **members)
    if isinstance(found, Invalid):
        assert found.message.startswith(f"{found.param}: ")
        assert any(found.param.startswith(name) for name in members)
    else:
        assert json.loads(found.request.body)


def test_a_models_name_with_marks_stays_one_part_of_the_path() -> None:
    found = asked("gemini", model="vendor/model?")
    assert isinstance(found, Asked)
    assert found.request.path == "/v1beta/models/vendor%2Fmodel%3F:generateContent"
