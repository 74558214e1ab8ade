"""Brotli, whose library has no types of its own: here is what it does."""

from typing import Any

import brotli

_library: Any = brotli


def packed(body: bytes, quality: int) -> bytes:
    """`body` compressed; `quality` from 0, quick, to 11, small."""
    small: bytes = _library.compress(body, quality=quality)
    return small
