"""The providers' own SDKs, unmodified but for the address, read whole and streamed answers."""

import json
import urllib.request
import warnings
from contextlib import closing

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import google.auth.credentials
import openai
import pydantic
import pytest
from google import genai
from google.genai import types

from tests.sandbox.provider.requests import CITY, PIXEL, talk


class City(pydantic.BaseModel):
    city: str


def last_usage(sandbox: str) -> dict[str, int]:
    """What the sandbox meant in its last answer."""
    with urllib.request.urlopen(f"{sandbox}/requests?last=1", timeout=5) as answer:
        return json.load(answer)[0]["usage"]


@pytest.fixture
def chat(sandbox):
    with openai.OpenAI(api_key="none", base_url=f"{sandbox}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(sandbox):
    with anthropic.Anthropic(api_key="none", base_url=sandbox, max_retries=0) as client:
        yield client


@pytest.fixture
def gemini(sandbox):
    with genai.Client(api_key="none", http_options=types.HttpOptions(base_url=sandbox)) as client:
        yield client


@pytest.fixture
def bedrock(sandbox):
    config = botocore.config.Config(retries={"max_attempts": 0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=sandbox,
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=config,
        )
    yield client
    client.close()


def test_openai_chat_whole(chat, sandbox):
    raw = chat.chat.completions.with_raw_response.create(model="gpt-4o", messages=talk("hello"))
    answer = raw.parse()
    assert raw.request_id.startswith("req_")
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-2024-08-06"
    used = last_usage(sandbox)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (used["input"], used["output"])


def test_openai_chat_streamed_says_what_the_whole_one_says(chat):
    whole = chat.chat.completions.create(model="gpt-4o", messages=talk("hello"))
    stream = chat.chat.completions.create(
        model="gpt-4o", messages=talk("hello"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_openai_tools_images_and_shapes(chat):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
    answer = chat.chat.completions.create(model="gpt-4o", messages=talk("rain?"), tools=tools, tool_choice="required")
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "text"})
    with chat.chat.completions.stream(
        model="gpt-4o", messages=talk("rain?"), tools=tools, tool_choice="required"
    ) as stream:
        again = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert again.function.arguments == call.function.arguments
    image = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]
    seen = chat.chat.completions.create(model="gpt-4o", messages=talk(image))
    assert seen.usage.prompt_tokens == 4 + 258
    parsed = chat.chat.completions.parse(model="gpt-4o", messages=talk("where?"), response_format=City)
    assert parsed.choices[0].message.parsed == City(city="text")


def test_openai_responses(chat, sandbox):
    whole = chat.responses.create(model="gpt-5-mini", input="hello")
    used = last_usage(sandbox)
    assert whole.usage.output_tokens_details.reasoning_tokens == used["reasoning"] > 0
    assert whole.usage.output_tokens == used["output"] + used["reasoning"]
    events = list(chat.responses.create(model="gpt-5-mini", input="hello", stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response == whole
    assert [event.sequence_number for event in events] == list(range(len(events)))
    tools = [{"type": "function", "name": "weather", "parameters": CITY, "strict": True}]
    with chat.responses.stream(model="gpt-4o", input="rain?", tools=tools, tool_choice="required") as stream:
        final = stream.get_final_response()
    assert final.output[-1].name == "weather"


def test_openai_embeddings_completions_and_models(chat):
    made = chat.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert [len(entry.embedding) for entry in made.data] == [1536, 1536]
    assert made.usage.prompt_tokens == 2
    told = chat.completions.create(model="davinci-002", prompt="hello", max_tokens=5)
    assert told.usage.completion_tokens == 5
    streamed = chat.completions.create(model="davinci-002", prompt="hello", max_tokens=5, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == told.choices[0].text
    assert "gpt-4o" in {model.id for model in chat.models.list()}
    assert chat.models.retrieve("gpt-4o").id == "gpt-4o"


def test_openai_errors_are_raised_as_the_providers(chat):
    with pytest.raises(openai.RateLimitError) as limited:
        chat.chat.completions.create(model="gpt-4o+status=429+retry-after=3", messages=talk("hello"))
    assert limited.value.response.headers["retry-after"] == "3"
    with pytest.raises(openai.InternalServerError):
        chat.chat.completions.create(model="gpt-4o+status=500", messages=talk("hello"))
    with pytest.raises(openai.APIConnectionError):
        chat.chat.completions.create(model="gpt-4o+fault=reset", messages=talk("hello"))
    with pytest.raises(openai.APIError, match="overloaded"):
        list(chat.chat.completions.create(model="gpt-4o+fault=error-mid-stream", messages=talk("hello"), stream=True))


def test_azures_client(sandbox):
    with openai.AzureOpenAI(api_key="none", azure_endpoint=sandbox, api_version="2024-10-21") as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=talk("hello"))
        assert answer.usage.total_tokens > 0
        chunks = list(client.chat.completions.create(model="gpt-4o", messages=talk("hello"), stream=True))
        assert chunks[0].choices == []
        assert client.embeddings.create(model="text-embedding-3-small", input="one").usage.prompt_tokens == 1


def test_anthropic_whole_and_streamed(claude, sandbox):
    asked = {"model": "claude-sonnet-5", "max_tokens": 400, "messages": talk("hello")}
    whole = claude.messages.create(**asked)
    used = last_usage(sandbox)
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (used["input"], used["output"])
    with claude.messages.stream(**asked) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert said == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.stop_reason == "end_turn"
    counted = claude.messages.count_tokens(model="claude-sonnet-5", messages=talk("hello"))
    assert counted.input_tokens == used["input"]
    assert "claude-sonnet-5" in {model.id for model in claude.models.list()}


def test_anthropic_tools_thinking_and_errors(claude):
    asked = {"model": "claude-sonnet-5", "max_tokens": 2000}
    tools = [{"name": "weather", "input_schema": CITY}]
    with claude.messages.stream(
        **asked, messages=talk("rain?"), tools=tools, tool_choice={"type": "tool", "name": "weather"}
    ) as stream:
        final = stream.get_final_message()
    assert (final.content[0].name, final.content[0].input) == ("weather", {"city": "text"})
    thinking = {"type": "adaptive"}
    with claude.messages.stream(**asked, messages=talk("why?"), thinking=thinking) as stream:
        thought = stream.get_final_message()
    assert [block.type for block in thought.content] == ["thinking", "text"]
    whole = claude.messages.create(**asked, messages=talk("why?"), thinking=thinking)
    assert (thought.content[0], thought.content[1].text) == (whole.content[0], whole.content[1].text)
    assert thought.usage.output_tokens_details == whole.usage.output_tokens_details
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(**asked, messages=talk("hello"), extra_headers={"x-sandbox-status": "429"})
    broken = asked | {"model": "claude-sonnet-4-5+fault=error-mid-stream"}
    with (
        pytest.raises(anthropic.APIStatusError, match="Overloaded"),
        claude.messages.stream(**broken, messages=talk("hello")) as stream,
    ):
        stream.get_final_message()


def test_gemini_whole_streamed_tools_and_embeddings(gemini, sandbox):
    whole = gemini.models.generate_content(model="gemini-2.5-flash", contents="hello")
    used = last_usage(sandbox)
    assert whole.usage_metadata.thoughts_token_count == used["reasoning"] > 0
    assert whole.usage_metadata.candidates_token_count == used["output"]
    chunks = list(gemini.models.generate_content_stream(model="gemini-2.5-flash", contents="hello"))
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert chunks[-1].usage_metadata == whole.usage_metadata
    declared = types.FunctionDeclaration(name="weather", parameters_json_schema=CITY)
    calling = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])], tool_config=calling)
    called = gemini.models.generate_content(model="gemini-2.5-flash", contents="rain?", config=config)
    assert [(call.name, call.args) for call in called.function_calls] == [("weather", {"city": "text"})]
    shaped = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    assert gemini.models.generate_content(model="gemini-2.0-flash", contents="?", config=shaped).parsed == City(
        city="text"
    )
    made = gemini.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert [len(entry.values) for entry in made.embeddings] == [3072, 3072]
    assert gemini.models.count_tokens(model="gemini-2.5-flash", contents="hello").total_tokens == used["input"]
    assert "models/gemini-2.5-flash" in {model.name for model in gemini.models.list()}
    with pytest.raises(genai.errors.ServerError):
        gemini.models.generate_content(model="gemini-2.5-flash+status=503", contents="hello")


class Token(google.auth.credentials.Credentials):
    """A credential that is always good."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "none"

    def refresh(self, request: object) -> None:
        del request


def test_vertex_serves_gemini_and_claude(sandbox):
    options = types.HttpOptions(base_url=sandbox)
    with genai.Client(
        vertexai=True, project="p", location="us-central1", credentials=Token(), http_options=options
    ) as client:
        whole = client.models.generate_content(model="gemini-2.5-flash", contents="hello")
        assert whole.usage_metadata.traffic_type == "ON_DEMAND"
        chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="hello"))
        assert chunks[-1].usage_metadata == whole.usage_metadata
        made = client.models.embed_content(model="text-embedding-005", contents="hello you")
        assert made.embeddings[0].statistics.token_count == 3
    with anthropic.AnthropicVertex(
        project_id="p", region="us-east5", access_token="none", base_url=f"{sandbox}/v1", max_retries=0
    ) as claude:
        _claude_answers(claude, "claude-sonnet-5")
        counted = claude.messages.count_tokens(model="claude-sonnet-5", messages=talk("hello"))
        assert counted.input_tokens == 6


def test_bedrock_serves_claude_to_anthropics_client(sandbox):
    with anthropic.AnthropicBedrock(
        aws_access_key="none", aws_secret_key="none", aws_region="us-east-1", base_url=sandbox, max_retries=0
    ) as claude:
        _claude_answers(claude, "us.anthropic.claude-sonnet-5-v1:0")


def _claude_answers(client: anthropic.AnthropicVertex | anthropic.AnthropicBedrock, model: str) -> None:
    whole = client.messages.create(model=model, max_tokens=99, messages=talk("hello"))
    with client.messages.stream(model=model, max_tokens=99, messages=talk("hello")) as stream:
        final = stream.get_final_message()
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.content[0].text == whole.content[0].text


def test_bedrock_converse_and_invoke(bedrock, sandbox):
    asked = {"modelId": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    whole = bedrock.converse(**asked)
    used = last_usage(sandbox)
    assert (whole["usage"]["inputTokens"], whole["usage"]["outputTokens"]) == (used["input"], used["output"])
    events = list(bedrock.converse_stream(**asked)["stream"])
    said = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert said == whole["output"]["message"]["content"][0]["text"]
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    claude = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": talk("hello")}
    model, body = "us.anthropic.claude-haiku-4-5-20251001-v1:0", json.dumps(claude)
    answer = json.load(bedrock.invoke_model(modelId=model, body=body)["body"])
    stream = bedrock.invoke_model_with_response_stream(modelId=model, body=body)["body"]
    payloads = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert payloads[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == answer["usage"]["output_tokens"]
    with pytest.raises(botocore.exceptions.ClientError, match="ThrottlingException"):
        bedrock.converse(**asked | {"modelId": "amazon.nova-lite-v1:0+status=429"})
    broken = bedrock.converse_stream(**asked | {"modelId": "amazon.nova-lite-v1:0+fault=error-mid-stream"})["stream"]
    with closing(broken), pytest.raises(botocore.exceptions.EventStreamError, match="modelStreamErrorException"):
        list(broken)  # one that breaks off keeps its socket, whatever becomes of the client
