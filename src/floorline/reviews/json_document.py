"""A review as JSON carries it: every Decimal is text of 12 places, days and instants are ISO 8601."""

from decimal import Decimal
from typing import cast

import msgspec

from floorline.money import text


def document(review: msgspec.Struct) -> dict[str, object]:
    """Every field of a review."""
    return cast("dict[str, object]", _plain(msgspec.to_builtins(review, builtin_types=(Decimal,))))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[object]", value)]
    return value
