"""Stripe's minor units, and what of a line is revenue: its amount less discounts, inclusive tax and applied credits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from floorline.errors import BadRow
from floorline.ingest.stripe.objects import Obj, items, minor
from floorline.money import EXACT, split

ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
UNCLEAR = frozenset({"UGX"})
"""Stripe lists it as a zero-decimal currency whose amounts are still passed with two decimals: not guessed here."""


def main_units(amount: Decimal | int, currency: str) -> Decimal:
    """Minor units as the currency's main unit: 1234 is 12.34 USD, 1234 JPY and 1.234 KWD. `currency` in capitals.

    Source: docs.stripe.com/currencies (ISK, HUF and TWD keep two decimals in the API).
    """
    if currency in UNCLEAR:
        raise BadRow(
            f"{currency} amounts are ambiguous in Stripe's API: import this line with `floorline import revenue`"
        )
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return EXACT.scaleb(Decimal(amount), -places)


def currency_of(obj: Obj) -> str:
    """The object's currency in capitals. BadRow when it is not three letters."""
    code = obj.get("currency")
    if not isinstance(code, str) or len(code) != 3 or not code.isascii() or not code.isalpha():
        raise BadRow(f"currency {code!r} is not three letters")
    return code.upper()


def line_net(line: Obj) -> int:
    """Minor units of revenue of an invoice or credit note line: amount − discounts − inclusive tax − applied credits.

    `amount` holds inclusive tax and never exclusive tax. A billing credit is subtracted because its purchase was
    invoiced before, or it was given away.
    """
    amount = minor(line.get("amount"), "amount")
    discounts = line.get("discount_amounts")
    discount = _total(discounts) if discounts is not None else line.get("discount_amount") or 0
    credit = sum(
        minor(entry.get("amount"), "pretax credit")
        for entry in items(line.get("pretax_credit_amounts"))
        if entry.get("type") == "credit_balance_transaction"
    )
    return amount - minor(discount, "discount_amount") - inclusive_tax(line) - credit


def inclusive_tax(obj: Obj) -> int:
    """Tax that stands inside `amount`, of newer (`taxes`) and older (`tax_amounts`) lines."""
    newer = [entry for entry in items(obj.get("taxes")) if entry.get("tax_behavior") == "inclusive"]
    older = [entry for entry in items(obj.get("tax_amounts")) if entry.get("inclusive") is True]
    return _total(newer or older)


def document_net(obj: Obj) -> int:
    """Minor units of an invoice's or credit note's total without tax of either kind and without shipping."""
    excluding = obj.get("total_excluding_tax")
    net = minor(excluding, "total_excluding_tax") if excluding is not None else _total_less_tax(obj)
    return net - minor(obj.get("amount_shipping") or 0, "amount_shipping")


def _total_less_tax(obj: Obj) -> int:
    total = minor(obj.get("total"), "total")
    for name in ("total_taxes", "total_tax_amounts", "tax_amounts"):
        if entries := items(obj.get(name)):
            return total - _total(entries)
    return total - minor(obj.get("tax") or 0, "tax")


def _total(entries: Any) -> int:
    return sum(minor(entry.get("amount"), "amount") for entry in items(entries))


def nets(document: Obj, lines: Sequence[Obj]) -> list[Decimal]:
    """Minor units of revenue per line, summing to the document's total without tax.

    Older lines do not state their discounts or taxes: what is missing, and the cents by which line taxes round away
    from the total's, is spread over the lines in proportion to their amounts. Lines that state everything and still
    do not sum to the total are refused.
    """
    stated = [line_net(line) for line in lines]
    expected = document_net(document)
    missing = expected - sum(stated)
    if missing == 0:
        return [Decimal(net) for net in stated]
    complete = all("discount_amounts" in line and ("taxes" in line or "tax_amounts" in line) for line in lines)
    if complete and abs(missing) > len(lines):
        raise BadRow(
            f"its {len(lines)} lines come to {sum(stated)} net of discounts and tax, its total says {expected} "
            f"(minor units): export it again with all of its lines"
        )
    weights = [max(minor(line.get("amount"), "amount"), 0) for line in lines]
    if not any(weights):
        raise BadRow(
            f"its lines come to {sum(stated)}, its total says {expected}, and no line has an amount to spread it over"
        )
    spread = split(Decimal(missing), weights)
    return [net + part for net, part in zip(stated, spread, strict=True)]
