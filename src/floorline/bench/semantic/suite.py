"""The semantic cache's promises side by side: what was served wrongly, beside how much was served at all and what it took to get there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean

from floorline.bench.report import Sheet
from floorline.bench.semantic import pairs, traps
from floorline.bench.semantic.data import Asked, embedded, read_banking, read_clinc
from floorline.bench.semantic.stream import Served, Stream
from floorline.embedding.embedder import Embedder
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.semantic.rule import SemanticRule

SEEDS = 3
STREAMED, SHIFTED = (0.02, 0.05), (0.02, 0.05)
PAIRED = (0.01, 0.02, 0.05, 0.1)
CALM, STORMY, STRANGE = 7_000, 6_000, 0.15
"""CLINC150's requests before strangers come, those from then on, and the share of these that are strangers."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What became of requests, in one run. `first` is how many came before the first was served, None: none was."""

    requests: int
    hits: int
    wrong: int
    first: int | None
    labels: int
    alarms: int

    @property
    def served(self) -> float:
        """The share that was answered from the cache."""
        return self.hits / self.requests

    @property
    def false_hits(self) -> float:
        """The share of those that were wrong; 0 of none."""
        return self.wrong / self.hits if self.hits else 0.0


def run(data: Path, embedder: Embedder, kept: Path, say: Say) -> list[Sheet]:
    """Every sheet. Vectors are kept in the folder `kept`."""
    say("traps …")
    found = [trap_sheet(embedder)]
    say("Banking77 from an empty cache …")
    banking = embedded(read_banking(data), embedder, kept)
    found.append(stream_sheet(banking))
    say("CLINC150, with strangers from the middle on …")
    known, strangers = (embedded(texts, embedder, kept) for texts in read_clinc(data))
    found.append(shift_sheet(known, strangers, banking))
    say("QQP's pairs …")
    found.append(pair_sheet(pairs.judged(data, embedder, kept)))
    return found


def trap_sheet(embedder: Embedder) -> Sheet:
    """Each kind of trap, under a certificate that serves everything."""
    tried = list(traps.tried(embedder))
    rows: list[tuple[str, ...]] = []
    for kind in dict.fromkeys(one.kind for one in tried):
        mine = [one for one in tried if one.kind == kind]
        rows.append((kind, *_of_traps(mine)))
    allowed = traps.allowed(embedder)
    rows.extend([("every trap", *_of_traps(tried)), ("the same in other words", *_of_traps(allowed))])
    return Sheet(
        title="traps: questions that look alike and are not the same, where everything is certified",
        columns=("kind", "pairs", "hits", "mean similarity", "highest"),
        rows=tuple(rows),
    )


def stream_sheet(banking: Sequence[Asked]) -> Sheet:
    """Banking77's questions in random order into an empty cache, with nothing labelled before."""
    rows: list[tuple[str, ...]] = []
    for agreeing in (True, False):
        for budget in STREAMED:
            found = [streamed(banking, budget, seed, agreeing=agreeing) for seed in range(SEEDS)]
            rows.append(("compared" if agreeing else "not compared", _percent(budget), *_of_stream(found)))
    return Sheet(
        title=f"stream: {len(banking):,} questions of Banking77 from an empty cache, {SEEDS} orders, 10 % audited",
        columns=("neighbours' answers", "budget", "served", "least", "wrong", "most", "first served after", "compared"),
        rows=tuple(rows),
    )


def shift_sheet(known: Sequence[Asked], strangers: Sequence[Asked], banking: Sequence[Asked]) -> Sheet:
    """CLINC150's questions, and from the middle on others among them that no label has been of."""
    rows: list[tuple[str, ...]] = []
    for budget in SHIFTED:
        for seed in range(SEEDS):
            calm, stormy, blind = shifted(known, strangers, banking, budget, seed)
            alarms = f"{stormy.alarms}" if stormy.alarms else "none"
            rows.append(
                (
                    _percent(budget), str(seed), _percent(calm.served), _percent(calm.false_hits), _percent(stormy.served),
                    _percent(stormy.false_hits), alarms, _percent(blind.served), _percent(blind.false_hits),
                )
            )  # fmt: skip
    return Sheet(
        title=f"shift: {CALM:,} questions of CLINC150, then {STORMY:,} of which {_percent(STRANGE)} are strangers: of no intent, and of a bank's",
        columns=(
            "budget", "order", "served before", "wrong", "served after", "wrong after", "alarms", "uncontrolled: served after", "wrong after",
        ),
        rows=tuple(rows),
    )  # fmt: skip


def pair_sheet(judged: Sequence[pairs.Judged]) -> Sheet:
    """QQP's pairs, certified by three quarters and checked on the last one, four times."""
    rows: list[tuple[str, ...]] = []
    for budget in PAIRED:
        found = [pairs.checked(judged, budget, split) for split in range(pairs.SPLITS)]
        acting = [one for one in found if one.certificate.acts]
        if not acting:
            rows.append((_percent(budget), "none of 4", "no safe operating point", "", "", ""))
            continue
        rows.append(
            (
                _percent(budget),
                f"{len(acting)} of {len(found)}",
                _percent(fmean(one.false_hits for one in acting)),
                _percent(max(one.false_hits for one in acting)),
                _percent(fmean(one.recall for one in acting)),
                _percent(min(one.recall for one in acting)),
            )
        )
    return Sheet(
        title=f"pairs: {len(judged):,} judged pairs of QQP, {pairs.SPLITS} splits by question",
        columns=("budget", "certified", "wrong", "most", "of the same answered", "least"),
        rows=tuple(rows),
    )


def streamed(requests: Sequence[Asked], budget: float, seed: int, *, agreeing: bool = True) -> Figures:
    """One order of the requests into an empty cache."""
    order = list(requests)
    Random(seed).shuffle(order)  # noqa: S311 - a measurement repeats, it hides nothing
    stream = Stream(SemanticRule(setting=ENFORCE, false_hits_max=budget), seed, agreeing=agreeing)
    return _figures(list(stream.play(order)), stream, 0)


def shifted(
    known: Sequence[Asked], strangers: Sequence[Asked], banking: Sequence[Asked], budget: float, seed: int
) -> tuple[Figures, Figures, Figures]:
    """Before strangers come and after it, and after it had the certificate of before gone on without labels."""
    random = Random(seed)  # noqa: S311 - a measurement repeats, it hides nothing
    order = random.sample(list(known), CALM + STORMY)
    calm, stormy = order[:CALM], order[CALM:]
    foreign = [*strangers, *random.sample(list(banking), int(STORMY * STRANGE) - len(strangers))]
    stormy = [*stormy[: STORMY - len(foreign)], *foreign]
    random.shuffle(stormy)
    rule = SemanticRule(setting=ENFORCE, false_hits_max=budget)
    stream = Stream(rule, seed)
    before = _figures(list(stream.play(calm)), stream, 0)
    blind = stream.blind()
    looks = len(stream.history)
    after = _figures(list(stream.play(stormy)), stream, looks)
    return before, after, _figures(list(blind.play(stormy)), blind, 0)


def _figures(became: Sequence[Served], stream: Stream, since: int) -> Figures:
    states = [one.state for one in stream.history[max(since - 1, 0) :]]
    turned = pairwise(states)
    return Figures(
        requests=len(became),
        hits=sum(one.hit for one in became),
        wrong=sum(one.wrong for one in became),
        first=next((place for place, one in enumerate(became) if one.hit), None),
        labels=len(stream.labels),
        alarms=sum(one != "suspended" and other == "suspended" for one, other in turned),
    )


def _of_stream(found: Sequence[Figures]) -> tuple[str, ...]:
    firsts = [one.first for one in found if one.first is not None]
    return (
        _percent(fmean(one.served for one in found)),
        _percent(min(one.served for one in found)),
        _percent(fmean(one.false_hits for one in found)),
        _percent(max(one.false_hits for one in found)),
        f"{round(fmean(firsts)):,}" if firsts else "never",
        f"{round(fmean(one.labels for one in found)):,}",
    )


def _of_traps(tried: Sequence[traps.Tried]) -> tuple[str, ...]:
    return (
        str(len(tried)),
        str(sum(not one.stopped for one in tried)),
        f"{fmean(one.similarity for one in tried):.2f}",
        f"{max(one.similarity for one in tried):.2f}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 1 and round(100 * share, 1) % 1 else f"{100 * share:.0f} %"
