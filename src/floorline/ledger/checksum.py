"""CRC-32C as the processor computes it. The library has no types of its own: here is what it does."""

import importlib
from collections.abc import Callable
from typing import cast

_library = importlib.import_module("google_crc32c")

value = cast("Callable[[bytes], int]", _library.value)
"""The CRC-32C of some bytes."""

extend = cast("Callable[[int, bytes], int]", _library.extend)
"""The CRC-32C of what `crc` is of, followed by more bytes."""
