"""Figures as people read them, and exactly as they are for whoever points at them. Pure.

What is unknown is None here and the template's word there: a figure is never made of it.
"""

from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from floorline.money import text as money_text
from floorline.web.blocks import Unit, Value

CENTS_BELOW = 1_000
"""Amounts below this, in USD, are shown with their cents."""

_THIN = "\u202f"
_MINUS = "\u2212"
_UNITS = ((Decimal(10**12), "T"), (Decimal(10**9), "B"), (Decimal(10**6), "M"))
ZONES = {
    "red": ("▼", "below floor"),
    "yellow": ("◆", "near floor"),
    "green": ("▲", "above floor"),
    "unknown": ("?", "unknown"),
}


def shown(value: Value, unit: Unit, zone: tzinfo) -> str:  # noqa: C901, PLR0912 - one line a unit
    """A figure in words, but for None. Instants are of the timezone `zone`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%-d %b %Y %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    if isinstance(value, str):
        return f"{ZONES[value][0]} {ZONES[value][1]}" if unit == "zone" and value in ZONES else value
    assert isinstance(value, Decimal | int), f"{value!r} is no figure"
    number = Decimal(value)
    match unit:
        case "usd":
            return dollars(number)
        case "percent":
            return f"{_rounded(number * 100, 1)} %".replace(" ", "\u00a0")
        case "points":
            sign = "+" if number > 0 else ""
            return f"{sign}{_rounded(number * 100, 1)} pts".replace(" ", "\u00a0")
        case "tokens":
            return _large(number)
        case "ms":
            return _duration(number)
        case "hours":
            return f"{_rounded(number, 1)}\u00a0h"
        case "days":
            return f"{_rounded(number, 1)}\u00a0d" if number % 1 else f"{_rounded(number, 0)}\u00a0d"
        case "bytes":
            return _bytes(number)
        case "number":
            return _significant(number)
        case _:
            return _rounded(number, 0)


def exact(value: Value, unit: Unit, zone_name: str, zone: tzinfo) -> str:
    """The figure to its last digit, with its unit: what is shown to whoever points at it. '' for None and text."""
    if value is None or isinstance(value, bool | str):
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone).isoformat()} ({zone_name})"
    if isinstance(value, date):
        return f"{value.isoformat()} ({zone_name})"
    assert isinstance(value, Decimal | int)
    if unit == "usd":
        return f"{money_text(Decimal(value))} USD"
    if unit in {"percent", "points"}:
        return f"{Decimal(value) * 100:f} {'%' if unit == 'percent' else 'percentage points'}"
    return f"{value:,f} {unit}" if isinstance(value, Decimal) else f"{value:,} {unit}"


def dollars(amount: Decimal) -> str:
    """USD: whole dollars, with cents where they matter, and with more digits for what is less than a cent."""
    sign = _MINUS if amount < 0 else ""
    size = abs(amount)
    if size == 0:
        return "$0.00"
    if size >= CENTS_BELOW:
        return f"{sign}${_rounded(size, 0)}"
    if size >= Decimal("0.1"):
        return f"{sign}${_rounded(size, 2)}"
    digits = min(12, max(2, 2 - size.adjusted()))
    return f"{sign}${_rounded(size, digits)}"


def _rounded(number: Decimal, places: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return f"{rounded:,f}".replace("-", _MINUS)


def _significant(number: Decimal) -> str:
    places = max(0, 2 - number.adjusted()) if number else 0
    return _rounded(number, min(places, 12))


def _large(number: Decimal) -> str:
    for size, name in _UNITS:
        if abs(number) >= size:
            return f"{_rounded(number / size, 1)}{_THIN}{name}"
    return _rounded(number, 0)


def _duration(milliseconds: Decimal) -> str:
    if abs(milliseconds) < 1_000:
        return f"{_rounded(milliseconds, 0)}\u00a0ms"
    seconds = milliseconds / 1_000
    if abs(seconds) < 120:
        return f"{_rounded(seconds, 1)}\u00a0s"
    minutes = seconds / 60
    return f"{_rounded(minutes, 0)}\u00a0min" if abs(minutes) < 120 else f"{_rounded(minutes / 60, 1)}\u00a0h"


def _bytes(number: Decimal) -> str:
    for size, name in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if abs(number) >= 1 << size:
            return f"{_rounded(number / (1 << size), 1)}\u00a0{name}"
    return f"{_rounded(number, 0)}\u00a0B"
