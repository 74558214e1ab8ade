"""What Stripe calls things, and what the ledger does: prices, products, customers and their floorline_* metadata."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from floorline.events import Alias
from floorline.ingest.draft import Draft
from floorline.ingest.fields import fingerprint
from floorline.ingest.stripe.objects import Obj, items, mapping, reference, texts_of

CUSTOMER_KEYS = ("floorline_customer", "workspace_id", "workspace")
"""Metadata of a Stripe customer or subscription that names the customer as usage does; the first one present counts."""


@dataclass(slots=True)
class Names:
    """Metadata of every customer, subscription, price, plan and product of the import, by id."""

    metadata: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    products: dict[str, str] = field(default_factory=dict[str, str])
    lookup_keys: dict[str, str] = field(default_factory=dict[str, str])
    metered: set[str] = field(default_factory=set[str])
    one_time: set[str] = field(default_factory=set[str])
    customers_named: dict[str, str] = field(default_factory=dict[str, str])

    def learn(self, obj: Obj) -> None:
        """Take the names of an object, and of the prices inside its items and lines."""
        kind = obj.get("object")
        if kind in {"customer", "subscription", "product"}:
            self._remember(obj)
        if kind in {"price", "plan"}:
            self._price(obj)
        if kind in {"customer", "subscription"}:
            self._customer(obj)
        for name in ("items", "lines"):
            for line in items(obj.get(name)):
                self._price(mapping(line.get("plan")))
                self._price(mapping(line.get("price")))

    def _remember(self, obj: Obj) -> None:
        self.metadata.setdefault(reference(obj), {}).update(texts_of(obj.get("metadata")))

    def _price(self, price: Obj) -> None:
        name = reference(price)
        if not name:
            return
        self._remember(price)
        self.products[name] = reference(price.get("product")) or self.products.get(name, "")
        if lookup_key := price.get("lookup_key"):
            self.lookup_keys[name] = str(lookup_key)
        recurring = mapping(price.get("recurring")) or price
        if recurring.get("usage_type") == "metered":
            self.metered.add(name)
        if price.get("type") == "one_time":
            self.one_time.add(name)

    def _customer(self, obj: Obj) -> None:
        customer = reference(obj) if obj.get("object") == "customer" else reference(obj.get("customer"))
        named = texts_of(obj.get("metadata"))
        for key in CUSTOMER_KEYS:
            if customer and key in named:
                self.customers_named.setdefault(customer, named[key])
                return

    def customer(self, stripe_id: str) -> str:
        """The customer's own name in the ledger, or Stripe's id."""
        return self.customers_named.get(stripe_id, stripe_id)

    def said(self, key: str, *places: Mapping[str, str]) -> str:
        """The first of `places` that says `key`, or empty text."""
        return next((place[key] for place in places if key in place), "")

    def about(self, *ids: str) -> list[Mapping[str, str]]:
        """The metadata of these objects, and of the product of each price among them."""
        found: list[Mapping[str, str]] = []
        for name in ids:
            found.append(self.metadata.get(name, {}))
            if name in self.products:
                found.append(self.metadata.get(self.products[name], {}))
        return found

    def plan_of_price(self, price: str) -> str:
        """The plan a price stands for by its metadata, its product's, or its lookup key; empty when none says."""
        return self.said("floorline_plan", *self.about(price)) or self.lookup_keys.get(price, "")

    def aliases(self, source: str) -> Iterator[Draft]:
        """`cus_…` is the named customer; `price_…` is the named plan."""
        for stripe_id, named in sorted(self.customers_named.items()):
            if stripe_id != named:
                yield alias(source, "customer", stripe_id, named)
        for price in sorted(self.products):
            plan = self.plan_of_price(price)
            if plan and plan != price:
                yield alias(source, "plan", price, plan)


def alias(source: str, kind: Literal["customer", "plan"], name: str, canonical: str) -> Draft:
    """An undated alias."""
    record = Alias(source=source, id=f"{kind}:{name}", kind=kind, alias=name, canonical=canonical)
    values = {"kind": kind, "alias": name, "canonical": canonical}
    return Draft(source=source, id=record.id, fingerprint=fingerprint(values), body=record)
