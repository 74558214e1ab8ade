"""OpenAI's own client, unmodified, at models that Anthropic and Gemini serve."""

from collections.abc import Iterator
from decimal import Decimal

import openai
import pytest

from tests.acceptance.clients.conftest import Gateway
from tests.acceptance.clients.test_openai import HELLO, WEATHER, picture

FOREIGN = ["at-anthropic", "at-gemini"]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=30) as client:
        yield client


@pytest.mark.parametrize("model", [*FOREIGN, "chain"])
def test_whole_and_streamed_say_and_cost_the_same(gateway: Gateway, client: openai.OpenAI, model: str):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    whole = raw.parse()
    record = gateway.calls()[-1]
    assert whole.choices[0].message.content
    assert record["ending"] == "complete"
    assert record["cost_basis"] == "computed"
    assert Decimal(raw.headers["x-floorline-cost-usd"]).scaleb(12) == record["effective_cost"] > 0
    assert record["input_tokens"] == whole.usage.prompt_tokens
    assert record["output_tokens"] == whole.usage.completion_tokens
    pieces = list(
        client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )  # fmt: skip
    said = "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices)
    assert said == whole.choices[0].message.content
    assert pieces[-1].usage.total_tokens == whole.usage.total_tokens
    assert gateway.calls()[-1]["effective_cost"] == record["effective_cost"]


@pytest.mark.parametrize("model", FOREIGN)
def test_tools_are_called_and_their_results_go_back(gateway: Gateway, client: openai.OpenAI, model: str):
    first = client.chat.completions.create(model=model, messages=HELLO, tools=[WEATHER], tool_choice="required")
    message = first.choices[0].message
    (call,) = message.tool_calls
    assert (call.function.name, first.choices[0].finish_reason) == ("weather", "tool_calls")
    with client.chat.completions.stream(
        model=model, messages=HELLO, tools=[WEATHER], tool_choice="required"
    ) as stream:  # fmt: skip
        (streamed,) = stream.get_final_completion().choices[0].message.tool_calls
    assert streamed.function.arguments.replace(" ", "") == call.function.arguments.replace(" ", "")
    result = {"role": "tool", "tool_call_id": call.id, "content": "Rain."}
    more = [*HELLO, message.model_dump(), result]
    assert client.chat.completions.create(model=model, messages=more, tools=[WEATHER]).choices[0].message.content
    assert gateway.calls()[-1]["ending"] == "complete"


@pytest.mark.parametrize("model", FOREIGN)
def test_pictures_are_seen(gateway: Gateway, client: openai.OpenAI, model: str):
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture()}}]
    seen = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert gateway.calls()[-1]["input_tokens"] == seen.usage.prompt_tokens


def test_a_chain_of_three_dialects_records_each_attempt(gateway: Gateway, client: openai.OpenAI):
    client.chat.completions.create(model="chain", messages=HELLO)
    record = gateway.calls()[-1]
    assert record["attempts.provider"] == ["openai", "anthropic", "gemini"]
    assert record["attempts.status"] == [500, 529, 200]


def test_what_cannot_be_said_elsewhere_is_a_bad_request(client: openai.OpenAI):
    with pytest.raises(openai.BadRequestError, match="logit_bias: tokens are not the same elsewhere"):
        client.chat.completions.create(model="at-gemini", messages=HELLO, logit_bias={"1": 1})
