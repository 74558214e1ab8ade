"""Which models serve which tasks: shares of calls and spend by the tier of both, what features served above their tier would save, and
the confidence earned so far that they may. A tier is a hint (`guardrails/certified/tier.py`); the saving is at list shape: tokens as they
were, at the other model's prices.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.events import ORCHESTRATION
from floorline.guardrails.certified.rule import subject_of
from floorline.guardrails.certified.tier import Form, Hint, Tier, hint, model_tier
from floorline.guardrails.rules import Guardrails, Rules
from floorline.ledger.surface import AnyLedger
from floorline.money import ZERO, usd_of
from floorline.pricing.version import PriceVersion, Unpriced
from floorline.proof.certificate import Certificate
from floorline.query import Query
from floorline.reviews.queries import ModelUse
from floorline.reviews.repricing import token_cost

_SQL = resources.files("floorline.jobs").joinpath("sql")
_DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")
Prices = Callable[[str, str], PriceVersion | Unpriced]
"""The prices of today of a provider's model."""

Where = Callable[[str], tuple[str, str] | None]
"""Whose prices hold for a model that is named here, and what it is called there; None where the file does not say."""


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A row of tier_slices.sql."""

    feature: str
    step: str
    call_type: str
    provider: str
    model: str
    calls: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    reasoning_tokens: int
    pico: int

    @property
    def cost(self) -> Decimal:
        """What its calls cost, USD."""
        return usd_of(self.pico)

    @property
    def name(self) -> str:
        """The model as callers name it: without the date of its release."""
        return _DATED.sub("", self.model)

    def use(self, provider: str, model: str, *, reasons: bool) -> ModelUse:
        """What its tokens are of another model; one that does not bill reasoning apart has it among its output."""
        return ModelUse(
            provider=provider,
            model=model,
            calls=self.calls,
            unpriced=0,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            reasoning_tokens=self.reasoning_tokens if reasons else 0,
        )


class Cheaper(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a step could be asked of, what its calls would have cost there, and whether somebody named it for that."""

    model: str
    cost: Decimal
    named: bool


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """One feature's step on one model. `tier` is the model's, None without prices. `cheaper` is there where the model is of a higher tier
    than the task, and one of a lower is known; `earned` is what comparisons have shown of that one.
    """

    slice: Slice
    task: Hint
    tier: Tier | None
    cheaper: Cheaper | None = None
    earned: Certificate | None = None

    @property
    def over(self) -> bool:
        """Whether the model is of a higher tier than the task."""
        return self.tier is not None and self.tier > self.task.tier

    @property
    def saved(self) -> Decimal:
        """What the cheaper model would have saved, USD."""
        return ZERO if self.cheaper is None else self.slice.cost - self.cheaper.cost


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of `start` to before `end`, those that would save most first."""

    start: date
    end: date
    served: tuple[Served, ...]

    @property
    def calls(self) -> int:
        """Of all steps."""
        return sum([one.slice.calls for one in self.served])

    @property
    def cost(self) -> Decimal:
        """Of all steps, USD."""
        return sum([one.slice.cost for one in self.served], ZERO)

    def of(self, task: Tier, model: Tier | None) -> tuple[int, Decimal]:
        """Calls and cost of tasks of one tier on models of another."""
        found = [one.slice for one in self.served if (one.task.tier, one.tier) == (task, model)]
        return sum([one.calls for one in found]), sum([one.cost for one in found], ZERO)


def audit(
    ledger: AnyLedger,
    start: date,
    end: date,
    prices: Prices,
    where: Where,
    rails: Guardrails | None,
    certificates: Iterable[Certificate],
    feature: str = "",
) -> Audit:
    """What served what on the days from `start` to before `end`; of one feature, where it is named."""
    query = Query(
        sql=_SQL.joinpath("tier_slices.sql").read_text(),
        row=Slice,
        parameters={"start": start, "end": end, "feature": feature},
    )
    slices = [one for one in ledger.query(query) if one.call_type not in ORCHESTRATION]
    earned = {(one.feature, one.step, one.subject): one for one in certificates if one.kind == "route"}
    used = {(one.provider, one.name) for one in slices}
    served = [_served(one, prices, where, _rules(rails, one.feature), used, earned) for one in slices]
    return Audit(
        start=start,
        end=end,
        served=tuple(sorted(served, key=lambda one: (-one.saved, -one.slice.pico, one.slice.feature))),
    )


def _rules(rails: Guardrails | None, feature: str) -> Rules:
    return Rules() if rails is None else rails.of(feature)


def _served(
    one: Slice,
    prices: Prices,
    where: Where,
    rules: Rules,
    used: set[tuple[str, str]],
    earned: Mapping[tuple[str, str, str], Certificate],
) -> Served:
    version = prices(one.provider, one.model)
    task = hint(Form(one.call_type, one.calls, one.input_tokens, one.output_tokens, one.reasoning_tokens))
    found = Served(slice=one, task=task, tier=None if isinstance(version, Unpriced) else model_tier(version))
    if not found.over or one.unpriced:
        return found
    named = [(model, where(model) or (one.provider, model)) for model in _named(rules, one.name)]
    others = [(model, (provider, model)) for provider, model in sorted(used - {(one.provider, one.name)})]
    cheaper = _cheapest(one, named, prices, 3, named=True) or _cheapest(one, others, prices, task.tier, named=False)
    if cheaper is None:
        return found
    place = one.feature, one.step, subject_of(cheaper.model, one.name)
    return msgspec.structs.replace(found, cheaper=cheaper, earned=earned.get(place))


def _named(rules: Rules, model: str) -> tuple[str, ...]:
    """The models that rules name for this one."""
    certified = () if rules.certified_route is None else rules.certified_route.candidates.get(model, ())
    stages = () if rules.cascade is None else rules.cascade.stages.get(model, ())
    down = "" if rules.route is None else rules.route.cheaper.get(model, "")
    return tuple(dict.fromkeys([*certified, *stages, *([down] if down else [])]))


def _cheapest(
    one: Slice, models: Sequence[tuple[str, tuple[str, str]]], prices: Prices, tier_max: Tier, *, named: bool
) -> Cheaper | None:
    """The model at which the calls would have cost least, and less than they did; None where there is none of such a tier."""
    found: list[Cheaper] = []
    for name, (provider, model) in models:
        version = prices(provider, model)
        if isinstance(version, Unpriced):
            continue
        tier = model_tier(version)
        cost = token_cost(one.use(provider, model, reasons="reasoning" in version.by_unit), version, contracted=True)
        if tier is not None and tier <= tier_max and cost is not None and cost < one.cost:
            found.append(Cheaper(model=name, cost=cost, named=named))
    return min(found, key=lambda cheaper: cheaper.cost, default=None)
