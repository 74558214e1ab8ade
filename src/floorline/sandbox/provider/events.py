"""Events of a stream as bytes: server-sent events, and the binary messages of AWS."""

import struct
import zlib

import msgspec

_ENCODER = msgspec.json.Encoder()
encode = _ENCODER.encode

DONE = b"data: [DONE]\n\n"
PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""What Bedrock hides the length of its events with: the first so many of these."""


def data(payload: object) -> bytes:
    """A server-sent event without a name."""
    return b"data: " + encode(payload) + b"\n\n"


def named(name: str, payload: object) -> bytes:
    """A server-sent event with a name."""
    return b"event: " + name.encode() + b"\ndata: " + encode(payload) + b"\n\n"


def message(event: str, payload: bytes, *, kind: str = "event", content_type: str = "application/json") -> bytes:
    """One message of `application/vnd.amazon.eventstream`. `kind` is `event` or `exception`.

    Message: total length, headers length, CRC-32 of these 8 bytes, headers, payload, CRC-32 of everything before it.
    """
    headers = _header(f":{kind}-type", event) + _header(":content-type", content_type) + _header(":message-type", kind)
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    """A header of type 7: text."""
    encoded = value.encode()
    return bytes((len(name),)) + name.encode() + b"\x07" + struct.pack(">H", len(encoded)) + encoded


def padded(payload: dict[str, object]) -> bytes:
    """The payload as Bedrock sends it, with padding `p` that depends on its length alone."""
    size = len(encode(payload)) * 7 % len(PADDING)
    return encode({**payload, "p": PADDING[: size + 1]})
