"""Money is Decimal US dollars with 12 places, rounded once and half-even; a total is never lost in a split.

A cost line is rounded when it is made and its digits never change after. Shown figures are rounded from sums.
In the store an amount is an integer of 10^-12 USD (the bits of ClickHouse's Decimal(18, 12)).
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

PLACES = 12
PICO = 10**PLACES
"""An amount of the store in one dollar."""

ZERO = Decimal(0).scaleb(-PLACES)  # Decimal('0E-12')
_QUANTUM = Decimal(1).scaleb(-PLACES)
# 38 digits as the store sums them, and room for the product before it is rounded.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
LIMIT_USD = Decimal(9_000_000)  # Decimal(18, 12) holds ±9,223,372; an amount beyond this is refused, never wrapped


def usd(value: Decimal | int | str) -> Decimal:
    """`value` in USD rounded half-even to 12 places. ValueError for what is not a finite number."""
    try:
        amount = Decimal(value)
        if not amount.is_finite():
            raise ValueError(f"{value!r} is not a finite amount")
        return EXACT.quantize(amount, _QUANTUM)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not an amount of money: write it as 12.34") from error


def multiply(quantity: Decimal | int, price: Decimal, per: int = 1) -> Decimal:
    """Quantity × price ÷ per in USD, exact until it is rounded once, half-even, to 12 places."""
    return EXACT.quantize(EXACT.divide(EXACT.multiply(quantity, price), per), _QUANTUM)


def to_pico(amount: Decimal) -> int:
    """A 12-place amount as an integer of 10^-12 USD. OverflowError beyond what one ledger row holds."""
    if not -LIMIT_USD < amount < LIMIT_USD:
        raise OverflowError(
            f"{amount} USD exceeds what one ledger row holds ({LIMIT_USD} USD): split it into several rows"
        )
    return int(EXACT.scaleb(amount, PLACES))


def usd_of(amount: int) -> Decimal:
    """An integer of 10^-12 USD as a 12-place amount."""
    return EXACT.scaleb(Decimal(amount), -PLACES)


def text(amount: Decimal) -> str:
    """An amount as JSON and CSV carry it: plain digits, 12 places."""
    return f"{usd(amount):f}"


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Part ÷ whole to 12 places half-even; None when the whole is zero, because that share is unknown."""
    if whole == 0:
        return None
    return EXACT.divide(part, whole).quantize(_QUANTUM, context=EXACT)


def split(total: Decimal, weights: Sequence[Decimal | int]) -> list[Decimal]:
    """`total` divided in proportion to `weights`, to 12 places; the parts sum to `usd(total)` exactly.

    Largest remainder (Hamilton): every part is rounded towards zero, and the quanta left over go to the
    largest remainders, earlier parts first. ValueError when a weight is negative or all are zero.
    """
    total = usd(total)
    exact = [Decimal(weight) for weight in weights]
    whole = sum(exact, Decimal(0))
    if any(weight < 0 for weight in exact) or whole <= 0:
        raise ValueError(f"weights must be at least 0 and not all 0, got {list(weights)}")
    quotas = [EXACT.divide(EXACT.multiply(total, weight), whole) for weight in exact]
    parts = [quota.quantize(_QUANTUM, rounding=ROUND_DOWN, context=EXACT) for quota in quotas]
    missing = total - sum(parts, Decimal(0))
    step = _QUANTUM if missing > 0 else -_QUANTUM
    by_remainder = sorted(range(len(parts)), key=lambda i: (-abs(quotas[i] - parts[i]), i))
    for i in by_remainder[: int(abs(missing) / _QUANTUM)]:
        parts[i] += step
    assert sum(parts, Decimal(0)) == total
    return parts
