"""What a call asks, as a short keyed hash on its record: repeated requests, which a cache could answer, can be counted without
keeping a prompt. Nobody without the signing secret can tell from it what was asked.
"""

from hashlib import sha256

import msgspec

from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.members import without

REQUEST_HASH = "request_hash"
"""Its name in a call's metadata; what the application itself says there stands."""

BESIDE_THE_POINT = frozenset(
    {
        "metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "stream", "stream_options", "user",
    }
)  # fmt: skip
"""Members of OpenAI's and Anthropic's requests that say who asks, or how the answer is sent, and not what is asked."""

PURPOSE = b"floorline requests"
"""What the hasher's key is derived for."""

BLOCK_BYTES = 64
"""What SHA-256 takes in at once."""

DIGITS = 16


class Hasher:
    """Hashes requests under one key of at most 64 bytes: SHA-256, which processors calculate themselves, behind a block of the key, and
    cut short, so that nobody can hash on from what they see.
    """

    def __init__(self, key: bytes) -> None:
        self._fresh = sha256(key.ljust(BLOCK_BYTES, b"\0")).copy

    def of(self, call: UnderWay) -> str:
        """16 hex digits. Two calls have the same when the endpoint, every member in its order of writing and every byte of
        their values are the same, but for BESIDE_THE_POINT; in Google's and Bedrock's dialects when the bodies are.
        """
        route, held = call.route, call.view.held
        said = f"{route.dialect}\0{route.endpoint}\0{call.view.model}\0".encode()
        if not held or route.dialect not in ("openai", "anthropic"):
            said += call.request.body
        else:
            said += _written(without(held, BESIDE_THE_POINT))
        hashed = self._fresh()
        hashed.update(said)
        return hashed.hexdigest()[:DIGITS]


_written = msgspec.json.Encoder().encode
