"""What a company brings to a negotiation with its providers: volume, its shape, and what commitments would save."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from floorline import money
from floorline.margin.metrics import ratio_of
from floorline.money import usd_of
from floorline.reviews.quarter_model import Commitment, ProviderLine, VolumeLine
from floorline.reviews.queries import ModelUse, TokenQuantiles

DISCOUNTS = (Decimal("0.20"), Decimal("0.30"), Decimal("0.40"))
"""What providers give for a year's committed use."""


def providers(uses: Sequence[ModelUse], months: Sequence[Sequence[ModelUse]]) -> tuple[ProviderLine, ...]:
    """The providers of a quarter, dearest first; `months` are the uses of its months that are over."""
    names = sorted({use.provider for use in uses})
    lines = [_provider(name, [use for use in uses if use.provider == name], months) for name in names]
    return tuple(sorted(lines, key=lambda line: (-line.cost, line.provider)))


def _provider(name: str, uses: Sequence[ModelUse], months: Sequence[Sequence[ModelUse]]) -> ProviderLine:
    by_month = tuple(usd_of(sum(use.cost for use in month if use.provider == name)) for month in months)
    least = min(by_month, default=money.ZERO)
    return ProviderLine(
        provider=name,
        calls=sum(use.calls for use in uses),
        input_tokens=sum(use.input_tokens for use in uses),
        output_tokens=sum(use.output_tokens for use in uses),
        cost=usd_of(sum(use.cost for use in uses)),
        months=by_month,
        commitments=tuple(_commitment(least, discount) for discount in DISCOUNTS) if least > 0 else (),
    )


def _commitment(least_a_month: Decimal, discount: Decimal) -> Commitment:
    """Committing to what even the least month used, for a year."""
    year = 12 * least_a_month
    return Commitment(
        discount=discount,
        usd_a_year=money.multiply(year, 1 - discount),
        saves_usd_a_year=money.multiply(year, discount),
        break_even=1 - discount,
    )


def volume(uses: Sequence[ModelUse], quantiles: Sequence[TokenQuantiles]) -> tuple[VolumeLine, ...]:
    """The models of a quarter, dearest first."""
    total = sum(use.cost for use in uses)
    shapes: Mapping[tuple[str, str], TokenQuantiles] = {(one.provider, one.model): one for one in quantiles}
    lines = [_volume(use, total, shapes.get((use.provider, use.model))) for use in uses]
    return tuple(sorted(lines, key=lambda line: (-line.cost, line.provider, line.model)))


def _volume(use: ModelUse, total: int, shape: TokenQuantiles | None) -> VolumeLine:
    return VolumeLine(
        provider=use.provider,
        model=use.model,
        calls=use.calls,
        input_tokens=use.input_tokens,
        output_tokens=use.output_tokens,
        cached_share=ratio_of(use.cache_read_tokens, use.input_tokens),
        cost=usd_of(use.cost),
        share=ratio_of(use.cost, total),
        input_p50_p95_p99=tuple(shape.input_tokens) if shape else (),
        output_p50_p95_p99=tuple(shape.output_tokens) if shape else (),
    )
