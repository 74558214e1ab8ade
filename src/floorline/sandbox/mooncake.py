"""Mooncake's traces of a production chat service, whose prefix hashes say what a provider's prompt cache would hold.

Source: github.com/kvcache-ai/Mooncake (FAST 2025), Apache-2.0. Each call has the hashes of its prompt's blocks of 512
tokens, each hash standing for the whole prefix up to its block; the trace names no client.

A block is a cache read when every block before it is one and the cache has held it for less than `ttl_s` seconds
since it was last used. Providers cache from a least length on (1,024 tokens) and keep an unused prefix for some
minutes (OpenAI 5 to 10, Anthropic 5). No eviction but by age is assumed, so the reads are what the traffic allows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from floorline.errors import BadInput
from floorline.sandbox.traces import TracedCall, read_lines

BLOCK_TOKENS = 512
CACHED_TOKENS_MIN = 1_024
TTL_S = 300
_TOKENS_MAX = 100_000_000


class _Line(msgspec.Struct, frozen=True):
    timestamp: int
    input_length: int
    output_length: int
    hash_ids: tuple[int, ...] = ()


_LINES = msgspec.json.Decoder(_Line)


class PrefixedCall(NamedTuple):
    """A call with the hashes of its prompt's blocks. `position` is its line's number."""

    position: int
    at_ms: int
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...]


def read_mooncake(path: Path, *, ttl_s: int = TTL_S) -> Iterator[TracedCall]:
    """The calls of the JSONL (plain or gzip) in file order. BadInput names the line."""
    last_used_ms: dict[int, int] = {}
    for call in read_prefixes(path):
        yield TracedCall(
            position=str(call.position),
            at_us=call.at_ms * 1_000,
            client="mooncake",
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cache_read_tokens=_cached_tokens(call, last_used_ms, ttl_s * 1_000),
        )
        last_used_ms.update(dict.fromkeys(call.blocks, call.at_ms))


def read_prefixes(path: Path) -> Iterator[PrefixedCall]:
    """The same with their hashes; timestamps are milliseconds since the first call. BadInput names the line."""
    first_ms: int | None = None
    for number, text in read_lines(path):
        if not text.strip():
            continue
        line = _parse(path, number, text)
        first_ms = line.timestamp if first_ms is None else first_ms
        at_ms = line.timestamp - first_ms
        if at_ms < 0:
            raise BadInput(f"{path}:{number}: timestamp {line.timestamp} is before the trace's first, {first_ms}")
        yield PrefixedCall(number, at_ms, line.input_length, line.output_length, line.hash_ids)
    if first_ms is None:
        raise BadInput(f"{path}: no call in it: is this a Mooncake trace?")


def _parse(path: Path, number: int, text: str) -> _Line:
    try:
        line = _LINES.decode(text)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path}:{number}: not a line of a Mooncake trace: {error}") from error
    if not (0 <= line.input_length <= _TOKENS_MAX and 0 <= line.output_length <= _TOKENS_MAX):
        raise BadInput(f"{path}:{number}: {line.input_length} and {line.output_length} tokens are out of range")
    return line


def _cached_tokens(call: PrefixedCall, last_used_ms: dict[int, int], ttl_ms: int) -> int:
    """Tokens of the prompt's beginning that the cache still holds; 0 below what a provider caches at all."""
    blocks = 0
    for block in call.blocks:
        used_ms = last_used_ms.get(block)
        if used_ms is None or call.at_ms - used_ms > ttl_ms:
            break
        blocks += 1
    tokens = min(blocks * BLOCK_TOKENS, call.input_tokens)
    return tokens if tokens >= CACHED_TOKENS_MIN else 0
