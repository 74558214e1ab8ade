"""The backlog as a whole: in rank order, each dollar counted once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from floorline import money
from floorline.backlog.finding import ranked
from floorline.backlog.model import OPEN, Claim, Opportunity
from floorline.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One open item: what it would add to those before it, USD a quarter, and whose dollars it shares. `adds` is None for
    one that claims no slice of the spend: its dollars are somebody's word.
    """

    item: Opportunity
    adds: Decimal | None
    shares_with: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The open items, the most dollars first. `dollars_a_quarter` is what they are worth together, at most the spend they
    claim; `stated` is what items say that claim nothing.
    """

    items: tuple[Ranked, ...]
    dollars_a_quarter: Decimal
    stated: Decimal


def ranking(items: Iterable[Opportunity]) -> Ranking:
    """The open items of `items` in rank order, each adding what it saves of what those before it leave."""
    waiting = sorted((item for item in items if item.state in OPEN), key=ranked)
    slices = {slice_: _Left(spend) for slice_, spend in _spend(waiting).items()}
    found: list[Ranked] = []
    for item in waiting:
        sharers = dict.fromkeys(id_ for claim in item.claims for id_ in slices[claim.slice].claimed)
        adds = sum((slices[claim.slice].take(item, claim) for claim in item.claims), ZERO)
        found.append(Ranked(item=item, adds=adds if item.claims else None, shares_with=tuple(sharers)))
    return Ranking(
        items=tuple(found),
        dollars_a_quarter=sum((one.adds for one in found if one.adds is not None), ZERO),
        stated=sum((one.item.dollars_a_quarter for one in found if one.adds is None), ZERO),
    )


class _Left:
    """What is left of one slice of the spend. An item about calls saves its share of that: half off after a fifth off is half
    of four fifths. What a plan's quota, its price and its customers' moves save is one excess: together they save the most
    that the quota or the price saves, or all moves together if that is more.
    """

    def __init__(self, spend: Decimal) -> None:
        self._left = spend
        self._whole: dict[str, Decimal] = {}
        self._moves: dict[str, Decimal] = {}
        self.claimed: list[str] = []

    def take(self, item: Opportunity, claim: Claim) -> Decimal:
        """What the item adds, USD; it is left no more."""
        share = min(Decimal(1), _share(claim.saves, claim.spend))
        if item.plan:
            share = self._of_excess(item.plan, share, one_of_many=item.kind == "move_up")
        got = money.multiply(self._left, share)
        self._left -= got
        self.claimed.append(item.id)
        return got

    def _of_excess(self, plan: str, share: Decimal, *, one_of_many: bool) -> Decimal:
        """The share of what is left that the plan's items take more than before with another one that takes `share`."""
        before = max(self._whole.get(plan, ZERO), self._moves.get(plan, ZERO))
        if one_of_many:
            self._moves[plan] = min(Decimal(1), money.EXACT.add(self._moves.get(plan, ZERO), share))
        else:
            self._whole[plan] = max(self._whole.get(plan, ZERO), share)
        after = max(self._whole.get(plan, ZERO), self._moves.get(plan, ZERO))
        return _share(money.EXACT.subtract(after, before), money.EXACT.subtract(Decimal(1), before))


def _share(part: Decimal, whole: Decimal) -> Decimal:
    """Part ÷ whole to 80 digits; 0 of nothing."""
    return money.EXACT.divide(part, whole) if whole else ZERO


def _spend(items: Sequence[Opportunity]) -> dict[tuple[str, ...], Decimal]:
    """What there is to save of each slice: the least that any claim says, since an older one may know it as it was."""
    spend: dict[tuple[str, ...], Decimal] = {}
    for claim in (claim for item in items for claim in item.claims):
        spend[claim.slice] = min(claim.spend, spend.get(claim.slice, claim.spend))
    return spend
