"""Google's own Python client, unmodified."""

import base64
from collections.abc import Iterator
from decimal import Decimal

import pytest
from google import genai
from google.genai import errors, types

from tests.acceptance.clients.conftest import Gateway
from tests.acceptance.clients.test_openai import last, picture

MODEL = "gemini-2.5-flash"
HELLO = "Say hello to the auditors."


@pytest.fixture
def client(gateway: Gateway) -> Iterator[genai.Client]:
    with genai.Client(
        api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.url, timeout=30_000)
    ) as client:
        yield client


def test_an_answer_is_recorded_with_its_usage_and_cost(gateway: Gateway, client: genai.Client):
    answer = client.models.generate_content(model=MODEL, contents=HELLO)
    record, usage = last(gateway), answer.usage_metadata
    assert answer.text
    assert record["input_tokens"] == usage.prompt_token_count
    assert record["output_tokens"] == usage.candidates_token_count + (usage.thoughts_token_count or 0)
    assert record["effective_cost"] > 0
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    assert Decimal(headers["x-floorline-cost-usd"]).scaleb(12) == record["effective_cost"]


def test_a_stream_says_the_same_as_the_whole_answer_and_costs_the_same(gateway: Gateway, client: genai.Client):
    whole = client.models.generate_content(model=MODEL, contents=HELLO)
    cost = last(gateway)["effective_cost"]
    pieces = list(client.models.generate_content_stream(model=MODEL, contents=HELLO))
    assert "".join(piece.text or "" for piece in pieces) == whole.text
    assert last(gateway)["effective_cost"] == cost


def test_tools_pictures_counting_and_embeddings(gateway: Gateway, client: genai.Client):
    schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", parameters=schema)])
    must = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
    called = client.models.generate_content(
        model=MODEL, contents=HELLO, config=types.GenerateContentConfig(tools=[tool], tool_config=must)
    )
    assert called.function_calls[0].name == "weather"
    part = types.Part.from_bytes(data=base64.b64decode(picture().partition(",")[2]), mime_type="image/png")
    seen = client.models.generate_content(model=MODEL, contents=[part, "What is this?"])
    assert last(gateway)["input_tokens"] == seen.usage_metadata.prompt_token_count
    assert client.models.count_tokens(model=MODEL, contents=HELLO).total_tokens > 0
    assert last(gateway)["effective_cost"] == 0
    made = client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert len(made.embeddings) == 2
    assert last(gateway)["call_type"] == "embedding"


def test_errors_are_the_clients_own(gateway: Gateway, client: genai.Client):
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model=f"{MODEL}+status=429", contents=HELLO)
    assert refused.value.code == 429
    options = types.HttpOptions(base_url=gateway.url)
    with (
        genai.Client(api_key="flk_wrong", http_options=options) as stranger,
        pytest.raises(errors.ClientError) as refused,
    ):
        stranger.models.generate_content(model=MODEL, contents=HELLO)
    assert refused.value.code == 401
