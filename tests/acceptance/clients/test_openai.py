"""OpenAI's own Python client, LangChain's, and curl, unmodified."""

import base64
import json
import struct
import subprocess
import warnings
import zlib
from collections.abc import Iterator
from decimal import Decimal

import httpx
import openai
import pytest

from tests.acceptance.clients.conftest import Gateway
from tests.support.processes import until

HELLO = [{"role": "user", "content": "Say hello to the auditors."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def picture() -> str:
    """A white pixel as PNG, in a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff"))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=30) as client:
        yield client


def last(gateway: Gateway) -> dict:
    return gateway.calls()[-1]


def test_a_chat_is_answered_and_recorded_with_its_usage_and_cost(gateway: Gateway, client: openai.OpenAI):
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=HELLO)
    answer = raw.parse()
    record = last(gateway)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert record["input_tokens"] == answer.usage.prompt_tokens
    assert record["output_tokens"] == answer.usage.completion_tokens
    assert (record["customer_id"], record["feature"], record["ending"], record["status"]) == (
        "acme",
        "chat",
        "complete",
        200,
    )
    assert raw.headers["x-floorline-call-id"] == record["id"]
    assert Decimal(raw.headers["x-floorline-cost-usd"]).scaleb(12) == record["effective_cost"] > 0


def test_a_stream_says_the_same_as_the_whole_answer_and_costs_the_same(gateway: Gateway, client: openai.OpenAI):
    whole = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    cost = last(gateway)["effective_cost"]
    pieces = list(client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream=True))
    said = "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices)
    assert said == whole.choices[0].message.content
    assert all(piece.choices for piece in pieces), "the usage chunk that the client did not ask for is removed"
    assert last(gateway)["effective_cost"] == cost
    asked = list(
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].usage is not None
    assert asked[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_the_last_usage_event_of_a_stream_tells_the_cost_when_asked(gateway: Gateway, client: openai.OpenAI):
    pieces = list(
        client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream=True, stream_options={"include_usage": True},
            extra_headers={"x-floorline-include-cost": "true"},
        )
    )  # fmt: skip
    told = pieces[-1].usage.model_extra
    assert Decimal(str(told["cost_usd"])).scaleb(12) == last(gateway)["effective_cost"]
    assert told["cost_basis"] == "computed"


def test_tools_and_pictures_pass(gateway: Gateway, client: openai.OpenAI):
    called = client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[WEATHER], tool_choice="required")
    assert called.choices[0].message.tool_calls[0].function.name == "weather"
    pieces = list(
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, tools=[WEATHER], tool_choice="required", stream=True
        )
    )
    assert any(choice.delta.tool_calls for piece in pieces for choice in piece.choices)
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture()}}]
    seen = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])
    assert last(gateway)["input_tokens"] == seen.usage.prompt_tokens


def test_responses_whole_and_streamed(gateway: Gateway, client: openai.OpenAI):
    whole = client.responses.create(model="gpt-5-mini", input="Name three rivers.")
    assert whole.output_text
    record = last(gateway)
    assert record["output_tokens"] == whole.usage.output_tokens
    assert record["reasoning_tokens"] == whole.usage.output_tokens_details.reasoning_tokens
    with client.responses.stream(model="gpt-5-mini", input="Name three rivers.") as stream:
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    assert last(gateway)["effective_cost"] == record["effective_cost"]


def test_embeddings_completions_and_models(gateway: Gateway, client: openai.OpenAI):
    made = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert len(made.data) == 2
    record = last(gateway)
    assert (record["call_type"], record["input_tokens"]) == ("embedding", made.usage.prompt_tokens)
    assert client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once").choices[0].text
    assert list(client.models.list())


@pytest.mark.parametrize(
    ("suffix", "error"),
    [
        ("+status=400", openai.BadRequestError),
        ("+status=404", openai.NotFoundError),
        ("+status=429+retry-after=1", openai.RateLimitError),
        ("+status=500", openai.InternalServerError),
    ],
)
def test_an_error_of_the_provider_reaches_the_client_as_its_own(
    gateway: Gateway, client: openai.OpenAI, suffix: str, error: type[openai.APIStatusError]
):
    with pytest.raises(error):
        client.chat.completions.create(model=f"gpt-4o-mini{suffix}", messages=HELLO)
    record = last(gateway)
    assert (record["ending"], record["effective_cost"]) == ("upstream_error", 0)


def test_errors_of_the_gateway_are_the_clients_own(client: openai.OpenAI):
    with pytest.raises(openai.AuthenticationError, match="floorline keys create"):
        client.with_options(api_key="flk_wrong").chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    with pytest.raises(openai.BadRequestError, match="model is missing"):
        client.chat.completions.create(model="", messages=HELLO)


def test_a_stream_that_breaks_off_raises_and_is_recorded_as_broken(gateway: Gateway, client: openai.OpenAI):
    with pytest.raises(openai.APIError, match="broke off"):
        list(
            client.chat.completions.create(
                model="gpt-4o-mini", messages=HELLO, stream=True, extra_headers={"x-sandbox-fault": "reset-mid-stream"}
            )
        )
    record = last(gateway)
    assert (record["ending"], record["cost_basis"]) == ("upstream_error", "estimated")
    assert record["effective_cost"] > 0


def test_a_client_that_does_not_wait_is_recorded_as_gone(gateway: Gateway, client: openai.OpenAI):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, extra_headers={"x-sandbox-latency-ms": "900"}
        )
    until(lambda: last(gateway)["ending"] == "client_left", what="a record of the departure")
    assert last(gateway)["effective_cost"] > 0


def test_pydantic_parsing_and_many_at_once(gateway: Gateway):
    import asyncio

    async def many() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
            made = [
                client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": f"{n}"}])
                for n in range(40)
            ]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*made)]

    before = len(gateway.calls())
    assert all(asyncio.run(many()))
    assert len(gateway.calls()) == before + 40


def test_langchain_invokes_and_streams(gateway: Gateway):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_openai import ChatOpenAI

        with openai.DefaultHttpxClient() as http:
            model = ChatOpenAI(
                model="gpt-4o-mini", base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, http_client=http
            )
            whole = model.invoke("Say hello to the auditors.")
            assert whole.usage_metadata["input_tokens"] == last(gateway)["input_tokens"]
            assert "".join(str(piece.content) for piece in model.stream("Say hello to the auditors.")) == whole.content


def test_curl_whole_and_streamed(gateway: Gateway):
    def curl(body: dict, *options: str) -> str:
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "30", *options, f"{gateway.url}/v1/chat/completions",
             "-H", f"Authorization: Bearer {gateway.key}", "-H", "Content-Type: application/json", "-d", json.dumps(body)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    whole = json.loads(curl({"model": "gpt-4o-mini", "messages": HELLO}))
    streamed = curl({"model": "gpt-4o-mini", "messages": HELLO, "stream": True}, "-N")
    pieces = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    assert streamed.rstrip().endswith("data: [DONE]")
    said = "".join(choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"])
    assert said == whole["choices"][0]["message"]["content"]
    assert curl({"model": "gpt-4o-mini", "messages": HELLO}, "--http1.0", "-i").startswith("HTTP/1.1 200")


def test_the_providers_key_is_never_shown_and_the_virtual_one_never_sent(gateway: Gateway):
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"x-api-key": gateway.key, "x-floorline-customer": "other"},
        json={"model": "gpt-4o-mini", "messages": HELLO},
    )
    assert "sk-upstream-only" not in answer.text + str(answer.headers)
    assert last(gateway)["customer_id"] == "acme", "what the key fixes beats a header"
