"""Every path that a real client sends finds its dialect, its endpoint and its place below the provider's address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.gateway.wire.routes import prefix_dialect, route
from tests.gateway.wire.requests import PROVIDERS, routed

CALLS = [
    # the openai SDKs, base_url http://host:4000/v1
    ("/v1/chat/completions", "openai", "chat.completions", "/chat/completions", "", False),
    ("/v1/responses", "openai", "responses", "/responses", "", False),
    ("/v1/responses/compact", "openai", "responses.compact", "/responses/compact", "", False),
    ("/v1/embeddings", "openai", "embeddings", "/embeddings", "", False),
    ("/v1/completions", "openai", "completions", "/completions", "", False),
    ("/chat/completions", "openai", "chat.completions", "/chat/completions", "", False),
    # the openai SDKs' Azure client, azure_endpoint http://host:4000
    ("/openai/deployments/gpt-4o/chat/completions", "openai", "chat.completions", "/chat/completions", "gpt-4o", False),
    ("/openai/deployments/my%20one/embeddings", "openai", "embeddings", "/embeddings", "my one", False),
    ("/openai/responses", "openai", "responses", "/responses", "", False),
    ("/openai/v1/responses", "openai", "responses", "/responses", "", False),
    # the anthropic SDK
    ("/v1/messages", "anthropic", "messages", "/v1/messages", "", False),
    ("/v1/messages/count_tokens", "anthropic", "messages.count_tokens", "/v1/messages/count_tokens", "", False),
    # google-genai, plain and in its Vertex mode
    (
        "/v1beta/models/gemini-3-pro:generateContent", "gemini", "generateContent",
        "/v1beta/models/gemini-3-pro:generateContent", "gemini-3-pro", False,
    ),
    (
        "/v1/models/gemini-3-pro:streamGenerateContent", "gemini", "streamGenerateContent",
        "/v1/models/gemini-3-pro:streamGenerateContent", "gemini-3-pro", True,
    ),
    (
        "/v1beta/models/text-embedding-004:batchEmbedContents", "gemini", "embedContent",
        "/v1beta/models/text-embedding-004:batchEmbedContents", "text-embedding-004", False,
    ),
    ("/v1beta/models/g:countTokens", "gemini", "countTokens", "/v1beta/models/g:countTokens", "g", False),
    (
        "/v1beta1/projects/p/locations/eu/publishers/google/models/g:streamGenerateContent", "gemini",
        "streamGenerateContent", "/v1beta/models/g:streamGenerateContent", "g", True,
    ),
    # boto3
    (
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse", "bedrock", "converse",
        "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse", "anthropic.claude-3-5-sonnet-20240620-v1:0", False,
    ),
    ("/model/m/converse-stream", "bedrock", "converse-stream", "/model/m/converse-stream", "m", True),
    ("/model/m/invoke", "bedrock", "invoke", "/model/m/invoke", "m", False),
    (
        "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fx/invoke-with-response-stream", "bedrock",
        "invoke-stream", "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Fx/invoke-with-response-stream",
        "arn:aws:bedrock:eu:1:inference-profile/x", True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "dialect", "endpoint", "below", "model", "streamed"), CALLS)
def test_a_call_is_recognised(path: str, dialect: str, endpoint: str, below: str, model: str, streamed: bool) -> None:
    found = routed(path)

    assert (found.action, found.provider, found.metered) == ("call", "", True)
    assert (found.dialect, found.endpoint, found.path, found.model, found.streamed) == (
        dialect, endpoint, below, model, streamed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "provider", "endpoint", "below"),
    [
        ("/anthropic/v1/messages", "anthropic", "messages", "/v1/messages"),
        ("/gemini/v1beta/models/g:generateContent", "gemini", "generateContent", "/v1beta/models/g:generateContent"),
        ("/router/v1/chat/completions", "router", "chat.completions", "/chat/completions"),
        ("/router/chat/completions", "router", "chat.completions", "/chat/completions"),
        ("/router/v1/embeddings", "router", "embeddings", "/embeddings"),
    ],
)
def test_a_providers_name_before_the_path_forces_the_provider(
    path: str, provider: str, endpoint: str, below: str
) -> None:
    found = routed(path)

    assert (found.action, found.provider, found.endpoint, found.path) == ("call", provider, endpoint, below)


@pytest.mark.parametrize(
    ("method", "path", "dialect", "below", "endpoint"),
    [
        ("POST", "/v1/images/generations", "openai", "/images/generations", "images"),
        ("POST", "/v1/audio/transcriptions", "openai", "/audio/transcriptions", "audio"),
        ("POST", "/v1/files", "openai", "/files", ""),
        ("POST", "/v1/brand/new", "openai", "/brand/new", ""),
        ("POST", "/v1/messages/batches", "anthropic", "/v1/messages/batches", ""),
        ("POST", "/v1beta/cachedContents", "gemini", "/v1beta/cachedContents", "cachedContents"),
        ("POST", "/upload/v1beta/files", "gemini", "/upload/v1beta/files", ""),
        ("POST", "/v1beta/interactions", "gemini", "/v1beta/interactions", "interactions"),
        ("POST", "/guardrail/g/version/1/apply", "bedrock", "/guardrail/g/version/1/apply", ""),
        ("POST", "/model/m/count-tokens", "bedrock", "/model/m/count-tokens", ""),
        ("POST", "/router/v1/rerank", "openai", "/rerank", "rerank"),
        ("POST", "/anthropic/v1/complete", "anthropic", "/v1/complete", ""),
    ],
)
def test_what_is_not_known_is_passed_through(method: str, path: str, dialect: str, below: str, endpoint: str) -> None:
    found = routed(path, method)

    assert (found.action, found.dialect, found.path, found.endpoint, found.metered) == (
        "passthrough", dialect, below, endpoint, True,
    )  # fmt: skip


def test_reading_what_is_stored_is_not_metered_again() -> None:
    assert not routed("/v1/responses/resp_1", "GET").metered
    assert not routed("/v1/chat/completions/c_1", "GET").metered
    assert not routed("/v1/messages/batches/b_1", "GET").metered
    assert routed("/v1/chat/completions/c_1", "GET").action == "passthrough"


def test_headers_decide_between_dialects_that_share_a_path() -> None:
    assert routed("/v1/models", "GET").dialect == "openai"
    assert routed("/v1/models", "GET", anthropic_version="2023-06-01").path == "/v1/models"
    assert routed("/v1/models", "GET", anthropic_version="2023-06-01").dialect == "anthropic"
    assert routed("/v1/models", "GET", x_goog_api_key="k").dialect == "gemini"
    assert routed("/v1/files", "POST", anthropic_version="2023-06-01").dialect == "anthropic"


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/gpt-4o", "/v1/models/ft:gpt-4o:org::id", "/v1beta/models", "/v1beta/models/g"]
)
def test_models_can_be_listed_in_every_dialect(path: str) -> None:
    assert routed(path, "GET").action == "models"


def test_a_fine_tuned_models_colons_are_no_verb() -> None:
    assert routed("/v1/models/ft:gpt-4o:org::id", "DELETE").dialect == "openai"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/nowhere", "/favicon.ico", "*", "http://evil.example/v1/chat/completions", "//evil.example/v1",
        "/v1/../admin", "/v1/%2e%2e/admin", "/v1/%252e%252e/admin", "/anthropic/..%2fx", "/router/..%5Cx", "/v1/./x",
        "/v1/ x", "/v1/\r\nx", "/v1/é",
    ],
)  # fmt: skip
def test_a_path_without_a_place_or_that_climbs_has_no_route(path: str) -> None:
    assert route("POST", path, {}, PROVIDERS) is None


def test_a_missing_path_is_told_in_the_dialect_that_the_client_reads() -> None:
    assert prefix_dialect("/v2/x", {b"anthropic-version": b"1"}) == "anthropic"
    assert prefix_dialect("/v2/x", {b"x-goog-api-key": b"1"}) == "gemini"
    assert prefix_dialect("/model/../x", {}) == "bedrock"
    assert prefix_dialect("/v1beta/../x", {}) == "gemini"
    assert prefix_dialect("/nowhere", {}) == "openai"


@given(
    st.text(),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    st.sampled_from(["", "/v1/", "/model/", "/gemini/"]),
)
def test_any_path_has_a_route_below_its_provider_or_none(rest: str, method: str, start: str) -> None:
    found = route(method, start + rest, {}, PROVIDERS)

    assert found is None or (found.path.startswith("/") and found.path.isascii() and "/../" not in found.path)
