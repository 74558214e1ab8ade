"""What a provider's prompt cache is worth, learned from traffic: which prefixes come again, how soon, and where marking pays.

A prompt is a row of parts, each known by a hash of everything up to its end: the tools, the instructions, the messages. A mark
has the provider keep the prefix up to a part for 5 minutes or an hour after its last use: its tokens cost more when they are
written, and a fraction when they are read.

    writing pays when   reads × (input − read)  >  write − input

`reads` is how often a prefix is read on average before it lapses. It is learned for kinds of calls (how many turns a
conversation has had, how long ago the last one was, how long the prompt is) as `chance of another turn × (1 + reads of that
turn)`: each use of a prefix tells the kind of its last use what came of it, and each lapse tells it that nothing did.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple

import msgspec

from floorline.pricing.version import PriceVersion

PartKind = Literal["tools", "system", "message"]
Lifetime = Literal["5m", "1h"]

LIFETIMES_MS: dict[Lifetime, int] = {"5m": 300_000, "1h": 3_600_000}
PREFIXES_MAX = 65_536
KINDS_MAX = 8_192
USES_MAX = 65_536
"""Uses that wait for the end of one lifetime. While there are so many, later ones are not learned from: a sample will do."""

READS_MAX = 1_000
"""More reads than these are not believed of a prefix: it pays long before."""

MARKS_MAX = 4
"""Anthropic and Bedrock take no more in one request; a prompt has no more steps either."""

KEPT_FROM = 1_024
_KEPT_FROM = (
    (re.compile(r"opus-4[-.][5-9]|haiku-4[-.][5-9]"), 4_096),
    (re.compile(r"sonnet-4[-.][6-9]|haiku-3|3[-.]5-haiku|3-haiku"), 2_048),
)
_MILLI = 1_000
_SETTLED = 512
"""An average moves by one in so many from there on, so that it follows its traffic."""

_PRIOR = 8
"""How many uses a kind needs to weigh as much as what is known of all of its feature."""

_NOTHING_KNOWN = 8
"""How many uses without a repetition a feature is thought to have had: nothing is written before there is evidence."""

_TURNS_MAX = 6
_SIZES_MAX = 8
_GAPS_MS = (15_000, 30_000, 60_000, 120_000, 300_000, 3_600_000)


class Part(NamedTuple):
    """A prompt up to the end of one part: the hash of all of it, and about how many tokens that is."""

    kind: PartKind
    key: int
    tokens: int


class Odds(NamedTuple):
    """What one model's prices ask of a prefix: how often it must be read, in thousandths, for writing it to pay; and the least
    tokens that its provider keeps. `need_1h` is None where an hour has no price.
    """

    need_5m: int
    need_1h: int | None
    tokens_min: int


class Mark(NamedTuple):
    """Keep the prefix up to the part `place` for `lifetime`."""

    place: int
    lifetime: Lifetime


class Served(NamedTuple):
    """Where a prefix went last, and for how long it was marked to be kept there; None where the provider keeps it by itself."""

    provider: str
    model: str
    lifetime: Lifetime | None = None


class Step(NamedTuple):
    """A part where a mark may stand. `reads_…` are thousandths; `kept` says where its prefix may still be."""

    place: int
    tokens: int
    reads_5m: int
    reads_1h: int
    kept: Served | None

    def kept_by(self, provider: str, model: str) -> bool:
        """Whether a mark has this provider keep it still."""
        return self.kept is not None and self.kept.lifetime is not None and self.kept[:2] == (provider, model)


class Seen(NamedTuple):
    """What is known of a prompt as it comes: its steps in order, and where its conversation is kept, if anywhere."""

    keys: tuple[int, ...]
    steps: tuple[Step, ...]
    pin: Served | None


def odds_of(version: PriceVersion, tokens_min: int) -> Odds | None:
    """The odds at a model's prices; None where they know no cache that is written to, or reading it saves nothing."""
    by_unit = version.by_unit
    prices = [by_unit.get(unit) for unit in ("input", "cache_read", "cache_write_5m", "cache_write_1h")]
    plain, read, write_5m, write_1h = [None if one is None else one.contracted / one.per for one in prices]
    if plain is None or read is None or write_5m is None or plain <= read:
        return None
    saved = plain - read
    return Odds(
        need_5m=_need(write_5m - plain, saved),
        need_1h=None if write_1h is None else _need(write_1h - plain, saved),
        tokens_min=tokens_min,
    )


def kept_from(model: str) -> int:
    """The least tokens that Anthropic keeps a prefix of for `model`, whoever serves it (its page on prompt caching)."""
    return next((tokens for name, tokens in _KEPT_FROM if name.search(model)), KEPT_FROM)


def _need(surcharge: Decimal, saved: Decimal) -> int:
    return int((surcharge * _MILLI / saved).to_integral_value(ROUND_CEILING))


def marks(seen: Seen, model_odds: Odds, provider: str, model: str) -> tuple[Mark, ...]:
    """Where to mark a prompt that goes to `model` at `provider`: the steps up to the one where the expected saving of the whole
    prompt is greatest, none where none is to be expected. Those kept for an hour come first, as providers ask for it.
    """
    sizes, warm = _sizes(seen, provider, model)
    best, chosen = 0, (0, 0)
    for deep in range(1, len(seen.steps) + 1):
        if seen.steps[deep - 1].tokens < model_odds.tokens_min:
            continue
        for hours in range(deep + 1) if model_odds.need_1h is not None else (0,):
            value = sum(
                [
                    size * (_MILLI if place < warm else _gain(step, model_odds, hour=place < hours))
                    for place, (step, size) in enumerate(zip(seen.steps[:deep], sizes, strict=False))
                ]
            )
            if value > best:
                best, chosen = value, (deep, hours)
    deep, hours = chosen
    return tuple([Mark(step.place, _lifetime(place < hours)) for place, step in enumerate(seen.steps[:deep])])


def _lifetime(hour: bool) -> Lifetime:
    return "1h" if hour else "5m"


def _sizes(seen: Seen, provider: str, model: str) -> tuple[list[int], int]:
    """The tokens of each step beyond the one before; and how many steps are kept where the prompt goes."""
    sizes: list[int] = []
    before = warm = 0
    for place, step in enumerate(seen.steps, 1):
        sizes.append(step.tokens - before)
        before = step.tokens
        if step.kept_by(provider, model):
            warm = place
    return sizes, warm


def _gain(step: Step, model_odds: Odds, *, hour: bool) -> int:
    """What writing a token of the step is expected to bring, in thousandths of what a read saves."""
    if hour and model_odds.need_1h is not None:
        return step.reads_1h - model_odds.need_1h
    return step.reads_5m - model_odds.need_5m


class _Worth:
    """How often prefixes of one kind are read before they lapse: averages, in millionths, over `uses`. `above` is what is
    known of all of its feature.
    """

    __slots__ = ("above", "reads", "uses")

    def __init__(self, above: "_Worth | None") -> None:
        self.above = above
        self.uses: dict[Lifetime, int] = {"5m": 0, "1h": 0}
        self.reads: dict[Lifetime, int] = {"5m": 0, "1h": 0}

    def learn(self, lifetime: Lifetime, reads: int) -> None:
        """A prefix of this kind was read `reads` thousandths of times."""
        self.uses[lifetime] += 1
        self.reads[lifetime] += (reads * _MILLI - self.reads[lifetime]) // min(self.uses[lifetime], _SETTLED)
        if self.above is not None:
            self.above.learn(lifetime, reads)

    def told(self, lifetime: Lifetime) -> int:
        """Thousandths of a read; little evidence is drawn to what is known above, and that to none."""
        uses, reads = self.uses[lifetime], self.reads[lifetime] // _MILLI
        if self.above is None:
            return reads * uses // (uses + _NOTHING_KNOWN)
        return (reads * uses + self.above.told(lifetime) * _PRIOR) // (uses + _PRIOR)


class _Use:
    """One use of a prefix, of the kind `worth`, and how often (thousandths) it was read after it, within each lifetime. It is
    learned from when the lifetime is over, not before: repetitions are seen sooner than that there is none.
    """

    __slots__ = ("at_ms", "reads_1h", "reads_5m", "worth")

    def __init__(self, at_ms: int, worth: _Worth) -> None:
        self.at_ms, self.worth = at_ms, worth
        self.reads_5m = self.reads_1h = 0

    def again(self, worth: _Worth, now_ms: int) -> None:
        """The prefix is used again, within a prompt of the kind `worth`."""
        if now_ms - self.at_ms <= LIFETIMES_MS["5m"]:
            self.reads_5m = min(_MILLI + worth.told("5m"), READS_MAX * _MILLI)
        if now_ms - self.at_ms <= LIFETIMES_MS["1h"]:
            self.reads_1h = min(_MILLI + worth.told("1h"), READS_MAX * _MILLI)

    def lapsed(self, lifetime: Lifetime) -> None:
        """The lifetime is over: what came of it is learned."""
        self.worth.learn(lifetime, self.reads_5m if lifetime == "5m" else self.reads_1h)


class _Prefix(msgspec.Struct, kw_only=True):
    """What is remembered of one prefix. `waiting`: its last use, unless a longer prompt has taken its place."""

    used_ms: int
    uses: int
    waiting: _Use | None
    served: Served | None = None


class Prefixes:
    """What one gateway has learned of its prefixes, in bounded memory: the prefix that is longest unused is forgotten first."""

    def __init__(self, prefixes_max: int = PREFIXES_MAX) -> None:
        self._max = prefixes_max
        self._held: OrderedDict[int, _Prefix] = OrderedDict()
        self._kinds: dict[tuple[str, PartKind, int, int, int], _Worth] = {}
        self._features: dict[tuple[str, PartKind], _Worth] = {}
        self._due: dict[Lifetime, deque[_Use]] = {"5m": deque(), "1h": deque()}

    def __len__(self) -> int:
        return len(self._held)

    def see(self, feature: str, parts: Sequence[Part], now_ms: int) -> Seen:
        """Take in a prompt, and say what is known of it. Its parts come in order, tools and instructions before messages."""
        self._learn(now_ms)
        steps: list[Step] = []
        messages: list[int] = []
        for place, part in enumerate(parts):
            if part.kind == "message":
                messages.append(place)
            else:
                steps.append(self._structure(feature, place, part, now_ms))
        pin = self._conversation(feature, parts, messages, steps, now_ms) if messages else None
        return Seen(tuple([part.key for part in parts]), tuple(steps), pin)

    def served(self, seen: Seen, placed: Sequence[Mark], provider: str, model: str) -> None:
        """The prompt was answered by `model` at `provider`, sent there with these marks."""
        lifetimes: dict[int, Lifetime] = {mark.place: mark.lifetime for mark in placed}
        for step in seen.steps:
            held = self._held.get(seen.keys[step.place])
            if held is not None:
                held.served = Served(provider, model, lifetimes.get(step.place))

    def _structure(self, feature: str, place: int, part: Part, now_ms: int) -> Step:
        """The tools or the instructions: of a kind by how often and how lately they were used."""
        held = self._held.get(part.key)
        uses = 0 if held is None else held.uses + 1
        worth = self._worth(feature, part.kind, uses.bit_length(), _gap(held, now_ms), 0)
        step = _step(place, part, worth, held, now_ms)
        self._used(part.key, held, worth, uses, now_ms)
        return step

    def _conversation(
        self, feature: str, parts: Sequence[Part], messages: Sequence[int], steps: list[Step], now_ms: int
    ) -> Served | None:
        """The messages that came before, and all of them: of a kind by the turn, how long ago the last one was, and the length."""
        last = messages[-1]
        known = next((place for place in reversed(messages) if parts[place].key in self._held), None)
        held = None if known is None else self._held[parts[known].key]
        uses = 0 if held is None else held.uses + 1
        size = (parts[last].tokens // _MILLI).bit_length()
        worth = self._worth(feature, "message", min(uses, _TURNS_MAX), _gap(held, now_ms), min(size, _SIZES_MAX))
        pin = _kept(held, now_ms)
        same = held if known == last else None
        if known is not None and held is not None and same is None:
            steps.append(_step(known, parts[known], worth, held, now_ms))
            _again(held, worth, now_ms)
        steps.append(_step(last, parts[last], worth, same, now_ms))
        self._used(parts[last].key, same, worth, uses, now_ms)
        return pin

    def _worth(self, feature: str, kind: PartKind, uses: int, gap: int, size: int) -> _Worth:
        """What is known of a kind of prefixes; of its feature alone once there are too many kinds."""
        key = (feature, kind, uses, gap, size)
        worth = self._kinds.get(key)
        if worth is not None:
            return worth
        above = self._features.get((feature, kind))
        if above is None:
            if len(self._features) >= KINDS_MAX:
                return _Worth(None)
            above = self._features[feature, kind] = _Worth(None)
        if len(self._kinds) >= KINDS_MAX:
            return above
        worth = self._kinds[key] = _Worth(above)
        return worth

    def _used(self, key: int, held: _Prefix | None, worth: _Worth, uses: int, now_ms: int) -> None:
        """The prefix is used now, and what comes of it is waited for."""
        use = _Use(now_ms, worth)
        if held is None:
            if len(self._held) >= self._max:
                self._held.popitem(last=False)
            self._held[key] = _Prefix(used_ms=now_ms, uses=uses, waiting=use)
        else:
            _again(held, worth, now_ms)
            self._held.move_to_end(key)
            held.uses, held.waiting = uses, use
        for due in self._due.values():
            if len(due) < USES_MAX:
                due.append(use)

    def _learn(self, now_ms: int) -> None:
        """Learn from the uses whose lifetimes are over."""
        for lifetime, due in self._due.items():
            before_ms = now_ms - LIFETIMES_MS[lifetime]
            while due and due[0].at_ms < before_ms:
                due.popleft().lapsed(lifetime)


def _again(held: _Prefix, worth: _Worth, now_ms: int) -> None:
    """A prefix came again, within a prompt of the kind `worth`."""
    if held.waiting is not None:
        held.waiting.again(worth, now_ms)
    held.served, held.used_ms, held.waiting = _kept(held, now_ms), now_ms, None


def _step(place: int, part: Part, worth: _Worth, held: _Prefix | None, now_ms: int) -> Step:
    return Step(place, part.tokens, worth.told("5m"), worth.told("1h"), _kept(held, now_ms))


def _kept(held: _Prefix | None, now_ms: int) -> Served | None:
    """Where the prefix still is."""
    if held is None or held.served is None:
        return None
    return held.served if now_ms - held.used_ms <= LIFETIMES_MS[held.served.lifetime or "5m"] else None


def _gap(held: _Prefix | None, now_ms: int) -> int:
    """How long ago a prefix was used, roughly; 0 for never."""
    if held is None:
        return 0
    return 1 + sum([now_ms - held.used_ms > bound for bound in _GAPS_MS])
