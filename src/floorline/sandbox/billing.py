"""What the demo company bills its customers, and what it is billed for beside its calls."""

from collections.abc import Iterator
from datetime import timedelta

from floorline.sandbox import company as own
from floorline.sandbox.calendar import HISTORY_DAYS, Calendar
from floorline.sandbox.rows import Money, MoneyRow

_AHEAD_DAYS = own.MONTH_DAYS
"""How far beyond the last day invoices are written: subscriptions are billed ahead."""


def billed(company: own.Company, calendar: Calendar) -> Money:
    """Every invoice and every bill whose period has a day in the company's days, or begins soon after them."""
    return Money(revenue=tuple(_invoices(company, calendar)), costs=tuple(_costs(company, calendar)))


def _invoices(company: own.Company, calendar: Calendar) -> Iterator[MoneyRow]:
    prices = {
        own.SEAT: (own.SEAT_USD_PER_MONTH, own.MONTH_DAYS),
        own.ENTERPRISE: (own.ENTERPRISE_USD_PER_USER_YEAR, own.YEAR_DAYS),
        own.PRO: (own.PRO_USD_PER_MONTH, own.MONTH_DAYS),
    }
    for account in company.accounts:
        if account.plan in prices:
            price, length = prices[account.plan]
            for begun in _periods(account.joined, length):
                yield MoneyRow(
                    id=f"inv-{account.customer}-{calendar.day(begun)}",
                    customer=account.billed_as,
                    plan=account.plan,
                    amount=price * account.users,
                    period_start=calendar.day(begun),
                    period_end=calendar.day(begun + length),
                )


def _costs(company: own.Company, calendar: Calendar) -> Iterator[MoneyRow]:
    """What no call carries, most bills for one feature."""
    bills = (
        ("support-desk", "support", own.SUPPORT_DESK_USD_PER_MONTH, own.SUPPORT),
        ("vector-store-support", "infrastructure", own.VECTOR_STORE_SUPPORT_USD_PER_MONTH, own.SUPPORT),
        ("vector-store-contracts", "infrastructure", own.VECTOR_STORE_CONTRACTS_USD_PER_MONTH, own.CONTRACTS),
        ("call-logging", "infrastructure", own.CALL_LOGGING_USD_PER_MONTH, ""),
    )
    for begun in _periods(0, own.MONTH_DAYS):
        for name, component, amount, feature in bills:
            yield MoneyRow(
                id=f"{name}-{calendar.day(begun)}",
                component=component,
                amount=amount * company.bills,
                feature=feature,
                driver="calls",
                period_start=calendar.day(begun),
                period_end=calendar.day(begun) + timedelta(days=own.MONTH_DAYS),
            )


def _periods(first: int, length: int) -> Iterator[int]:
    """The days on which a period of `length` days begins, of those that reach into the company's days or begin soon after."""
    begun = first if first >= 0 else first % -length
    yield from range(begun, HISTORY_DAYS + _AHEAD_DAYS, length)
