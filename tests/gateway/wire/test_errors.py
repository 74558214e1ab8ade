"""Errors of our own, read as each dialect's SDK reads them."""

import json
import struct
import zlib

import pytest

from floorline.gateway.policy import Dialect
from floorline.gateway.wire.errors import error_body, error_event, error_headers
from floorline.pricing.usage.framing import EventStreamFramer

DIALECTS: list[Dialect] = ["openai", "anthropic", "gemini", "bedrock"]


def test_openais_shape_has_type_and_code() -> None:
    assert json.loads(error_body("openai", 400, "model_missing", "name it", {"param": "model"})) == {
        "error": {"message": "name it", "type": "invalid_request_error", "param": "model", "code": "model_missing"}
    }
    assert json.loads(error_body("openai", 402, "budget_exceeded", "no"))["error"]["type"] == "budget_exceeded"
    assert json.loads(error_body("openai", 502, "upstream_failed", "no"))["error"]["type"] == "server_error"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"), (403, "permission_error"),
        (404, "not_found_error"), (413, "request_too_large"), (429, "rate_limit_error"), (500, "api_error"),
        (502, "api_error"), (503, "overloaded_error"), (504, "timeout_error"),
    ],
)  # fmt: skip
def test_anthropics_shape_has_its_names(status: int, name: str) -> None:
    assert json.loads(error_body("anthropic", status, "some_kind", "no")) == {
        "type": "error",
        "error": {"type": name, "message": "no", "code": "some_kind"},
    }


def test_geminis_shape_has_code_status_and_the_kind_as_a_reason() -> None:
    found = json.loads(error_body("gemini", 429, "rate_exceeded", "slower", {"limit": 5}))["error"]

    assert (found["code"], found["status"], found["message"]) == (429, "RESOURCE_EXHAUSTED", "slower")
    assert (found["details"][0]["reason"], found["details"][0]["metadata"]) == ("RATE_EXCEEDED", {"limit": "5"})


def test_geminis_facts_are_texts_and_those_that_nobody_knows_are_left_out() -> None:
    extra = {"budget": "pro", "upgrade_url": None, "outstanding": {"calls": 2, "call_ids": ["c1"]}}
    (info,) = json.loads(error_body("gemini", 402, "budget_reserved", "wait", extra))["error"]["details"]

    assert set(info["metadata"]) == {"budget", "outstanding"}
    assert json.loads(info["metadata"]["outstanding"]) == {"calls": 2, "call_ids": ["c1"]}


def test_bedrocks_exception_is_named_in_a_header() -> None:
    assert json.loads(error_body("bedrock", 403, "key_revoked", "no"))["message"] == "no"
    assert (b"x-amzn-errortype", b"AccessDeniedException") in error_headers("bedrock", 403)
    assert (b"x-amzn-errortype", b"InternalServerException") in error_headers("bedrock", 502)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_message_with_any_characters_is_json(dialect: Dialect) -> None:
    message = 'a "quoted" line\n\u2028 ü \x00'
    body = error_body(dialect, 400, "x", message)
    found = json.loads(body)

    assert found.get("error", found)["message"] == message
    assert b"\n" not in body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_errors_head_says_json(dialect: Dialect) -> None:
    assert (b"content-type", b"application/json") in error_headers(dialect, 400)


def test_a_stream_is_told_of_an_error_by_one_last_event() -> None:
    assert error_event("openai", 502, "upstream_failed", "gone").startswith(b'data: {"error":{')
    assert error_event("gemini", 502, "upstream_failed", "gone").startswith(
        b'data: {"error":{'
    )  # google-genai: so and no other way
    assert error_event("anthropic", 502, "upstream_failed", "gone").startswith(b'event: error\ndata: {"type":"error"')
    for dialect in ("openai", "gemini", "anthropic"):
        assert error_event(dialect, 502, "x", "two\nlines").endswith(b"}\n\n")
        assert error_event(dialect, 502, "x", "two\nlines").count(b"\n\n") == 1


def test_bedrocks_last_event_is_a_message_with_right_checksums() -> None:
    message = error_event("bedrock", 503, "upstream_failed", "gone")
    length, headers_length = struct.unpack_from(">II", message)
    framer = EventStreamFramer()

    assert length == len(message)
    assert struct.unpack_from(">I", message, length - 4)[0] == zlib.crc32(message[:-4])
    assert b"serviceUnavailableException" in message[12 : 12 + headers_length]
    assert list(framer.feed(message)) == []
    assert "exception" in framer.trouble
