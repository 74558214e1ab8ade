"""Windows for bridges: what a small company's calls and revenue amount to, from a few factors that a test can change one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from floorline.margin.bridge import Bridge, Days, Part
from floorline.margin.explanation import Explanation, explain
from floorline.margin.sides import By, Called, Facts, Owned, Received, Shared, facts_of
from floorline.margin.works import UNITS, Kind, Work

DOLLAR = 10**12
BEFORE = Days(date(2026, 9, 24), date(2026, 10, 1))
AFTER = Days(date(2026, 10, 1), date(2026, 10, 8))
PRICES: Mapping[str, tuple[int, ...]] = {
    "small": (150_000, 75_000, 190_000, 600_000, 600_000, 9_000_000),
    "spare": (2_500_000, 250_000, 3_000_000, 10_000_000, 10_000_000, 9_000_000),
    "large": (2_500_000, 250_000, 3_000_000, 10_000_000, 10_000_000, 9_000_000),
}
"""10^-12 USD for one of each of UNITS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The calls of one customer by one model. Shares are percent; tokens are of each forwarded call."""

    model: str = "small"
    calls: int = 1000
    hits: int = 20
    unpriced: int = 0
    tried: str = ""
    retries: int = 5
    prompt: int = 2000
    cached: int = 30
    output: int = 400
    reasoning: int = 100
    searches: int = 1
    dearer: int = 100

    def work(self) -> Work:
        """What they amount to."""
        free = self.calls * self.hits // 100
        forwarded = self.calls - free
        unpriced = forwarded * self.unpriced // 100
        read = self.prompt * self.cached // 100
        each = (self.prompt - read, read, 0, self.output, self.reasoning, self.searches)
        priced = forwarded - unpriced
        dollars = tuple(
            n * priced * price * self.dearer // 100 for n, price in zip(each, PRICES[self.model], strict=True)
        )
        return Work(
            calls=self.calls,
            free_calls=free,
            unpriced=unpriced,
            retry=sum(dollars) * self.retries // 100,
            quantities=tuple(n * forwarded for n in each),
            dollars=dollars,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer that pays `fee` dollars for each of its days."""

    name: str
    plan: str = "pro"
    feature: str = "chat"
    fee: int = 30
    days: int = 7
    uses: tuple[Usage, ...] = (Usage(), Usage(model="large", calls=300))

    def using(self, **changes: int | str) -> "Customer":
        """The customer with every use of it changed."""
        return replace(self, uses=tuple(replace(use, **changes) for use in self.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Some customers, and shared costs by component in dollars."""

    customers: tuple[Customer, ...] = tuple(
        Customer(name=f"c{n}", plan=("pro", "team")[n % 2], fee=(30, 50)[n % 2], uses=(Usage(calls=900 + 100 * n), Usage(model="large", calls=300)))
        for n in range(6)
    )  # fmt: skip
    shared: Mapping[str, int] = field(default_factory=lambda: {"infrastructure": 40, "support": 20})
    metered: int = 0

    def using(self, **changes: int | str) -> "Company":
        """The company with every use of every customer changed."""
        return replace(self, customers=tuple(one.using(**changes) for one in self.customers))

    def facts(self, days: Days) -> Facts:
        """Its window."""
        owners = [(one, Owned(one.name, one.plan, one.feature)) for one in self.customers]
        received = [Received(owner, one.fee * one.days * DOLLAR, one.days * 10**6) for one, owner in owners]
        if self.metered:
            received.append(Received(owners[0][1], self.metered * DOLLAR, by_day=False))
        return facts_of(
            days,
            called=[
                Called(owner, Kind("generation", "openai", use.model, use.tried), use.work())
                for one, owner in owners
                for use in one.uses
            ],
            received=received,
            shared=[
                Shared(owner, name, dollars * DOLLAR // len(owners))
                for name, dollars in self.shared.items()
                for _, owner in owners
            ],
        )


COMPANY = Company()


def between(was: Company, now: Company, by: By = "feature") -> Explanation:
    """The bridges from one to the other."""
    return explain(was.facts(BEFORE), now.facts(AFTER), by)


def share(bridge: Bridge, *parts: Part) -> float:
    """The share of all moved dollars that some parts hold; no money is made of it."""
    moved = {part: abs(pico) for part, pico in bridge.parts.items()}
    assert sum(moved.values()), "nothing moved"
    return sum(moved[part] for part in parts) / sum(moved.values())


def work_of(numbers: Iterable[int]) -> Work:
    """Any work from seventeen numbers; without a priced call nothing of it costs but retries."""
    calls, free, unpriced, retry, adjusted, *rest = numbers
    free = min(free, calls)
    unpriced = min(unpriced, calls - free)
    known = unpriced < calls - free
    return Work(
        calls=calls,
        free_calls=free,
        unpriced=unpriced,
        retry=retry,
        adjusted=adjusted if known else 0,
        quantities=tuple(rest[: len(UNITS)]),
        dollars=tuple(rest[len(UNITS) :]) if known else (0,) * len(UNITS),
    )
