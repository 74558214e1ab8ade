"""A page's content as JSON: what its twin and the API answer. Money is text of 12 places, unknown is null. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import msgspec

from floorline.web.blocks import Card, Cards, Facts, Meter, Meters, Shown, Table
from floorline.web.tables import cell, figures_of

Json = dict[str, object]


def document(shown: Shown) -> Json:
    """The page: `title`, `about`, `blocks`, each with its kind in `block`."""
    return {
        "title": shown.title,
        "lead": shown.lead,
        "about": _plain(shown.about),
        "blocks": [_block(block) for block in shown.blocks],
    }


def _block(block: msgspec.Struct) -> Json:
    if isinstance(block, Cards):
        return {**_plain(block, "cards"), "cards": [_card(card) for card in block.cards]}
    if isinstance(block, Facts):
        return {**_plain(block, "facts"), "facts": [_card(card) for card in block.facts]}
    if isinstance(block, Meters):
        return {**_plain(block, "meters"), "meters": [_meter(meter) for meter in block.meters]}
    if isinstance(block, Table):
        rows = [dict(figures_of(block.columns, row)) for row in block.rows]
        return {**_plain(block, "rows"), "rows": rows}
    return _plain(block)


def _card(card: Card) -> Json:
    values: Json = {"value": cell(card.value, card.unit), "before": cell(card.before, card.unit)}
    return {**_plain(card, "value", "before"), **values}


def _meter(meter: Meter) -> Json:
    names = ("used", "limit", "reserved")
    return {**_plain(meter, *names), **{name: cell(getattr(meter, name), meter.unit) for name in names}}


def _plain(struct: msgspec.Struct, *without: str) -> Json:
    """The members but for those that are `without`."""
    told: Json = {}
    tag = struct.__struct_config__.tag
    if tag is not None:
        told["block"] = tag
    for field in msgspec.structs.fields(struct):
        if field.name not in without:
            told[field.encode_name] = _value(getattr(struct, field.name))
    return told


def _value(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _plain(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        named = cast("Mapping[object, object]", value)
        return {str(name): _value(one) for name, one in named.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(one) for one in cast("Sequence[object]", value)]
    return value
