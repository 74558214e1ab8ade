"""What a changed prompt does to the cost of a month, from what its feature's calls were in the days before.

`Recorded` is everything that is needed of a ledger, in one document: no word of a prompt and no name of anybody is in it, so that a
review can ask far from the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from floorline.money import ZERO
from floorline.prompts.counting import Ratio, Ratios, mean
from floorline.prompts.said import size_of
from floorline.prompts.volume import Resolve, Slice, calls_a_month, change_a_month, cost_a_month

FORMAT = 1


class OfModel(msgspec.Struct, frozen=True, kw_only=True):
    """The ratio of bytes to tokens that holds for the feature's calls of a model."""

    provider: str
    model: str
    ratio: Ratio


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A feature's calls from `start` to the day before `end`, and how its texts count."""

    format: int = FORMAT
    feature: str
    start: date
    end: date
    slices: tuple[Slice, ...]
    ratios: tuple[OfModel, ...]

    @property
    def days(self) -> int:
        """How many days the calls are of."""
        return (self.end - self.start).days

    @property
    def known(self) -> Ratios:
        """The ratios by what they hold for."""
        return Ratios({(self.feature, one.provider, one.model): one.ratio for one in self.ratios})


@dataclass(frozen=True, slots=True, kw_only=True)
class OnModel:
    """What the change does to the calls of one model: tokens of the prompt before and after, what a month costs as it is, and
    what it costs more (`usd`).
    """

    provider: str
    model: str
    calls: int
    before: int
    after: int
    usd_before: Decimal
    usd: Decimal
    unpriced: int
    ratio: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """A changed prompt. Dollars are those of all calls of the feature (or of the prompt that was asked about) a month."""

    recorded: Recorded
    size_before: int
    size_after: int
    models: tuple[OnModel, ...]

    @property
    def calls(self) -> int:
        """A month."""
        return sum(one.calls for one in self.models)

    @property
    def before(self) -> int:
        """Tokens of the prompt before, of a mean call."""
        return mean(sum(one.before * one.calls for one in self.models), self.calls)

    @property
    def after(self) -> int:
        """Tokens of the prompt after, of a mean call."""
        return mean(sum(one.after * one.calls for one in self.models), self.calls)

    @property
    def usd_before(self) -> Decimal:
        """What the calls cost a month as they are."""
        return sum((one.usd_before for one in self.models), ZERO)

    @property
    def usd(self) -> Decimal:
        """What they cost more a month; negative is less."""
        return sum((one.usd for one in self.models), ZERO)

    @property
    def unpriced(self) -> int:
        """Calls a month without a price, which are in no amount."""
        return sum(one.unpriced for one in self.models)


def diff(old: str, new: str, recorded: Recorded, resolve: Resolve) -> Diff:
    """What replacing the prompt `old` by `new` does, the model with the most calls first."""
    sizes = size_of(old), size_of(new)
    by_model: dict[tuple[str, str], list[Slice]] = {}
    for one in recorded.slices:
        by_model.setdefault((one.provider, one.model), []).append(one)
    models = [_on_model(recorded, of_it, sizes, resolve) for of_it in by_model.values()]
    models.sort(key=lambda one: (-one.calls, one.provider, one.model))
    return Diff(recorded=recorded, size_before=sizes[0], size_after=sizes[1], models=tuple(models))


def _on_model(recorded: Recorded, slices: Sequence[Slice], sizes: tuple[int, int], resolve: Resolve) -> OnModel:
    provider, model = slices[0].provider, slices[0].model
    ratio = recorded.known.of(recorded.feature, provider, model)
    before, after = ratio.tokens_of(sizes[0]), ratio.tokens_of(sizes[1])
    as_it_is = cost_a_month(slices, recorded.days, resolve)
    return OnModel(
        provider=provider,
        model=model,
        calls=calls_a_month(slices, recorded.days),
        before=before,
        after=after,
        usd_before=as_it_is.usd,
        usd=change_a_month(slices, recorded.days, resolve, lambda _: after - before),
        unpriced=as_it_is.unpriced_calls,
        ratio=ratio,
    )
