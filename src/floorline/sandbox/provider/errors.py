"""Errors in each dialect's own shape."""

from collections.abc import Mapping
from typing import Literal

from floorline.sandbox.provider.controls import UNASKED, Controls
from floorline.sandbox.provider.events import data, encode, message, named
from floorline.sandbox.provider.message import Headers, Said

Dialect = Literal["openai", "anthropic", "gemini", "bedrock"]

_OPENAI: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("service_unavailable_error", "service_unavailable"),
}
_ANTHROPIC: Mapping[int, str] = {
    401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
_GEMINI: Mapping[int, str] = {
    401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_BEDROCK: Mapping[int, str] = {
    401: "UnrecognizedClientException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
    408: "ModelTimeoutException", 424: "ModelErrorException", 429: "ThrottlingException",
    503: "ServiceUnavailableException",
}  # fmt: skip
_SENTENCES: Mapping[int, str] = {
    401: "the key is not valid",
    403: "the key may not use this model",
    404: "there is no such model or path",
    413: "the request is too large",
    429: "the rate limit is reached: try again later",
    500: "the server had an error while it processed the request",
    503: "the service is overloaded: try again later",
    529: "Overloaded",
}


def error_body(dialect: Dialect, status: int, sentence: str = "") -> dict[str, object]:
    """The body of an error, in the sandbox's own words when there are no others."""
    sentence = sentence or _SENTENCES.get(status, f"the sandbox was asked for {status}")
    match dialect:
        case "openai":
            kind, code = _OPENAI.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
            return {"error": {"message": sentence, "type": kind, "param": None, "code": code}}
        case "anthropic":
            kind = _ANTHROPIC.get(status, "api_error" if status >= 500 else "invalid_request_error")
            return {"type": "error", "error": {"type": kind, "message": sentence}}
        case "gemini":
            kind = _GEMINI.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
            return {"error": {"code": status, "message": sentence, "status": kind}}
        case "bedrock":
            return {"message": sentence}


def failed(dialect: Dialect, status: int, sentence: str = "", controls: Controls = UNASKED) -> Said:
    """A whole answer that is an error, with its headers."""
    headers: Headers = (("content-type", "application/json"),)
    if dialect == "bedrock":
        kind = _BEDROCK.get(status, "InternalServerException" if status >= 500 else "ValidationException")
        headers += (("x-amzn-errortype", kind),)
    if controls.retry_after:
        headers += (("retry-after", controls.retry_after),)
    body = encode(error_body(dialect, status, sentence))
    return Said(status=status, headers=headers, parts=(body,), controls=controls)


def failure(dialect: Dialect) -> bytes:
    """The event that says, inside a stream that began well, that it failed."""
    match dialect:
        case "openai":
            return data(error_body("openai", 503))
        case "anthropic":
            return named("error", error_body("anthropic", 529))
        case "gemini":
            return data(error_body("gemini", 503))
        case "bedrock":
            return message("modelStreamErrorException", encode(error_body("bedrock", 503)), kind="exception")
