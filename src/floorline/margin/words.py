"""How figures read in sentences and tables. – is unknown, never zero."""

from decimal import Decimal

from floorline.money import EXACT

UNKNOWN = "–"
_PERCENT_MIN = -999


def dollars(amount: Decimal | None) -> str:
    """USD for people: whole dollars from 1,000 on, cents below, as many digits as a small amount needs."""
    if amount is None:
        return UNKNOWN
    sign, size = "-" if amount < 0 else "", abs(amount)
    if size >= 1_000:
        return f"{sign}${size:,.0f}"
    if size == 0 or size >= 1:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.{min(12, 1 - size.adjusted() + 1)}f}"


def cents(amount: Decimal) -> str:
    """Dollars and cents: -$1,204.50."""
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def moved(amount: Decimal) -> str:
    """A change in USD, with its sign."""
    return f"{'+' if amount > 0 else ''}{dollars(amount)}"


def percent(ratio: Decimal | None, places: int = 1) -> str:
    """A ratio as percent. Losses of many times the revenue are told as such."""
    if ratio is None:
        return UNKNOWN
    shown = EXACT.multiply(ratio, Decimal(100))
    if shown < _PERCENT_MIN:
        return f"< {_PERCENT_MIN} %"
    text = f"{shown:.{places}f}"
    return f"{text.removeprefix('-') if not text.strip('-0.') else text} %"


def points(ratio: Decimal | None) -> str:
    """A difference of two ratios in percentage points, with its sign."""
    return UNKNOWN if ratio is None else f"{EXACT.multiply(ratio, Decimal(100)):+.1f} pts"


def counted(count: int, thing: str) -> str:
    """A count with its noun: 1 call, 2 calls."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def clipped(text: str, width: int) -> str:
    """The text in at most `width` characters."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
