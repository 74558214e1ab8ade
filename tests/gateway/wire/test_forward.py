"""What goes to a provider: the provider's address and credentials, the model's name, and nothing else changed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from floorline.gateway.message import Request
from floorline.gateway.policy import Provider
from floorline.gateway.wire.body import View
from floorline.gateway.wire.forward import outgoing
from tests.gateway.wire.requests import ANTHROPIC, GEMINI, OPENAI, headers_of, routed, seen, sent
from tests.gateway.wire.test_body import json_values

AZURE = Provider(
    name="azure", dialect="openai", kind="azure", base_url="https://x.openai.azure.com", auth="api-key", api_key="az-real",
    api_version="2024-10-21",
)  # fmt: skip
VERTEX = Provider(
    name="vertex", dialect="gemini", kind="vertex", auth="google",
    base_url="https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu",
)  # fmt: skip
BEDROCK = Provider(
    name="bedrock", dialect="bedrock", kind="bedrock", auth="sigv4", region="eu-west-1",
    base_url="https://bedrock-runtime.eu-west-1.amazonaws.com",
)  # fmt: skip
ASKED = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}


def header(found: Any, name: bytes) -> list[bytes]:
    return [value for key, value in headers_of(found) if key == name]


def test_a_body_in_which_nothing_changes_is_the_very_same_object() -> None:
    for path, body, provider in (
        ("/v1/chat/completions", b'{"model": "gpt-5",\n "messages": []}', OPENAI),
        ("/v1/chat/completions", b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}', OPENAI),
        ("/v1/responses", b'{"model":"m","stream":true}', OPENAI),
        ("/v1/messages", b'{"model":"m","stream":true}', ANTHROPIC),
        ("/v1beta/models/m:generateContent", b'{"contents":[]}', GEMINI),
        ("/v1/images/edits", b"--b\r\n\xff", OPENAI),
    ):
        assert sent(path, body, provider).body is body
    body = b'{"contents":[]}'
    assert sent("/v1beta/models/m:generateContent", body, GEMINI, model="other").body is body


def test_target_and_host_are_the_providers() -> None:
    found = sent("/v1/chat/completions", ASKED, OPENAI, headers={"host": "gateway.local:4000"})

    assert (found.method, found.target) == (b"POST", b"/v1/chat/completions")
    assert header(found, b"host") == [b"api.openai.com"]
    assert header(found, b"content-length") == [str(len(found.body)).encode()]
    moved = replace(OPENAI, base_url="http://127.0.0.1:9001/deep/v1/")
    assert sent("/v1/chat/completions", ASKED, moved).target == b"/deep/v1/chat/completions"
    assert header(sent("/v1/chat/completions", ASKED, moved), b"host") == [b"127.0.0.1:9001"]


@pytest.mark.parametrize(
    ("provider", "path", "name", "value"),
    [
        (OPENAI, "/v1/responses", b"authorization", b"Bearer sk-real"),
        (ANTHROPIC, "/v1/messages", b"x-api-key", b"ant-real"),
        (GEMINI, "/v1beta/models/m:generateContent", b"x-goog-api-key", b"goog-real"),
        (AZURE, "/v1/responses", b"api-key", b"az-real"),
        (replace(OPENAI, auth="none"), "/v1/responses", b"authorization", None),
        (replace(OPENAI, api_key=""), "/v1/responses", b"authorization", None),
    ],
)
def test_credentials_are_the_providers_alone(provider: Provider, path: str, name: bytes, value: bytes | None) -> None:
    callers = {
        "authorization": "Bearer flk_caller", "x-api-key": "flk_caller", "x-goog-api-key": "flk_caller",
        "api-key": "flk_caller", "cookie": "flk_caller", "openai-organization": "flk_caller",
        "x-amz-security-token": "flk_caller", "proxy-authorization": "flk_caller",
    }  # fmt: skip
    found = sent(path, {"model": "m"}, provider, headers=callers, query="key=flk_caller&k%65y=flk_caller&alt=sse")

    assert header(found, name) == ([] if value is None else [value])
    assert b"flk_caller" not in b"".join(n + v for n, v in headers_of(found)) + found.target
    assert found.target.endswith(b"alt=sse") or provider.kind == "azure"


def test_what_is_for_the_gateway_or_for_one_hop_stays_here() -> None:
    mine = {
        "x-floorline-customer": "1", "x-litellm-tags": "1", "helicone-user-id": "1", "x-portkey-metadata": "1",
        "x-customer-id": "1", "baggage": "1", "x-forwarded-for": "1", "forwarded": "1", "connection": "close, x-hop",
        "x-hop": "1", "te": "trailers", "keep-alive": "1", "upgrade": "h2c", "expect": "100-continue",
        "transfer-encoding": "chunked", "content-length": "77",
    }  # fmt: skip
    found = sent("/v1/responses", {"model": "m"}, OPENAI, headers=mine)

    assert [name for name, _ in headers_of(found)] == [b"host", b"authorization", b"content-length"]


def test_every_other_header_passes_in_order_with_its_repetitions() -> None:
    theirs = [
        (b"user-agent", b"OpenAI/Python"), (b"anthropic-beta", b"a"), (b"anthropic-beta", b"b"), (b"traceparent", b"00-1"),
        (b"accept-encoding", b"gzip, br"), (b"x-stainless-lang", b"python"), (b"content-type", b"application/json"),
    ]  # fmt: skip
    body = b'{"model":"m"}'
    request = Request(method="POST", path="/v1/messages", headers=dict(theirs), raw_headers=theirs, body=body)
    where = routed("/v1/messages")
    found = outgoing(where, seen(where, body), request, ANTHROPIC, "m", None)

    assert headers_of(found)[1:-2] == theirs


def test_a_providers_own_headers_stand_in_for_the_callers() -> None:
    provider = replace(OPENAI, headers={"OpenAI-Organization": "org_ours", "X-Title": "ours"})
    found = sent(
        "/v1/responses", {"model": "m"}, provider, headers={"x-title": "theirs", "openai-organization": "theirs"}
    )

    assert header(found, b"openai-organization") == [b"org_ours"]
    assert header(found, b"x-title") == [b"ours"]


def test_a_get_has_no_body_and_no_length() -> None:
    where = routed("/v1/models", "GET")
    found = outgoing(where, View(model=""), Request(method="GET", path="/v1/models"), OPENAI, "", None)

    assert (found.method, found.target, found.body) == (b"GET", b"/v1/models", b"")
    assert header(found, b"content-length") == []


def test_the_query_passes_as_it_came() -> None:
    assert sent("/v1/files", b"", OPENAI, query="after=a%20b&limit=2").target == b"/v1/files?after=a%20b&limit=2"
    assert sent("/v1/files", b"", OPENAI, query="q=\xfc").target == b"/v1/files?q=%FC"


def test_a_models_name_is_replaced_where_it_stands() -> None:
    body = b'{ "messages": [{"content":"the \\"model\\" 1.0e2"}], "model" : "gpt-5", "n": 1.50 }\n'

    found = sent("/v1/chat/completions", body, OPENAI, model="gpt-5-mini")

    assert found.body == body.replace(b'"gpt-5"', b'"gpt-5-mini"')


def test_a_models_name_is_replaced_beside_others_of_the_same_word() -> None:
    body = b'{"tools":[{"properties":{"model":{"type":"string"}}}],"model":"gpt-5","temperature":1.50}'

    found = sent("/v1/chat/completions", body, OPENAI, model="x")

    assert found.body == body.replace(b'"gpt-5"', b'"x"')


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (b"", b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":null', b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":{}', b',"stream_options":{"include_usage":true}'),
        (b',"stream_options":{"include_usage":false,"x":1}', b',"stream_options":{"include_usage":true,"x":1}'),
    ],
)
def test_openais_streams_are_asked_for_their_usage(options: bytes, expected: bytes) -> None:
    found = sent(
        "/v1/chat/completions",
        b'{"model":"m","stream":true' + options + b"}",
        OPENAI,
        headers={"accept-encoding": "gzip"},
    )

    assert found.usage_asked
    assert found.body == b'{"model":"m","stream":true' + expected + b"}"
    assert header(found, b"accept-encoding") == [
        b"identity"
    ]  # the extra chunk can only be removed from what can be read


def test_usage_is_asked_for_only_where_a_stream_would_not_say_it() -> None:
    assert not sent("/v1/chat/completions", {"model": "m"}, OPENAI).usage_asked
    assert not sent("/v1/responses", {"model": "m", "stream": True}, OPENAI).usage_asked
    assert not sent("/v1/messages", {"model": "m", "stream": True}, ANTHROPIC).usage_asked
    assert not sent(
        "/v1/chat/completions", {"model": "m", "stream": True, "stream_options": {"include_usage": True}}, OPENAI
    ).usage_asked
    assert sent("/v1/completions", {"model": "m", "stream": True}, OPENAI).usage_asked


members = st.dictionaries(st.text(), json_values, max_size=6)


@given(members, st.sampled_from(["gpt-5", 'a"b\\c', "x"]), st.booleans(), st.integers(0, 6), st.sampled_from([None, 1]))
def test_any_body_survives_but_for_the_members_that_change(
    others: dict[str, Any], model: str, stream: bool, place: int, indent: int | None
) -> None:
    assume(
        not set(others)
        & {"user", "safety_identifier", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream_options"}
    )
    rest = [(key, value) for key, value in others.items() if key not in ("model", "stream")]
    body = json.dumps(dict([*rest[:place], ("model", "before"), ("stream", stream), *rest[place:]]), indent=indent)

    found = json.loads(sent("/v1/chat/completions", body.encode(), OPENAI, model=model).body)

    assert found.pop("stream_options", None) == ({"include_usage": True} if stream else None)
    assert found == {**json.loads(body), "model": model}
    assert list(found) == list(json.loads(body))


def test_geminis_model_is_replaced_in_the_path() -> None:
    assert sent("/v1beta/models/a:streamGenerateContent", {}, GEMINI, model="b", query="alt=sse").target == (
        b"/v1beta/models/b:streamGenerateContent?alt=sse"
    )


def test_azure_gets_the_deployment_in_the_path_and_its_version_in_the_query() -> None:
    body = json.dumps(ASKED).encode()
    found = sent("/v1/chat/completions", body, AZURE, model="my deployment")

    assert found.target == b"/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21"
    assert found.body is body
    assert sent("/openai/responses", ASKED, AZURE, query="api-version=2099&x=1", model="d").target == (
        b"/openai/responses?x=1&api-version=2024-10-21"
    )
    assert json.loads(sent("/openai/responses", ASKED, AZURE, model="d").body)["model"] == "d"


def test_azures_undated_interface_is_openais_below_its_own_path() -> None:
    found = sent("/v1/chat/completions", ASKED, replace(AZURE, api_version=""), model="d")

    assert found.target == b"/openai/v1/chat/completions"
    assert json.loads(found.body) == {**ASKED, "model": "d"}


def test_an_azure_client_reaches_a_plain_provider() -> None:
    found = sent("/openai/deployments/gpt-5/chat/completions", {"messages": []}, OPENAI, query="api-version=2024-10-21")

    assert found.target == b"/v1/chat/completions"
    assert json.loads(found.body) == {"messages": [], "model": "gpt-5"}


def test_vertex_gets_googles_models_below_its_publisher() -> None:
    found = sent("/v1beta/models/gemini-3-pro:streamGenerateContent", {"contents": []}, VERTEX, query="alt=sse&key=x")

    assert found.target == (
        b"/v1/projects/p/locations/eu/publishers/google/models/gemini-3-pro:streamGenerateContent?alt=sse"
    )


def test_vertex_gets_anthropics_model_in_the_path_and_its_version_in_the_body() -> None:
    provider = replace(VERTEX, dialect="anthropic")
    body = {"model": "claude", "max_tokens": 5, "stream": True}

    found = sent("/v1/messages", body, provider, model="claude-5@20260101")

    assert found.target.endswith(b"/publishers/anthropic/models/claude-5@20260101:streamRawPredict")
    assert json.loads(found.body) == {"max_tokens": 5, "stream": True, "anthropic_version": "vertex-2023-10-16"}
    counted = sent("/v1/messages/count_tokens", body, provider, model="claude-5")
    assert counted.target.endswith(b"/publishers/anthropic/models/count-tokens:rawPredict")
    assert json.loads(counted.body)["model"] == "claude-5"


def test_bedrocks_model_is_replaced_in_the_path() -> None:
    path = "/model/anthropic.claude-v1%3A0/converse-stream"

    assert sent(path, {"messages": []}, BEDROCK).target == path.encode()
    assert (
        sent(path, {"messages": []}, BEDROCK, model="arn:aws:x/y").target == b"/model/arn%3Aaws%3Ax%2Fy/converse-stream"
    )


class Recording:
    """A signer that shows what it was given."""

    def stale(self) -> bool:
        return False

    def refresh(self) -> None:
        """Nothing is fetched."""

    def sign(self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
        return [(b"authorization", f"{method} {url} {len(headers)} {len(body)}".encode())]


def test_a_signer_sees_the_whole_request_and_adds_its_headers() -> None:
    found = sent("/model/m/converse", b"{}", BEDROCK, signer=Recording(), query="x=1")

    assert header(found, b"authorization") == [
        b"POST https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse?x=1 2 2"
    ]


def test_a_provider_of_another_dialect_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(AssertionError, match="speaks anthropic"):
        sent("/v1/chat/completions", ASKED, ANTHROPIC)
