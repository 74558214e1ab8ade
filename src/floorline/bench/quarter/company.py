"""The company of one seed: five features sold by the day, each used by customers that call as real clients do.

A customer pays for a feature by the day what its own calls cost on a mean day, over one minus a margin of its own around the
feature's. An erosion changes the calls, the prices or the customers of its feature from its day on, by exactly what takes the
stated points of the feature's margin in the mean (`margin_on`); what a quarter then holds is left to the draws.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from floorline.bench.quarter.erosion import RAMP_DAYS, Erosion, planted
from floorline.bench.quarter.habit import Habit, Use
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.sandbox.replaying import stream
from floorline.sandbox.traffic import Traffic

START = date(2026, 1, 1)
DAYS = 90
CUSTOMERS = 80
CALLS_A_DAY = 400
MARGINS = (0.71, 0.82)
PROVIDER = "sim"

_CUSTOMERS_SWING = 0.03
_WEIGHT_SIGMA = 0.7
_LIGHT_MARGIN, _HEAVY_MARGIN = 0.88, 0.50
_COHORT_SHARE = 0.20
"""What a heavy cohort pays, as a share of what the feature earned before."""

_COHORT_SIZE = 16
_COHORT_CALLS = 1.3
"""How many calls a cohort makes for each that others make for the same money."""

_SHUFFLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature is made of: traffic of a pool, a model, its prices in USD per million tokens."""

    name: str
    pool: str
    model: str
    input: float
    cached: float
    output: float
    cached_share: float

    def rates(self, factor: float) -> dict[str, Decimal]:
        """USD per million tokens by bucket, at `factor` of the first prices."""
        prices = {"input": self.input, "cache_read": self.cached, "output": self.output, "reasoning": self.output}
        return {bucket: Decimal(str(round(price * factor, 4))) for bucket, price in prices.items()}

    def cost(self, use: Use) -> float:
        """What a use costs in USD, with as much of its prompts in the cache as is usual."""
        return self.prompt_cost(use) + use.output * self.output / 1e6

    def prompt_cost(self, use: Use) -> float:
        """The part of it that prompts cost."""
        return use.prompt * (self.input * (1 - self.cached_share) + self.cached * self.cached_share) / 1e6

    def cached_gain(self, use: Use) -> float:
        """What more it would cost without the cache."""
        return use.prompt * self.cached_share * (self.input - self.cached) / 1e6


FEATURES = (
    Feature(name="assistant", pool="language/m-small", model="sim-a", input=10, cached=1, output=30, cached_share=0.85),
    Feature(
        name="reports", pool="reason/deepseek-r1", model="sim-b", input=12, cached=1.2, output=24, cached_share=0.85
    ),
    Feature(name="search", pool="language/m-large", model="sim-c", input=15, cached=1.5, output=45, cached_share=0.85),
    Feature(name="review", pool="language/m-large", model="sim-d", input=20, cached=2, output=40, cached_share=0.85),
    Feature(name="triage", pool="language/m-small", model="sim-e", input=16, cached=1.6, output=32, cached_share=0.85),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimCall:
    """One call of the quarter."""

    at_s: float
    member: "Member"
    input_tokens: int
    cache_read_tokens: int
    output_tokens: int
    reasoning_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a member's calls from `day` on: prompts so much longer, a share of calls without the cache."""

    day: int
    prompts: float = 1.0
    missed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One customer of one feature, from `joins` to the day before `leaves`; `price` is USD a day."""

    name: str
    feature: Feature
    habit: Habit
    scale: float
    plan: str = "standard"
    prompts: float = 1.0
    price: float = 0.0
    joins: int = 0
    leaves: int = DAYS
    change: Change | None = None

    @property
    def use(self) -> Use:
        """A mean day, before any change."""
        return self.habit.mean.times(self.scale, self.prompts)

    def is_there(self, day: int) -> bool:
        """Whether it is a customer on that day."""
        return self.joins <= day < self.leaves

    def cost_on(self, day: int) -> float:
        """What its calls cost on a mean day like that one at first prices, in USD."""
        if self.change is None or day < self.change.day:
            return self.feature.cost(self.use)
        use = self.use.times(1.0, self.change.prompts)
        return self.feature.cost(use) + self.feature.cached_gain(use) * self.change.missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """A company's quarter: its customers, the prices as they are dated, and what was planted. `affected` are the customers
    whose own figures each erosion changes; `rises` the factor of a feature's prices from its erosion's day on.
    """

    seed: int
    members: Sequence[Member]
    prices: tuple[PriceOverride, ...]
    erosions: Sequence[Erosion]
    affected: dict[Erosion, frozenset[str]]
    rises: dict[str, tuple[int, float]]

    def factor(self, feature: str, day: int) -> float:
        """The feature's prices on a day, over the first ones."""
        since, rise = self.rises.get(feature, (0, 1.0))
        return rise if day >= since else 1.0


def quarter(seed: int, traffic: Traffic, *, calls_a_day: int = CALLS_A_DAY) -> Quarter:
    """The quarter of a seed; each feature has so many calls on a mean day."""
    makings = [_Making(seed, feature, traffic, calls_a_day) for feature in FEATURES]
    erosions = planted(seed, {one.feature.name: one.cache_worth for one in makings}, stream(seed, "erosions"))
    members: list[Member] = []
    affected: dict[Erosion, frozenset[str]] = {}
    rises: dict[str, tuple[int, float]] = {}
    for making in makings:
        erosion = next((one for one in erosions if one.feature == making.feature.name), None)
        if erosion is not None:
            making.erode(erosion)
            joined = [member for member in making.members if member.joins]
            affected[erosion] = frozenset(member.name for member in joined or making.members)
            rises[erosion.feature] = erosion.day, making.rise
        members += making.members
    prices = [price for feature in FEATURES for price in _prices(feature, *rises.get(feature.name, (0, 1.0)))]
    return Quarter(seed=seed, members=members, prices=tuple(prices), erosions=erosions, affected=affected, rises=rises)


def margin_on(quarter: Quarter, feature: str, day: int) -> float:
    """The feature's margin ÷ revenue on a mean day like that one: what the draws scatter around."""
    there = [member for member in quarter.members if member.feature.name == feature and member.is_there(day)]
    cost = math.fsum(member.cost_on(day) for member in there) * quarter.factor(feature, day)
    return 1 - cost / math.fsum(member.price for member in there)


def calls_on(quarter: Quarter, day: int) -> list[SimCall]:
    """The calls of one day in the order of time."""
    calls = [call for member in quarter.members if member.is_there(day) for call in _calls(quarter.seed, member, day)]
    return sorted(calls, key=lambda call: (call.at_s, call.member.name))


def _calls(seed: int, member: Member, day: int) -> Iterator[SimCall]:
    rng = stream(seed, f"{member.name}/{day}")
    change = member.change if member.change is not None and day >= member.change.day else Change(day=0)
    for drawn in member.habit.draw(day, member.scale, rng):
        prompt = round(drawn.prompt * member.prompts * change.prompts)
        is_missed = rng.random() < change.missed
        cached = 0 if is_missed else round(prompt * member.feature.cached_share)
        yield SimCall(
            at_s=drawn.at_s,
            member=member,
            input_tokens=prompt - cached,
            cache_read_tokens=cached,
            output_tokens=drawn.output - drawn.reasoning,
            reasoning_tokens=drawn.reasoning,
        )


class _Making:
    """One feature's customers in the making; `rise` is the factor of its prices from the erosion's day on."""

    def __init__(self, seed: int, feature: Feature, traffic: Traffic, calls_a_day: int) -> None:
        self.feature = feature
        self.rise = 1.0
        self._rng = stream(seed, feature.name)
        self._target = self._rng.uniform(*MARGINS)
        self.members = self._priced(self._customers(traffic, calls_a_day))

    @property
    def cache_worth(self) -> float:
        """The points of margin that it takes when nothing is in the cache."""
        return 100 * self.feature.cached_gain(self._use()) / self._revenue()

    def erode(self, erosion: Erosion) -> None:
        """Make it happen."""
        use, feature = self._use(), self.feature
        extra = erosion.points / 100 * self._revenue()
        if erosion.kind == "price_rise":
            self.rise = 1 + extra / feature.cost(use)
        elif erosion.kind == "prompt_bloat":
            self._change(Change(day=erosion.day, prompts=1 + extra / feature.prompt_cost(use)))
        elif erosion.kind == "cache_outage":
            self._change(Change(day=erosion.day, missed=extra / feature.cached_gain(use)))
        elif erosion.kind == "heavy_cohort":
            self.members += self._cohort(erosion)
        else:
            self._mix()
            self._shift(erosion)

    def _use(self) -> Use:
        return Use._make(map(math.fsum, zip(*(member.use for member in self.members), strict=True)))

    def _revenue(self) -> float:
        return math.fsum(member.price for member in self.members)

    def _change(self, change: Change) -> None:
        self.members = [replace(member, change=change) for member in self.members]

    def _customers(self, traffic: Traffic, calls_a_day: int) -> list[Member]:
        """The first customers; the larger clients make the more calls."""
        rng, feature = self._rng, self.feature
        clients = traffic.pick(feature.pool, CUSTOMERS, rng)
        weights = sorted(rng.lognormvariate(0, _WEIGHT_SIGMA) for _ in clients)
        made: list[Member] = []
        for number, (client, weight) in enumerate(zip(clients, weights, strict=True)):
            habit = Habit(client)
            scale = calls_a_day * weight / sum(weights) / habit.mean.requests
            made.append(Member(name=f"{feature.name}-{number:02}", feature=feature, habit=habit, scale=scale))
        return made

    def _priced(self, members: Sequence[Member]) -> list[Member]:
        margins = [self._target + self._rng.gauss(0, _CUSTOMERS_SWING) for _ in members]
        return [
            replace(member, price=self.feature.cost(member.use) / (1 - margin))
            for member, margin in zip(members, margins, strict=True)
        ]

    def _mix(self) -> None:
        """Put the customers on two plans that pay the same for the same calls, those of the heavy one with longer prompts: as
        many on each as give the target.
        """
        light = [
            replace(one, plan="light", price=self.feature.cost(one.use) / (1 - _LIGHT_MARGIN)) for one in self.members
        ]
        share = (_LIGHT_MARGIN - self._target) / (_LIGHT_MARGIN - _HEAVY_MARGIN)
        heavy = {member.name for member in self._worth(light, share * math.fsum(member.price for member in light))}
        self.members = [self._heavy(member) if member.name in heavy else member for member in light]

    def _heavy(self, member: Member) -> Member:
        """The customer on the heavy plan: prompts so much longer that its margin is that plan's."""
        return replace(member, plan="heavy", prompts=self._longer(member, member.price * (1 - _HEAVY_MARGIN)))

    def _longer(self, member: Member, cost: float) -> float:
        """How much longer its prompts have to be for its calls to cost that much a day."""
        return 1 + (cost - self.feature.cost(member.use)) / self.feature.prompt_cost(member.use)

    def _worth(self, members: Sequence[Member], wanted: float) -> list[Member]:
        """Some of the members that pay together what is wanted, as nearly as many draws come."""
        best: list[Member] = []
        left = wanted
        for _ in range(_SHUFFLES):
            drawn, paid = self._rng.sample(members, len(members)), 0.0
            for count, member in enumerate(drawn, 1):
                paid += member.price
                if abs(wanted - paid) < left:
                    best, left = drawn[:count], abs(wanted - paid)
                if paid > wanted:
                    break
        return best

    def _joins(self, erosion: Erosion) -> int:
        return erosion.day + self._rng.randrange(RAMP_DAYS)

    def _cohort(self, erosion: Erosion) -> list[Member]:
        """New customers like those of before but with long documents, which make somewhat more calls for their money."""
        revenue, cost = self._revenue(), self.feature.cost(self._use())
        pays = _COHORT_SHARE * revenue
        spends = (revenue + pays) * (cost / revenue + erosion.points / 100) - cost
        like = self._typical(_COHORT_SIZE)
        base = math.fsum(self.feature.cost(member.use) for member in like)
        calls = _COHORT_SHARE * _COHORT_CALLS * cost / base
        return [
            replace(
                member,
                name=f"{self.feature.name}-new-{number:02}",
                scale=member.scale * calls,
                prompts=self._longer(member, self.feature.cost(member.use) / base * spends / calls),
                price=self.feature.cost(member.use) / base * pays,
                joins=self._joins(erosion),
            )
            for number, member in enumerate(like)
        ]

    def _typical(self, count: int) -> list[Member]:
        """Some members whose calls cost what the feature's do, as nearly as many draws come."""
        usual = self._cost_per_call(self.members)
        draws = [self._rng.sample(self.members, count) for _ in range(_SHUFFLES)]
        return min(draws, key=lambda drawn: abs(self._cost_per_call(drawn) / usual - 1))

    def _cost_per_call(self, members: Sequence[Member]) -> float:
        return math.fsum(self.feature.cost(member.use) for member in members) / math.fsum(
            member.use.requests for member in members
        )

    def _shift(self, erosion: Erosion) -> None:
        """Customers of the light plan leave and others like them come to the heavy one: each plan's margin stays, and so do
        calls and revenue.
        """
        moved = erosion.points / 100 / (_LIGHT_MARGIN - _HEAVY_MARGIN) * self._revenue()
        light = [member for member in self.members if member.plan == "light"]
        leaves = {member.name: self._joins(erosion) for member in self._worth(light, moved)}
        come = [
            replace(self._heavy(member), name=f"{member.name}-heavy", joins=leaves[member.name])
            for member in self.members
            if member.name in leaves
        ]
        stay = [replace(member, leaves=leaves.get(member.name, DAYS)) for member in self.members]
        self.members = stay + come


def _prices(feature: Feature, day: int, factor: float) -> list[PriceOverride]:
    if factor == 1:
        return [_override(feature, 1.0)]
    rise = START + timedelta(days=day)
    return [_override(feature, 1.0, end=rise), _override(feature, factor, start=rise)]


def _override(feature: Feature, factor: float, *, start: date | None = None, end: date | None = None) -> PriceOverride:
    rates = {bucket: Rate(price=price, per=1_000_000) for bucket, price in feature.rates(factor).items()}
    return PriceOverride(model=feature.model, provider=PROVIDER, rates=rates, valid_from=start, valid_to=end)
