"""What a provider's prompt cache saves on a trace of production prompts, by who decides where to mark: simulated, at list prices.

The simulated cache is Anthropic's: it holds what a mark wrote for as long as the mark says since its last use, is read up to the
deepest prefix that it holds, and written from there to the last mark. The trace has its prompts as hashes of blocks of 512 tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from floorline.bench.report import Sheet
from floorline.errors import BadInput
from floorline.events import Usage
from floorline.guardrails.prefix import LIFETIMES_MS, Lifetime, Mark, Part, Prefixes, kept_from, marks, odds_of
from floorline.money import ZERO
from floorline.pricing.book import PriceBook, build_book
from floorline.pricing.cost import price
from floorline.pricing.version import PriceVersion
from floorline.sandbox.mooncake import BLOCK_TOKENS, PrefixedCall, read_prefixes

MODEL = "claude-sonnet-4-5"
_AT = datetime(2026, 11, 1, tzinfo=UTC)
_PROVIDER = "anthropic"
_WRITTEN: dict[Lifetime, str] = {"5m": "cache_write_5m", "1h": "cache_write_1h"}

Policy = Callable[[PrefixedCall], Sequence[Mark]]
"""Where a prompt is marked: `place` counts its whole blocks."""


@dataclass(slots=True)
class _Cache:
    """What the provider holds: each marked prefix until when, and how long it is kept after a use."""

    from_tokens: int
    held: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    def take(self, call: PrefixedCall, placed: Sequence[Mark]) -> dict[str, int]:
        """The tokens of a prompt by how they are billed."""
        placed = [mark for mark in placed if (mark.place + 1) * BLOCK_TOKENS >= self.from_tokens]
        if not placed:
            return {"input": call.input_tokens}
        read = next((blocks for blocks in range(placed[-1].place + 1, 0, -1) if self._holds(call, blocks)), 0)
        used = {"input": call.input_tokens, "cache_read": read * BLOCK_TOKENS}
        done = read
        for mark in placed:
            if mark.place >= done:
                unit = _WRITTEN[mark.lifetime]
                used[unit] = used.get(unit, 0) + (mark.place + 1 - done) * BLOCK_TOKENS
                done = mark.place + 1
            self._keep(call, mark.place + 1, LIFETIMES_MS[mark.lifetime])
        if read:
            self._keep(call, read, 0)
        used["input"] -= done * BLOCK_TOKENS
        return {unit: tokens for unit, tokens in used.items() if tokens}

    def _holds(self, call: PrefixedCall, blocks: int) -> bool:
        found = self.held.get(call.blocks[blocks - 1])
        return found is not None and found[0] >= call.at_ms

    def _keep(self, call: PrefixedCall, blocks: int, kept_ms: int) -> None:
        key = call.blocks[blocks - 1]
        if self._holds(call, blocks):
            kept_ms = max(kept_ms, self.held[key][1])
        self.held[key] = (call.at_ms + kept_ms, kept_ms)


@dataclass(slots=True)
class Tally:
    """What a policy comes to over a trace."""

    name: str
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    cost: Decimal = ZERO

    def add(self, used: dict[str, int], version: PriceVersion) -> None:
        """One more call."""
        for unit, count in used.items():
            self.tokens[unit] = self.tokens.get(unit, 0) + count
        costing = price(Usage(buckets=used), version)
        assert costing.effective_cost is not None, f"{version.model} has a price for all of {sorted(used)}"
        self.cost += costing.effective_cost

    def share(self, *units: str) -> str:
        """The share of all tokens that were billed as `units`, in percent."""
        total = sum(self.tokens.values())
        return f"{Decimal(100 * sum([self.tokens.get(unit, 0) for unit in units])) / total:.1f} %"


def never(_call: PrefixedCall) -> Sequence[Mark]:
    """No mark."""
    return ()


def always(lifetime: Lifetime) -> Policy:
    """Every prompt whole."""
    return lambda call: (Mark(len(_whole(call)) - 1, lifetime),) if _whole(call) else ()


def learned(version: PriceVersion, *, prefixes_max: int | None = None) -> Policy:
    """As the gateway does it, knowing nothing at first."""
    known = Prefixes() if prefixes_max is None else Prefixes(prefixes_max)
    model_odds = odds_of(version, kept_from(version.model))
    if model_odds is None:
        raise BadInput(f"{version.model} has no prices of a cache that is written to: nothing could be decided")

    def policy(call: PrefixedCall) -> Sequence[Mark]:
        parts = [Part("message", block, (place + 1) * BLOCK_TOKENS) for place, block in enumerate(_whole(call))]
        if not parts:
            return ()
        seen = known.see("trace", parts, call.at_ms)
        placed = marks(seen, model_odds, _PROVIDER, version.model)
        known.served(seen, placed, _PROVIDER, version.model)
        return placed

    return policy


def foreseen(calls: Sequence[PrefixedCall]) -> Policy:
    """A prompt that another one goes on from within 5 minutes whole, which nobody can know in advance; of any other what is
    there to be read.
    """
    last: dict[int, PrefixedCall] = {}
    placed: dict[int, int] = {}
    for call in calls:
        whole = _whole(call)
        found = next((blocks for blocks in range(len(whole), 0, -1) if whole[blocks - 1] in last), 0)
        if found:
            before = last.pop(whole[found - 1])
            if call.at_ms - before.at_ms <= LIFETIMES_MS["5m"]:
                placed[before.position] = found
                placed[call.position] = found
        if whole:
            last[whole[-1]] = call
    return lambda call: (Mark(placed[call.position] - 1, "5m"),) if call.position in placed else ()


def _whole(call: PrefixedCall) -> tuple[int, ...]:
    """The blocks that are full: the rest of a prompt is no prefix of the next one."""
    return call.blocks[: call.input_tokens // BLOCK_TOKENS]


def replay(calls: Sequence[PrefixedCall], version: PriceVersion) -> Iterator[Tally]:
    """What each policy comes to."""
    policies: dict[str, Policy] = {
        "no caching": never,
        "always on, 5 minutes": always("5m"),
        "always on, 1 hour": always("1h"),
        "learned (floorline)": learned(version),
        "knowing the next 5 minutes": foreseen(calls),
    }
    for name, policy in policies.items():
        cache, tally = _Cache(kept_from(version.model)), Tally(name)
        for call in calls:
            tally.add(cache.take(call, policy(call)), version)
        yield tally


def run(trace: Path, model: str = MODEL, book: PriceBook | None = None) -> Sheet:
    """The policies side by side over Mooncake's trace at `trace`, at the list prices of Anthropic's `model`."""
    version = (book or build_book()[0]).resolve(_PROVIDER, model, _AT)
    if not isinstance(version, PriceVersion):
        raise BadInput(version.reason)
    calls = list(read_prefixes(trace))
    tallies = list(replay(calls, version))
    plain = tallies[0].cost
    tokens = sum([call.input_tokens for call in calls])
    return Sheet(
        title=f"prefix: {len(calls):,} prompts of {tokens:,} tokens at the prices of {version.model}, input alone",
        columns=("marks", "read", "written for 5 min", "for 1 hour", "cost", "saved", "saved %"),
        rows=tuple([_row(tally, plain) for tally in tallies]),
    )


def _row(tally: Tally, plain: Decimal) -> tuple[str, ...]:
    saved = plain - tally.cost
    return (
        tally.name,
        tally.share("cache_read"),
        tally.share("cache_write_5m"),
        tally.share("cache_write_1h"),
        f"${tally.cost:.2f}",
        f"{'-' if saved < 0 else ''}${abs(saved):.2f}",
        f"{100 * saved / plain:.2f} %",
    )
