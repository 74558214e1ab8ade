"""Small Stripe objects for tests, in the shapes of three ages of the API. Amounts are in minor units."""

from typing import Any

JAN, FEB, MAR = 1_767_225_600, 1_769_904_000, 1_772_323_200  # midnight UTC of the first of the month, 2026
JAN_2027 = 1_798_761_600

Obj = dict[str, Any]


def line(name: str = "il_1", amount: int = 3_100, **changes: Any) -> Obj:
    """A subscription line of today's shape: `pricing`, `parent`, `taxes`."""
    return {
        "id": name,
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "period": {"start": JAN, "end": FEB},
        "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_1"}},
        "parent": {"type": "subscription_item_details", "subscription_item_details": {"subscription": "sub_1"}},
        "discount_amounts": [],
        "taxes": [],
        "metadata": {},
        "quantity": 1,
        **changes,
    }


def mid_line(name: str = "il_1", amount: int = 3_100, **changes: Any) -> Obj:
    """A line of 2020 to 2024: `price`, `type`, `tax_amounts`."""
    return {
        "id": name,
        "object": "line_item",
        "amount": amount,
        "period": {"start": JAN, "end": FEB},
        "price": {"id": "price_pro", "object": "price", "product": "prod_1", "recurring": {"usage_type": "licensed"}},
        "type": "subscription",
        "subscription": "sub_1",
        "proration": False,
        "discount_amounts": [],
        "tax_amounts": [],
        "metadata": {},
        **changes,
    }


def old_line(name: str = "sub_1", amount: int = 3_100, **changes: Any) -> Obj:
    """A line of before 2019: `plan`, no taxes or discounts, and the subscription's id as its own."""
    return {
        "id": name,
        "object": "line_item",
        "amount": amount,
        "period": {"start": JAN, "end": FEB},
        "plan": {"id": "pro-monthly", "object": "plan"},
        "type": "subscription",
        "proration": False,
        **changes,
    }


def invoice(*lines: Obj, name: str = "in_1", **changes: Any) -> Obj:
    total = sum(one["amount"] for one in lines)
    return {
        "id": name,
        "object": "invoice",
        "status": "paid",
        "currency": "usd",
        "customer": "cus_1",
        "total": total,
        "total_excluding_tax": total,
        "lines": {"object": "list", "data": list(lines), "has_more": False},
        **changes,
    }


def old_invoice(*lines: Obj, name: str = "in_1", total: int, **changes: Any) -> Obj:
    """Without `status` and `total_excluding_tax`: four flags and one `tax` said it."""
    return {
        "id": name,
        "object": "invoice",
        "paid": True,
        "closed": True,
        "currency": "usd",
        "customer": "cus_1",
        "total": total,
        "tax": None,
        "lines": {"object": "list", "data": list(lines), "has_more": False, "total_count": len(lines)},
        **changes,
    }


def credit_note(*lines: Obj, name: str = "cn_1", **changes: Any) -> Obj:
    total = sum(one["amount"] for one in lines)
    return {
        "id": name,
        "object": "credit_note",
        "status": "issued",
        "currency": "usd",
        "customer": "cus_1",
        "invoice": "in_1",
        "total": total,
        "total_excluding_tax": total,
        "lines": {"object": "list", "data": list(lines)},
        **changes,
    }


def credit_line(name: str = "cnli_1", amount: int = 1_000, of: str | None = "il_1", **changes: Any) -> Obj:
    return {
        "id": name,
        "object": "credit_note_line_item",
        "amount": amount,
        "invoice_line_item": of,
        "discount_amounts": [],
        "taxes": [],
        "type": "invoice_line_item" if of else "custom_line_item",
        **changes,
    }


def refund(name: str = "re_1", amount: int = 1_550, **changes: Any) -> Obj:
    return {
        "id": name,
        "object": "refund",
        "amount": amount,
        "currency": "usd",
        "charge": "ch_1",
        "status": "succeeded",
        **changes,
    }


def charge(name: str = "ch_1", **changes: Any) -> Obj:
    return {"id": name, "object": "charge", "amount": 3_100, "currency": "usd", "invoice": "in_1", **changes}


def customer(name: str = "cus_1", **changes: Any) -> Obj:
    return {"id": name, "object": "customer", "name": "Acme Inc", "created": JAN, "metadata": {}, **changes}


def subscription(name: str = "sub_1", **changes: Any) -> Obj:
    return {
        "id": name,
        "object": "subscription",
        "status": "active",
        "customer": "cus_1",
        "start_date": JAN,
        "metadata": {},
        "items": {"object": "list", "data": [{"id": "si_1", "price": {"id": "price_pro", "object": "price"}}]},
        **changes,
    }
