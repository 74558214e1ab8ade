"""Why a margin changed: a bridge in dollars whose parts add up exactly to the change, and the part that took most of it.

A part is what one cause did while the causes before it stand at their new values and those after it at their old ones
(sequential substitution, the price-volume-mix bridge of finance: https://supowit.com/pvm/). In the order of the steps:

call_volume       the number of calls, each at what a call cost before
customer_mix      which customers and plans those calls come from and what these pay: the calls of each at its own old cost
                  per call, the days that each pays for at its own old rate
model_mix         which kinds of call, providers and models serve them
cache_hits        calls that Floorline answers or refuses itself, which cost nothing
input_tokens      tokens of the prompt side for each forwarded call, cached or not
prompt_cache      how many of these the provider reads from its cache or writes into it
output_tokens     tokens of the answer for each forwarded call
reasoning_tokens  tokens of reasoning for each forwarded call
other_units       what is not billed by token: searches, images, characters, stated costs
provider_price    what a token or other unit costs: list price, contract, tier, batch
retries           cost of attempts that failed, and calls that fell back to another model than was tried first
other_costs       costs that no call carries: infrastructure, human review, support
revenue_volume    how much was sold: days paid for by customers, metered use, outcomes
revenue_price     what a customer pays for a day, discounts and credits included
unattributed      cost and revenue that name no such row, and calls that have no price

Amounts are integers of 10^-12 USD. docs/explain.md has the formulas.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from floorline.margin.metrics import ratio_of
from floorline.money import usd_of

Part = Literal[
    "call_volume", "customer_mix", "model_mix", "cache_hits", "input_tokens", "prompt_cache", "output_tokens",
    "reasoning_tokens", "other_units", "provider_price", "retries", "other_costs", "revenue_volume", "revenue_price",
    "unattributed",
]  # fmt: skip
PARTS: tuple[Part, ...] = get_args(Part)

Move = tuple[int, int]
"""What a part acts on, in 10^-12 USD, before and after its own step."""

Moves = Mapping[Part, Move]


class Days(NamedTuple):
    """A window: days of the reporting timezone from `start` to the day before `end`."""

    start: date
    end: date


class Side(NamedTuple):
    """What one window earned and cost, in 10^-12 USD, and its calls and those that cost nothing (hits and refusals)."""

    revenue_pico: int = 0
    cogs_pico: int = 0
    calls: int = 0
    free_calls: int = 0

    @property
    def margin_pico(self) -> int:
        """Revenue − COGS."""
        return self.revenue_pico - self.cogs_pico

    @property
    def margin_ratio(self) -> Decimal | None:
        """Margin ÷ revenue; None where revenue is zero or less."""
        return ratio_of(self.margin_pico, self.revenue_pico) if self.revenue_pico > 0 else None

    def plus(self, other: "Side") -> "Side":
        """Both together."""
        return Side._make([a + b for a, b in zip(self, other, strict=True)])


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one row's margin from one window to the next; `key` is empty for the total.

    `cost_moves` and `revenue_moves` are the steps: what each part did to cost and to revenue. `leading` names who or
    what moved most within a part, with the dollars of margin; `crossings` are the baselines begun between the windows.
    """

    key: tuple[str, ...]
    before: Days
    after: Days
    was: Side
    now: Side
    cost_moves: Moves
    revenue_moves: Moves
    leading: Mapping[Part, tuple[str, int]] = {}
    crossings: tuple[str, ...] = ()

    @property
    def before_pico(self) -> int:
        """The margin of the earlier window."""
        return self.was.margin_pico

    @property
    def after_pico(self) -> int:
        """The margin of the later window."""
        return self.now.margin_pico

    @property
    def change_pico(self) -> int:
        """What the parts add up to, exactly."""
        return self.after_pico - self.before_pico

    @property
    def parts(self) -> dict[Part, int]:
        """The margin that each part of PARTS gave (positive) or took (negative)."""
        found: dict[Part, int] = dict.fromkeys(PARTS, 0)
        for part, (old, new) in self.cost_moves.items():
            found[part] += old - new
        for part, (old, new) in self.revenue_moves.items():
            found[part] += new - old
        assert sum(found.values()) == self.change_pico, f"the bridge of {self.key} does not add up"
        return found

    @property
    def points(self) -> dict[Part, Decimal] | None:
        """What each part did to the margin ratio; the sum is the change of the ratio. None where it is not known.

        A part of cost counts over the new revenue; one of revenue only as far as it changes what cost is of it:
        growth that costs grow along with moves no ratio.
        """
        erosion = _erosion(self)
        if erosion is None:
            return None
        return {part: -(ratio_of(amount, self.now.revenue_pico) or Decimal(0)) for part, amount in erosion.items()}

    def growth(self, part: Part) -> Decimal | None:
        """By how much of itself a part's own quantity, mix or price moved; None where there was nothing before. Of a part
        that moved both cost and revenue, the one that it moved more.
        """
        old, new = self._move(part)[1]
        return ratio_of(new - old, old) if old > 0 else None

    def moved_revenue(self, part: Part) -> bool:
        """Whether a part moved revenue more than cost."""
        return self._move(part)[0]

    def _move(self, part: Part) -> tuple[bool, Move]:
        cost, revenue = self.cost_moves.get(part, (0, 0)), self.revenue_moves.get(part, (0, 0))
        of_revenue = abs(revenue[1] - revenue[0]) > abs(cost[1] - cost[0])
        return of_revenue, revenue if of_revenue else cost


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """The part that took most margin: its dollars (negative), a sentence, and the lever that answers it."""

    part: Part
    pico: int
    sentence: str
    lever: str

    @property
    def usd(self) -> Decimal:
        """The dollars of margin, negative."""
        return usd_of(self.pico)


def total_of(bridges: Sequence[Bridge], before: Days, after: Days) -> Bridge:
    """The sum of some bridges of the same windows, part by part."""
    was = now = Side()
    for bridge in bridges:
        was, now = was.plus(bridge.was), now.plus(bridge.now)
    total = Bridge(
        key=(),
        before=before,
        after=after,
        was=was,
        now=now,
        cost_moves=_summed(bridge.cost_moves for bridge in bridges),
        revenue_moves=_summed(bridge.revenue_moves for bridge in bridges),
        crossings=tuple(dict.fromkeys(one for bridge in bridges for one in bridge.crossings)),
    )
    parts = total.parts
    leading: dict[Part, tuple[str, int]] = {}
    for bridge in bridges:
        for part, (name, pico) in bridge.leading.items():
            if pico * parts[part] > 0 and abs(pico) > abs(leading.get(part, ("", 0))[1]):
                leading[part] = (name, pico)
    return replace(total, leading=leading)


def _summed(many: Iterable[Moves]) -> dict[Part, Move]:
    found: dict[Part, Move] = {}
    for moves in many:
        for part, (old, new) in moves.items():
            known = found.get(part, (0, 0))
            found[part] = (known[0] + old, known[1] + new)
    return found


def primary_driver(bridge: Bridge, among: Sequence[Part] = PARTS) -> Driver | None:
    """The part of `among` that took most of the margin ratio, or of the dollars where no ratio is known or none fell.

    Calls, shared costs and customers that grow as much as revenue does are growth and take nothing. Where volume and
    mix of calls move against each other only what is left of both counts. None when nothing took margin.
    """
    parts = bridge.parts
    erosion = _beyond_growth(bridge, _erosion(bridge) or {})
    taken: dict[Part, int] = {
        part: amount for part, amount in erosion.items() if part in among and amount > 0 and parts[part] < 0
    }
    if not taken:
        taken = {part: -amount for part, amount in parts.items() if part in among and amount < 0}
    if not taken:
        return None
    part: Part = max(taken, key=lambda one: (taken[one], -PARTS.index(one)))
    sentence = f"{_what_moved(bridge, part)}: {_dollars(parts[part])}"
    return Driver(part=part, pico=parts[part], sentence=sentence, lever=LEVERS[part])


def _erosion(bridge: Bridge) -> dict[Part, int] | None:
    """The dollars, at the new revenue, by which each part lowered the ratio: cost beyond what the old ratio allows.

    None where a ratio is not known.
    """
    was, now = bridge.was, bridge.now
    if was.revenue_pico <= 0 or now.revenue_pico <= 0:
        return None
    found: dict[Part, int] = dict.fromkeys(PARTS, 0)
    for part, (old, new) in bridge.cost_moves.items():
        found[part] += new - old
    for part, (old, new) in bridge.revenue_moves.items():
        found[part] -= _rounded((new - old) * was.cogs_pico, was.revenue_pico)
    return found


def _beyond_growth(bridge: Bridge, erosion: Mapping[Part, int]) -> dict[Part, int]:
    """Erosion with what belongs together set against each other: what was sold against the calls and shared costs that
    come with it, volume of calls against the mix of who calls. What is left is of the larger one.
    """
    found: dict[Part, int] = dict(erosion)
    sold = found.get("revenue_volume", 0)
    if sold < 0:  # more was sold, which pays for more calls and more of what is shared
        shared = bridge.cost_moves.get("other_costs", (0, 0))[0]
        for_shared = _rounded(sold * shared, bridge.was.cogs_pico) if bridge.was.cogs_pico > 0 else 0
        found["other_costs"] += for_shared
        found["call_volume"] += sold - for_shared
        found["revenue_volume"] = 0
    elif sold > 0 and found["call_volume"] < 0:  # less was sold, and less was called
        found["revenue_volume"] += found["call_volume"]
        found["call_volume"] = 0
    volume, mix = found.get("call_volume", 0), found.get("customer_mix", 0)
    if volume * mix < 0:
        of_volume = abs(volume) >= abs(mix)
        found["call_volume"] = volume + mix if of_volume else 0
        found["customer_mix"] = 0 if of_volume else volume + mix
    return found


def _rounded(numerator: int, denominator: int) -> int:
    """The quotient to the nearest integer, halves up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


LABELS: Mapping[Part, str] = {
    "call_volume": "call volume",
    "customer_mix": "customer and plan mix",
    "model_mix": "model mix",
    "cache_hits": "cache hits",
    "input_tokens": "input tokens per call",
    "prompt_cache": "provider's prompt cache",
    "output_tokens": "output tokens per call",
    "reasoning_tokens": "reasoning tokens per call",
    "other_units": "other units per call",
    "provider_price": "provider price",
    "retries": "retries and fallbacks",
    "other_costs": "other costs",
    "revenue_volume": "revenue volume",
    "revenue_price": "revenue price",
    "unattributed": "unattributed, unmatched, unpriced",
}
"""The parts for people."""

LEVERS: Mapping[Part, str] = {
    "call_volume": "Cap or meter the heaviest users, or sell a plan that pays for what they use.",
    "customer_mix": "Reprice or cap the customers and plans that cost more per call or pay less.",
    "model_mix": "Route the calls that do not need the dearer model back to a cheaper one.",
    "cache_hits": "Find out why the cache answers less: an outage, a changed key, a shorter lifetime.",
    "input_tokens": "Shorten the prompt: instructions, retrieved context, history.",
    "prompt_cache": "Keep the beginning of the prompt unchanged, so that the provider's cache serves it.",
    "output_tokens": "Cap the output, or ask for shorter answers.",
    "reasoning_tokens": "Lower the reasoning effort, or give the task to a model that does not reason.",
    "other_units": "Limit searches, images and other tools of a call.",
    "provider_price": "Compare providers and models of the same tier; negotiate for the volume.",
    "retries": "Fix timeouts and the provider that fails; limit attempts, and fall back to a model that costs no more.",
    "other_costs": "Renegotiate or share out the cost that grew.",
    "revenue_volume": "Win back who left, or take away cost that no longer earns.",
    "revenue_price": "Check discounts, credits and price changes.",
    "unattributed": "Name customer and feature on every call, match names (`floorline identities`), price every model.",
}
"""What answers a part that takes margin."""

_GREW: Mapping[Part, str] = {
    "call_volume": "calls",
    "customer_mix": "cost per call, by who calls,",
    "model_mix": "cost per call, by the models that serve,",
    "input_tokens": "input tokens per call",
    "prompt_cache": "cost of the prompt, by what the provider caches of it,",
    "output_tokens": "output tokens per call",
    "reasoning_tokens": "reasoning tokens per call",
    "other_units": "other units per call",
    "provider_price": "provider prices",
    "retries": "cost with retries and fallbacks",
    "other_costs": "other costs",
    "revenue_volume": "what was sold",
    "revenue_price": "revenue per paid day",
    "unattributed": "unattributed, unmatched and unpriced cost",
}
_PAID = "revenue per paid day, by who pays,"


def _what_moved(bridge: Bridge, part: Part) -> str:
    if part == "cache_hits" and bridge.was.calls and bridge.now.calls:
        old, new = (ratio_of(side.free_calls, side.calls) or Decimal(0) for side in (bridge.was, bridge.now))
        return f"calls that cost nothing went from {_percent(old)} to {_percent(new)} of all"
    subject = _PAID if part == "customer_mix" and bridge.moved_revenue(part) else _GREW.get(part, LABELS[part])
    growth = bridge.growth(part)
    moved = "are new" if growth is None else f"{'fell' if growth < 0 else 'rose'} {_percent(abs(growth))}"
    name = bridge.leading.get(part, ("", 0))[0]
    told = name and name not in bridge.key
    return f"{subject} {moved}{f' (most of it {name})' if told else ''}"


def _percent(ratio: Decimal) -> str:
    """A share for a sentence: 38 %, 4.2 %."""
    shown = ratio * 100
    return f"{shown:.0f} %" if abs(shown) >= 10 or not shown else f"{shown:.1f} %"


def _dollars(pico: int) -> str:
    """Dollars for a sentence: -$1,204, -$3.07."""
    amount = usd_of(abs(pico))
    return f"{'-' if pico < 0 else ''}${amount:,.{0 if amount >= 100 else 2}f}"
