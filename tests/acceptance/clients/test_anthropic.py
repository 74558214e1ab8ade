"""Anthropic's own Python client, unmodified."""

from collections.abc import Iterator
from decimal import Decimal

import anthropic
import pytest

from tests.acceptance.clients.conftest import Gateway
from tests.acceptance.clients.test_openai import last, picture

HELLO = [{"role": "user", "content": "Say hello to the auditors."}]
MODEL = "claude-haiku-4-5"
WEATHER = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=30) as client:
        yield client


def test_a_message_is_answered_and_recorded_with_its_usage_and_cost(gateway: Gateway, client: anthropic.Anthropic):
    raw = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=200, messages=HELLO, metadata={"user_id": "u-7"}
    )
    answer = raw.parse()
    record = last(gateway)
    assert answer.content[0].text
    assert (record["input_tokens"], record["output_tokens"]) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert (record["dialect"], record["user_id"]) == ("anthropic", "u-7")
    assert Decimal(raw.headers["x-floorline-cost-usd"]).scaleb(12) == record["effective_cost"] > 0


def test_a_stream_says_the_same_as_the_whole_answer_and_costs_the_same(gateway: Gateway, client: anthropic.Anthropic):
    whole = client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)
    cost = last(gateway)["effective_cost"]
    with client.messages.stream(model=MODEL, max_tokens=200, messages=HELLO) as stream:
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert last(gateway)["effective_cost"] == cost


def test_tools_pictures_and_counting(gateway: Gateway, client: anthropic.Anthropic):
    called = client.messages.create(
        model=MODEL, max_tokens=200, messages=HELLO, tools=[WEATHER], tool_choice={"type": "any"}
    )
    assert any(block.type == "tool_use" and block.name == "weather" for block in called.content)
    source = {"type": "base64", "media_type": "image/png", "data": picture().partition(",")[2]}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    seen = client.messages.create(model=MODEL, max_tokens=200, messages=[{"role": "user", "content": content}])
    assert last(gateway)["input_tokens"] == seen.usage.input_tokens
    assert client.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens > 0
    assert (last(gateway)["effective_cost"], last(gateway)["cost_basis"]) == (0, "computed")


@pytest.mark.parametrize(
    ("suffix", "error"),
    [
        ("+status=400", anthropic.BadRequestError),
        ("+status=429", anthropic.RateLimitError),
        ("+status=529", anthropic.InternalServerError),
    ],
)
def test_an_error_of_the_provider_reaches_the_client_as_its_own(
    gateway: Gateway, client: anthropic.Anthropic, suffix: str, error: type[anthropic.APIStatusError]
):
    with pytest.raises(error):
        client.messages.create(model=f"{MODEL}{suffix}", max_tokens=200, messages=HELLO)
    assert (last(gateway)["ending"], last(gateway)["effective_cost"]) == ("upstream_error", 0)


def test_errors_of_the_gateway_are_the_clients_own(client: anthropic.Anthropic):
    with pytest.raises(anthropic.AuthenticationError, match="floorline keys create"):
        client.with_options(api_key="flk_wrong").messages.create(model=MODEL, max_tokens=10, messages=HELLO)
    with (
        pytest.raises(anthropic.APIError),
        client.messages.stream(model=f"{MODEL}+fault=reset-mid-stream", max_tokens=200, messages=HELLO) as stream,
    ):
        stream.get_final_message()
