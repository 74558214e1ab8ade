"""Errors of our own in the shape that each dialect's clients turn into their right exception."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from floorline.gateway.policy import Dialect
from floorline.gateway.wire.framing import event_message

_NO_EXTRA: Mapping[str, object] = {}
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """A request that cannot be served as it is. `kind` is for programs, `message` says to people what to change, `param` where."""

    kind: str
    message: str
    param: str = ""
    status: int = 400


_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 501: "not_supported"}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_BEDROCK_ERRORS = {
    401: "AccessDeniedException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    409: "ConflictException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}


def error_body(
    dialect: Dialect, status: int, kind: str, message: str, extra: Mapping[str, object] = _NO_EXTRA
) -> bytes:
    """The body of an error answer. `extra` is added beside the message; `param` there is OpenAI's member of that name."""
    return _encode(_error(dialect, status, kind, message, extra))


def error_headers(dialect: Dialect, status: int) -> list[tuple[bytes, bytes]]:
    """What an error answer's head says: its type, and for Bedrock the exception, which its clients read from nowhere else."""
    if dialect == "bedrock":
        return [_JSON, (b"x-amzn-errortype", _bedrock_error(status).encode())]
    return [_JSON]


def error_event(
    dialect: Dialect, status: int, kind: str, message: str, extra: Mapping[str, object] = _NO_EXTRA
) -> bytes:
    """The same as the last event of a stream that has begun. Only where one event has just ended; the stream is broken off after it."""
    body = error_body(dialect, status, kind, message, extra)
    if dialect == "anthropic":
        return b"event: error\ndata: %s\n\n" % body
    if dialect == "bedrock":
        return _exception_message(_bedrock_error(status), body)
    return b"data: %s\n\n" % body


def _error(dialect: Dialect, status: int, kind: str, message: str, extra: Mapping[str, object]) -> dict[str, object]:
    if dialect == "anthropic":
        name = _ANTHROPIC_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": "error", "error": {"type": name, "message": message, "code": kind, **extra}}
    if dialect == "gemini":
        name = _GOOGLE_STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        facts = {key: _fact(value) for key, value in extra.items() if value is not None}
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": kind.upper(),
            "domain": "floorline",
            "metadata": facts,
        }
        return {"error": {"code": status, "message": message, "status": name, "details": [info]}}
    if dialect == "bedrock":
        return {"message": message, "code": kind, **extra}
    name = (
        kind
        if status == 402
        else _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    )
    return {"error": {"message": message, "type": name, "param": None, "code": kind, **extra}}


def _fact(value: object) -> str:
    """A value of Google's ErrorInfo, whose metadata are texts alone."""
    return value if isinstance(value, str) else _encode(value).decode()


def _bedrock_error(status: int) -> str:
    return _BEDROCK_ERRORS.get(status, "ValidationException" if status < 500 else "InternalServerException")


def _exception_message(name: str, payload: bytes) -> bytes:
    """One message of AWS's event stream that its clients raise as the exception `name` of the operation."""
    headers = b"".join(
        struct.pack(">B", len(key)) + key + struct.pack(">BH", 7, len(value)) + value
        for key, value in (
            (b":exception-type", (name[:1].lower() + name[1:]).encode()),
            (b":content-type", b"application/json"),
            (b":message-type", b"exception"),
        )
    )
    return event_message(headers, payload)
