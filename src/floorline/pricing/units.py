"""Which price pays for which unit of usage.

Our buckets are disjoint, so a unit is priced once, by the first price of its chain that the book has: the price made
for it, else the price of the wider unit that contains it. genai-prices counts nested units instead (input holds
cache_read holds cache_read_audio) and takes the priced parts out of the whole; what it does not price separately
stays in the whole and pays the whole's price. Both give the same sum: genai-prices demands that every ancestor of a
price and every join of two prices is priced too (its validation.py), so the narrowest priced unit is unique and is
the first one of the chain.
"""

from types import MappingProxyType

from floorline.events import USAGE_UNITS

MTOK = 1_000_000

CHAINS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({
    "input": ("input",),
    "input_audio": ("input_audio", "input"),
    "input_image": ("input_image", "input"),
    "input_video": ("input_video", "input"),
    "cache_read": ("cache_read", "input"),
    "cache_read_audio": ("cache_read_audio", "cache_read", "input_audio", "input"),
    "cache_read_image": ("cache_read_image", "cache_read", "input_image", "input"),
    "cache_read_video": ("cache_read_video", "cache_read", "input_video", "input"),
    "cache_write_5m": ("cache_write_5m", "cache_write", "input"),
    "cache_write_1h": ("cache_write_1h", "cache_write", "input"),
    "output": ("output",),
    "reasoning": ("reasoning", "output"),
    "output_audio": ("output_audio", "output"),
    "output_image": ("output_image", "output"),
    "output_video": ("output_video", "output"),
    "citation": ("citation", "output"),
    "input_audio_seconds": ("input_audio_seconds", "audio_seconds"),
    "output_audio_seconds": ("output_audio_seconds", "audio_seconds"),
    "document_pages": ("document_pages",),
    "annotated_document_pages": ("annotated_document_pages", "document_pages"),
    "input_characters": ("input_characters",),
    "requests": ("requests",),
    "web_searches": ("web_searches",),
    "social_searches": ("social_searches",),
    "storage_searches": ("storage_searches",),
    "code_executions": ("code_executions",),
    "tool_calls": ("tool_calls",),
    "rerank_searches": ("rerank_searches",),
    "images": ("images",),
    "text_messages": ("text_messages",),
    "pixels": ("pixels",),
    "gpu_seconds": ("gpu_seconds",),
})  # fmt: skip
"""Unit of usage → names of prices, the first that has one pays."""

PRICE_NAMES = frozenset(name for chain in CHAINS.values() for name in chain)
"""Every name a price can have: the units, and `cache_write` and `audio_seconds` for both of their kinds."""

_COUNT_PER = {
    "input_audio_seconds": 3600, "output_audio_seconds": 3600, "audio_seconds": 3600, "gpu_seconds": 3600,
    "input_characters": MTOK, "pixels": 1_000_000_000, "images": 1,
    "requests": 1000, "web_searches": 1000, "social_searches": 1000, "storage_searches": 1000, "code_executions": 1000,
    "tool_calls": 1000, "rerank_searches": 1000, "text_messages": 1000,
    "document_pages": 1000, "annotated_document_pages": 1000,
}  # fmt: skip

PER: MappingProxyType[str, int] = MappingProxyType({name: _COUNT_PER.get(name, MTOK) for name in PRICE_NAMES})
"""How many of a unit a price is for where it does not say: a million tokens, a thousand searches, an hour of seconds."""

assert set(CHAINS) == USAGE_UNITS, "every unit of usage has a chain, and no other"
