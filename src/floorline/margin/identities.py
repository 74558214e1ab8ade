"""Names that only usage or only billing knows, with the dollars behind them and the names they probably belong to."""

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from floorline.events import Customer
from floorline.margin.cells import Cells, Owner
from floorline.margin.policy import Policies
from floorline.margin.vectors import Integers
from floorline.money import usd_of

Kind = Literal["customer", "plan", "feature"]
SideName = Literal["usage", "billing"]
LIKELY_PERCENT = 60
PARTNERS_MAX = 3
_CANDIDATES_MAX = 200
_FILLER = frozenset(
    [
        "inc",
        "llc",
        "ltd",
        "gmbh",
        "ag",
        "sa",
        "bv",
        "co",
        "corp",
        "company",
        "group",
        "the",
        "www",
        "com",
        "io",
        "net",
        "org",
        "plan",
        "tier",
        "monthly",
        "yearly",
        "annual",
        "cus",
        "price",
        "prod",
        "org",
        "ws",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side names: 10^-12 USD by customer, plan and feature. Empty text is what it does not name."""

    customers: Mapping[str, int]
    plans: Mapping[str, int]
    features: Mapping[str, int]

    @classmethod
    def of(cls, amounts: Iterable[tuple[Owner, int]]) -> "Side":
        """The side that these amounts make."""
        customers, plans, features = (defaultdict[str, int](int) for _ in range(3))
        for owner, pico in amounts:
            customers[owner.customer] += pico
            plans[owner.plan] += pico
            features[owner.feature] += pico
        return cls(customers=customers, plans=plans, features=features)

    @classmethod
    def of_cells(cls, cells: Cells) -> "Side":
        """The side that use makes, by what it cost."""
        used = cells.used

        def costs(names: Sequence[str], groups: Integers) -> Mapping[str, int]:
            sums = np.zeros(len(names), dtype=used.costs.dtype)
            np.add.at(sums, groups, used.costs)
            return dict(zip(names, sums.tolist(), strict=True))

        return cls(
            customers=costs(used.customers, used.customer[used.pool]),
            plans=costs(used.plans, used.plan[used.pool]),
            features=costs(used.names, used.feature),
        )

    def names(self, kind: Kind) -> Mapping[str, int]:
        """The names of one kind."""
        return {"customer": self.customers, "plan": self.plans, "feature": self.features}[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A name of the other side that this one probably is; `percent` is how sure, `because` why."""

    name: str
    percent: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A name that one side knows and the other does not, with its dollars (cost of usage, revenue of billing)."""

    kind: Kind
    side: SideName
    name: str
    usd: Decimal
    partners: tuple[Partner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What does not match, by kind, side and dollars; `unnamed` is usage whose kind is not named at all, in USD."""

    unmatched: tuple[Unmatched, ...]
    unnamed: Mapping[Kind, Decimal]


def identities(
    usage: Side,
    billing: Side,
    customers: Sequence[Customer],
    policies: Policies,
    *,
    declared: Collection[str] = frozenset(),
) -> Identities:
    """Compare both sides. A plan or feature that the configuration states counts as known to billing, and so does a
    `declared` customer, one with a record of its own: a free customer is never billed. It stays a likely partner of a
    customer that only billing names.

    Usage names a feature too many only where the configuration states features: bundled revenue names none.
    """
    titles = {record.customer: record.name for record in customers if record.name}
    stated_features = {
        *policies.features,
        *(f for plan in policies.plans.values() for f in (*plan.features, *plan.weights)),
    }
    billed: dict[Kind, dict[str, int]] = {
        "customer": dict.fromkeys(declared, 0) | dict(billing.customers),
        "plan": dict.fromkeys(policies.plans, 0) | dict(billing.plans),
        "feature": dict.fromkeys(stated_features, 0) | dict(billing.features),
    }
    found: list[Unmatched] = []
    for kind, theirs in billed.items():
        ours = usage.names(kind)
        theirs.pop("", None)
        only_usage = {name: pico for name, pico in ours.items() if name and name not in theirs}
        only_billing = {name: pico for name, pico in theirs.items() if name not in ours}
        if kind != "feature":  # a stated plan that nobody is on, or a declared customer that rests, is no mismatch
            only_billing = {name: pico for name, pico in only_billing.items() if billing.names(kind).get(name)}
        partners = {name: pico for name, pico in ours.items() if name and name not in billing.names(kind)}
        if kind == "feature" and not stated_features:
            only_usage = {}
        found += _unmatched(kind, "usage", only_usage, only_billing, titles)
        found += _unmatched(kind, "billing", only_billing, partners, titles)
    unnamed: dict[Kind, Decimal] = {kind: usd_of(usage.names(kind).get("", 0)) for kind in billed}
    return Identities(unmatched=tuple(found), unnamed=unnamed)


def _unmatched(
    kind: Kind, side: SideName, names: Mapping[str, int], others: Mapping[str, int], titles: Mapping[str, str]
) -> list[Unmatched]:
    index = _Index(others, titles)
    return [
        Unmatched(kind=kind, side=side, name=name, usd=usd_of(pico), partners=index.partners(name))
        for name, pico in sorted(names.items(), key=lambda item: (-abs(item[1]), item[0]))
    ]


class _Index:
    """Names to look among; only those that share a word, a domain or a beginning are compared letter by letter."""

    def __init__(self, names: Iterable[str], titles: Mapping[str, str]) -> None:
        self._titles = titles
        self._blocks: dict[str, set[str]] = defaultdict(set)
        for name in names:
            for block in self._keys(name):
                self._blocks[block].add(name)

    def partners(self, name: str) -> tuple[Partner, ...]:
        """The likeliest, at most PARTNERS_MAX."""
        candidates = {other for block in self._keys(name) for other in self._blocks.get(block, ())}
        found = [self._compare(name, other) for other in sorted(candidates)[:_CANDIDATES_MAX]]
        likely = sorted((p for p in found if p.percent >= LIKELY_PERCENT), key=lambda p: (-p.percent, p.name))
        return tuple(likely[:PARTNERS_MAX])

    def _labels(self, name: str) -> list[str]:
        return [name, self._titles[name]] if name in self._titles else [name]

    def _keys(self, name: str) -> set[str]:
        keys: set[str] = set()
        for label in self._labels(name):
            flat = flattened(label)
            keys |= {*tokens(label), flat, f"{flat[:3]}…", f"…{flat[-3:]}"}
        return keys - {"", "…"}

    def _compare(self, name: str, other: str) -> Partner:
        best = max(
            (likeness(ours, theirs) for ours in self._labels(name) for theirs in self._labels(other)),
            key=lambda pair: pair[0],
        )
        return Partner(name=other, percent=best[0], because=best[1])


def likeness(one: str, other: str) -> tuple[int, str]:
    """How alike two names are, in percent, and why."""
    if flattened(one) == flattened(other):
        return 100, "the same but for case, punctuation and words such as Inc"
    domains = {domain(one), domain(other)} - {""}
    if domains and (len(domains) == 1 and domain(one) and domain(other)):
        return 95, "the same e-mail domain"
    if domains & {flattened(one), flattened(other)}:
        return 90, "the e-mail domain is the other's name"
    ours, theirs = set(tokens(one)), set(tokens(other))
    if ours and theirs and (ours <= theirs or theirs <= ours):
        return 85, "every word of one is in the other"
    percent = round(100 * difflib.SequenceMatcher(None, flattened(one), flattened(other)).ratio())
    return min(percent, 80), "spelled alike"


def tokens(name: str) -> list[str]:
    """The words of a name that tell it apart."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return [word for word in words if word and word not in _FILLER]


def flattened(name: str) -> str:
    """The telling words run together; an e-mail address is its domain's name."""
    return domain(name) or "".join(tokens(name))


def domain(name: str) -> str:
    """The name in an e-mail domain: `acme` of `it@mail.acme.com`; empty when it is no address."""
    if "@" not in name:
        return ""
    labels = name.rpartition("@")[2].lower().split(".")
    return labels[-2] if len(labels) > 1 else labels[0]
