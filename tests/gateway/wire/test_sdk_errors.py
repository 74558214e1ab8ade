"""The providers' own SDKs, unmodified, turn our errors into the exceptions that they raise for their provider."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from google import genai
from google.genai import errors as google_errors

from floorline.gateway.policy import Dialect
from floorline.gateway.wire.errors import error_body, error_event, error_headers

MESSAGE = "say what to change: “x” → 'y'"


@contextmanager
def answering(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Iterator[str]:
    """The address of a server that answers every request with this."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name.decode(), value.decode())
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing: the test says what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def refusing(dialect: Dialect, status: int) -> Any:
    return answering(status, error_headers(dialect, status), error_body(dialect, status, "some_kind", MESSAGE))


def ask_openai(base: str, **more: Any) -> Any:
    with openai.OpenAI(api_key="k", base_url=f"{base}/v1", max_retries=0) as client:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], **more)
        return list(answer) if more else answer


def ask_anthropic(base: str, **more: Any) -> Any:
    with anthropic.Anthropic(api_key="k", base_url=base, max_retries=0) as client:
        answer = client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "hi"}], **more)
        return list(answer) if more else answer


def ask_google(base: str, *, stream: bool = False) -> Any:
    with genai.Client(api_key="k", http_options={"base_url": base}) as client:
        if stream:
            return list(client.models.generate_content_stream(model="m", contents="hi"))
        return client.models.generate_content(model="m", contents="hi")


@contextmanager
def bedrock(base: str) -> Iterator[Any]:
    client = get_session().create_client(
        "bedrock-runtime", region_name="eu-west-1", endpoint_url=base, aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    with closing(client):
        yield client


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, openai.BadRequestError), (401, openai.AuthenticationError), (402, openai.APIStatusError),
        (403, openai.PermissionDeniedError), (404, openai.NotFoundError), (429, openai.RateLimitError),
        (502, openai.InternalServerError),
    ],
)  # fmt: skip
def test_openais_sdk(status: int, expected: type[openai.APIStatusError]) -> None:
    with refusing("openai", status) as base, pytest.raises(openai.APIStatusError) as raised:
        ask_openai(base)

    assert type(raised.value) is expected
    assert (raised.value.status_code, raised.value.code) == (status, "some_kind")
    assert raised.value.body["message"] == MESSAGE  # type: ignore[index]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "BadRequestError"), (401, "AuthenticationError"), (402, "PaymentRequiredError"), (403, "PermissionDeniedError"),
        (404, "NotFoundError"), (413, "ContentTooLargeError"), (429, "RateLimitError"), (502, "InternalServerError"),
        (503, "ServiceUnavailableError"), (504, "GatewayTimeoutError"),
    ],
)  # fmt: skip
def test_anthropics_sdk(status: int, expected: str) -> None:
    with refusing("anthropic", status) as base, pytest.raises(anthropic.APIStatusError) as raised:
        ask_anthropic(base)

    assert type(raised.value).__name__ == expected
    assert raised.value.status_code == status
    assert raised.value.body["error"]["message"] == MESSAGE  # type: ignore[index]


@pytest.mark.parametrize(
    ("status", "expected", "name"),
    [
        (400, google_errors.ClientError, "INVALID_ARGUMENT"), (401, google_errors.ClientError, "UNAUTHENTICATED"),
        (402, google_errors.ClientError, "FAILED_PRECONDITION"), (502, google_errors.ServerError, "INTERNAL"),
    ],
)  # fmt: skip
def test_googles_sdk(status: int, expected: type[google_errors.APIError], name: str) -> None:
    with refusing("gemini", status) as base, pytest.raises(google_errors.APIError) as raised:
        ask_google(base)

    assert type(raised.value) is expected
    assert (raised.value.code, raised.value.status, raised.value.message) == (status, name, MESSAGE)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "ValidationException"), (401, "AccessDeniedException"), (402, "ServiceQuotaExceededException"),
        (404, "ResourceNotFoundException"), (429, "ThrottlingException"), (502, "InternalServerException"),
        (503, "ServiceUnavailableException"), (504, "ModelTimeoutException"),
    ],
)  # fmt: skip
def test_awss_sdk(status: int, name: str) -> None:
    with refusing("bedrock", status) as base, bedrock(base) as client, pytest.raises(ClientError) as raised:
        client.converse(modelId="m", messages=[])

    assert type(raised.value).__name__ == name  # the operation's own exception, which a caller catches by its name
    assert raised.value.response["Error"] == {"Code": name, "Message": MESSAGE}


BEGUN: dict[Dialect, bytes] = {
    "openai": b'data: {"id":"c","object":"chat.completion.chunk","choices":[]}\n\n',
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\r\n\r\n',
}


@pytest.mark.parametrize(
    ("dialect", "ask", "expected"),
    [
        ("openai", lambda base: ask_openai(base, stream=True), openai.APIError),
        ("anthropic", lambda base: ask_anthropic(base, stream=True), anthropic.APIStatusError),
        ("gemini", lambda base: ask_google(base, stream=True), google_errors.ServerError),
    ],
)
def test_an_error_in_a_stream_is_raised(dialect: Dialect, ask: Callable[[str], Any], expected: type[Exception]) -> None:
    body = BEGUN[dialect] + error_event(dialect, 502, "upstream_broken", MESSAGE)
    with answering(200, [(b"content-type", b"text/event-stream")], body) as base, pytest.raises(expected) as raised:
        ask(base)

    assert MESSAGE in json.dumps(
        getattr(raised.value, "body", None) or getattr(raised.value, "details", ""), ensure_ascii=False
    )


def test_an_error_in_bedrocks_stream_is_raised() -> None:
    body = error_event("bedrock", 503, "upstream_broken", MESSAGE)
    headers = [(b"content-type", b"application/vnd.amazon.eventstream")]
    with answering(200, headers, body) as base, bedrock(base) as client:
        stream = client.converse_stream(modelId="m", messages=[])["stream"]
        with closing(stream), pytest.raises(ClientError, match="serviceUnavailableException") as raised:
            list(stream)

    assert raised.value.response["Error"]["Message"] == MESSAGE
