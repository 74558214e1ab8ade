"""The audit of system prompts: what each costs a month, and what in it could go.

    samples (captured calls) × counts (the ledger's) ▸ tokens
    tokens × slices (calls, use of the cache) × prices of now ▸ dollars a month

A prompt is known by the name that its calls' records carry (docs/baselines.md). Its words are those of most of its captured calls.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from floorline import money
from floorline.money import ZERO
from floorline.prompts.counting import Counted, Ratio, Ratios, mean, ratios
from floorline.prompts.said import size_of
from floorline.prompts.volume import Resolve, Slice, calls_a_month, change_a_month, cost_a_month
from floorline.prompts.wording import Phrase, Repeat, boilerplate, examples, repeats, without

SHORTER = Decimal("0.30")
"""How much shorter every prompt is thought: what a careful rewriting most often takes away."""

EXAMPLE_CALLS_MIN = 20
EXAMPLE_SHARE = Decimal("0.5")
TURNS_MAX = 64
"""Of a call's first turns, which are looked at for examples."""


class TurnMark(NamedTuple):
    """A turn as it is compared: who speaks, a hash of what is said, and its bytes."""

    role: str
    said: Hashable
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A captured call. `tokens` is the provider's count of its input, None where that is not known or not of texts alone.

    `turns` are its first ones without the last, which is what the call asks; `size` are all its bytes.
    """

    feature: str
    prompt: str
    provider: str
    model: str
    subject: str
    instructions: str
    tools: str = ""
    turns: tuple[TurnMark, ...] = ()
    size: int
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a prompt: tokens of a call, and USD a month that it costs."""

    tokens: int = 0
    usd: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One system prompt of a feature. Tokens are of a call, dollars of a month at the prices of now.

    `whole` is everything the application repeats: instructions, tools, and examples as turns. `in_examples` are those within
    the instructions, `of_examples` all. `repeated` and `idle` are what goes when nothing is said twice, and without phrases
    that change no answer. `versions` counts the wordings seen under the name.
    """

    name: str
    begins: str
    seen: int
    versions: int
    calls: int
    whole: Part
    instructions: Part
    tools: Part
    in_examples: int
    of_examples: Part
    examples: int
    repeated: Part
    repeats: tuple[Repeat, ...]
    idle: Part
    phrases: tuple[Phrase, ...]
    shorter: Decimal
    input_share: Decimal | None
    spend_share: Decimal | None
    ratio: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature's prompts, the dearest first. `spend` is what all its calls cost a month at the prices of now, `calls` how
    many there are, `unpriced` how many of them have no price; `covered` is the share of calls whose prompt was seen.
    """

    name: str
    calls: int
    spend: Decimal
    unpriced: int
    covered: Decimal | None
    prompts: tuple[Prompt, ...]
    unread: dict[str, int] = field(default_factory=dict[str, int])


def audit(
    samples: Iterable[Sample], slices: Iterable[Slice], unread: Iterable[tuple[str, str]], days: int, resolve: Resolve
) -> list[Feature]:
    """The features that have captured calls, by what their prompts cost. `unread` are the feature of each captured call that
    could not be read, and why.
    """
    by_feature: defaultdict[str, list[Sample]] = defaultdict(list)
    counted: defaultdict[tuple[str, str, str], list[Counted]] = defaultdict(list)
    for sample in samples:
        by_feature[sample.feature].append(sample)
        if sample.tokens is not None:
            counted[sample.feature, sample.provider, sample.model].append(Counted(sample.size, sample.tokens))
    of_feature: defaultdict[str, list[Slice]] = defaultdict(list)
    for one in slices:
        of_feature[one.feature].append(one)
    not_read: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, why in unread:
        not_read[name][why] += 1
    known = ratios(counted)
    found = [
        _feature(name, by_feature[name], of_feature[name], _Prices(days, resolve, known), not_read[name])
        for name in {*by_feature, *not_read}
    ]
    return sorted(found, key=lambda one: (-sum(prompt.whole.usd for prompt in one.prompts), one.name))


class _Prices(NamedTuple):
    """What turns bytes into tokens and tokens into dollars."""

    days: int
    resolve: Resolve
    ratios: Ratios

    def part(self, slices: Sequence[Slice], size: int) -> Part:
        """What so many bytes in each call's prompt are."""

        def tokens(one: Slice) -> int:
            return self.ratios.of(one.feature, one.provider, one.model).tokens_of(size)

        calls = sum(one.calls for one in slices)
        return Part(
            tokens=mean(sum(tokens(one) * one.calls for one in slices), calls),
            usd=-change_a_month(slices, self.days, self.resolve, lambda one: -tokens(one)),
        )


def _feature(
    name: str, samples: Sequence[Sample], slices: Sequence[Slice], prices: _Prices, unread: Counter[str]
) -> Feature:
    by_prompt: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_prompt[sample.prompt].append(sample)
    spend = cost_a_month(slices, prices.days, prices.resolve)
    calls = sum(one.calls for one in slices)
    seen = sum(one.calls for one in slices if one.prompt in by_prompt)
    prompts = [
        _prompt(prompt, of_it, [one for one in slices if one.prompt == prompt], spend.usd, prices)
        for prompt, of_it in by_prompt.items()
    ]
    return Feature(
        name=name,
        calls=calls_a_month(slices, prices.days),
        spend=spend.usd,
        unpriced=spend.unpriced_calls,
        covered=money.ratio(Decimal(seen), Decimal(calls)),
        prompts=tuple(sorted(prompts, key=lambda one: (-one.whole.usd, one.name))),
        unread=dict(unread),
    )


def _prompt(name: str, samples: Sequence[Sample], slices: Sequence[Slice], spend: Decimal, prices: _Prices) -> Prompt:
    wordings = Counter(sample.instructions for sample in samples)
    text = wordings.most_common(1)[0][0]
    worked = examples(text)
    plain = without(text, worked)
    said, phrases = tuple(repeats(plain)), tuple(boilerplate(plain))
    instructions = _mean_size(samples, lambda one: size_of(one.instructions))
    tools = _mean_size(samples, lambda one: size_of(one.tools))
    turned, turned_count = example_turns(samples)
    in_text = sum(map(size_of, worked))
    whole = prices.part(slices, instructions + tools + turned)
    inputs = sum(one.mean.input_tokens * one.calls for one in slices)
    calls = sum(one.calls for one in slices)
    return Prompt(
        name=name,
        begins=text,
        seen=len(samples),
        versions=len(wordings),
        calls=calls_a_month(slices, prices.days),
        whole=whole,
        instructions=prices.part(slices, instructions),
        tools=prices.part(slices, tools),
        in_examples=prices.part(slices, in_text).tokens,
        of_examples=prices.part(slices, in_text + turned),
        examples=len(worked) + turned_count,
        repeated=prices.part(slices, sum(one.size for one in said)),
        repeats=said,
        idle=prices.part(slices, sum(one.size for one in phrases)),
        phrases=phrases,
        shorter=prices.part(slices, int((instructions + tools + turned) * SHORTER)).usd,
        input_share=money.ratio(Decimal(whole.tokens * calls), Decimal(inputs)),
        spend_share=money.ratio(whole.usd, spend),
        ratio=_ratio(samples, prices.ratios),
    )


def _mean_size(samples: Sequence[Sample], size: Callable[[Sample], int]) -> int:
    return mean(sum(map(size, samples)), len(samples))


def _ratio(samples: Sequence[Sample], known: Ratios) -> Ratio:
    """That of the model that most of the samples were served by."""
    (feature, provider, model), _ = Counter((one.feature, one.provider, one.model) for one in samples).most_common(1)[0]
    return known.of(feature, provider, model)


def example_turns(samples: Sequence[Sample]) -> tuple[int, int]:
    """The bytes of a mean call, and the number of pairs, that are worked examples given as turns: first turns that the same
    prompt's calls of several subjects have in common word by word, up to the last answer among them.
    """
    matching, size = list(samples), 0
    shared: list[TurnMark] = []
    carried: list[list[Sample]] = []
    while len(shared) < TURNS_MAX:
        nexts = Counter(one.turns[len(shared)] for one in matching if len(one.turns) > len(shared))
        turn, count = nexts.most_common(1)[0] if nexts else (None, 0)
        if turn is None or count < EXAMPLE_CALLS_MIN or count < len(samples) * EXAMPLE_SHARE:
            break
        follow = [one for one in matching if len(one.turns) > len(shared) and one.turns[len(shared)] == turn]
        if len({one.subject for one in follow}) < 2:
            break
        shared.append(turn)
        matching = follow
        carried.append(follow)
    answers = [n for n, turn in enumerate(shared) if turn.role in {"assistant", "model"}]
    if not answers:
        return 0, 0
    for turn, of_it in zip(shared[: answers[-1] + 1], carried, strict=False):
        size += turn.size * len(of_it)
    return mean(size, len(samples)), len(answers)
