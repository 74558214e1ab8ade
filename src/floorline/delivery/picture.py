"""A chart as a PNG. Drawn without the network: a specification carries its data."""

import logging

import msgspec

log = logging.getLogger(__name__)

SCALE = 2
"""Pixels for each point: sharp on today's screens, half the size where it is shown."""


def png(chart: dict[str, object] | None) -> bytes | None:
    """The picture of a Vega-Lite specification; None without one, or when it cannot be drawn: a message goes without."""
    if chart is None:
        return None
    import vl_convert  # noqa: PLC0415 - a whole JavaScript engine, which most processes never need

    try:
        return vl_convert.vegalite_to_png(_text(chart), scale=SCALE, allowed_base_urls=[])
    except ValueError as error:
        return _undrawn(error)


def svg(chart: dict[str, object]) -> str | None:
    """The specification as SVG, for pages; None when it cannot be drawn."""
    import vl_convert  # noqa: PLC0415 - as above

    try:
        return vl_convert.vegalite_to_svg(_text(chart), allowed_base_urls=[])
    except ValueError as error:
        return _undrawn(error)


def _text(chart: dict[str, object]) -> str:
    return msgspec.json.encode(chart).decode()


def _undrawn(error: ValueError) -> None:
    log.warning("a chart could not be drawn: %s", " ".join(str(error).split())[:300])
