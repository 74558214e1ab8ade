"""QQP's pairs through the shipped rules: certified by the labels of three quarters of the questions, and checked on the others.

The pairs were picked to look alike, and about half of those that are most alike and labelled otherwise ask the same thing after all: no promise of one or two
percent can be kept on them, by anyone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from floorline.bench.semantic.data import Text, embedded, read_pairs
from floorline.embedding.embedder import Embedder
from floorline.events import Label
from floorline.guardrails.frame import ENFORCE, FORWARD, MILLION, Evidence, Facts, Near
from floorline.guardrails.semantic.choosing import Candidate, choose
from floorline.guardrails.semantic.controller import certify
from floorline.guardrails.semantic.question import read
from floorline.guardrails.semantic.rule import KIND, SemanticRule, hit, step
from floorline.guardrails.semantic.vetoes import veto
from floorline.proof.bounds import lower
from floorline.proof.certificate import Certificate, Certificates
from floorline.proof.learning import fold_of

SPLITS = 4
FEATURE = "pairs"
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A pair as the cache sees it, and whether people say that it asks the same. Pairs of one `group` share questions."""

    near: Near
    same: bool
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a certificate did on pairs that it was not made of. `recall` is the share of all that ask the same which were answered."""

    certificate: Certificate
    hits: int
    wrong: int
    recall: float

    @property
    def false_hits(self) -> float:
        """Of what was answered, the share that people say asks something else; 0 of nothing."""
        return self.wrong / self.hits if self.hits else 0.0

    @property
    def false_hits_at_least(self) -> float:
        """What that share surely is."""
        return lower(self.wrong, self.hits) if self.hits else 0.0


def judged(folder: Path, embedder: Embedder, kept: Path) -> list[Judged]:
    """Every pair, looked at as the gateway does. Of a pair that a veto speaks against no vectors are made: it is never served."""
    pairs = read_pairs(folder)
    groups = _groups([(pair.text_a, pair.text_b) for pair in pairs])
    questions = {text: read(text) for text in groups}
    vetoes = [veto(questions[pair.text_a], questions[pair.text_b]) for pair in pairs]
    open_ = [pair for pair, why in zip(pairs, vetoes, strict=True) if not why]
    texts = sorted({text for pair in open_ for text in (pair.text_a, pair.text_b)})
    vectors = {one.text: one.vector for one in embedded([Text(text, "") for text in texts], embedder, kept)}
    found: list[Judged] = []
    for pair, why in zip(pairs, vetoes, strict=True):
        asked, stored = vectors.get(pair.text_a), vectors.get(pair.text_b)
        near = Near(state="near", veto=why)
        if not why and asked is not None and stored is not None:
            candidate = Candidate(key=0, similarity=float(asked @ stored), question=questions[pair.text_b])
            chosen = choose(questions[pair.text_a], [candidate], SemanticRule().similarity_min)
            near = Near(state="miss")
            if chosen is not None:
                near = Near(state="near", similarity=chosen.similarity, features=chosen.features, draw=MILLION - 1)
        found.append(Judged(near=near, same=pair.label == 1, group=groups[pair.text_a]))
    return found


def checked(pairs: Sequence[Judged], budget: float, split: int) -> Checked:
    """The certificate that the labels of three quarters of the groups make, and what it does on the last one."""
    rule = SemanticRule(setting=ENFORCE, false_hits_max=budget)
    fitted = [one for one in pairs if fold_of(one.group, SPLITS) != split]
    held = [one for one in pairs if fold_of(one.group, SPLITS) == split]
    labels = [
        _label(number, one) for number, one in enumerate(fitted) if one.near.state == "near" and not one.near.veto
    ]
    certificate = certify(rule, labels, None, _AT)
    certified = Certificates(as_of=_AT, every=(certificate,))
    facts = Facts(at=_AT, feature=FEATURE)
    served = [one for one in held if hit(step(facts, Evidence(semantic=one.near, certified=certified), rule, FORWARD))]
    right = sum(one.same for one in served)
    return Checked(
        certificate=certificate,
        hits=len(served),
        wrong=len(served) - right,
        recall=right / sum(one.same for one in held),
    )


def _label(number: int, one: Judged) -> Label:
    return Label(
        source="bench",
        id=str(number),
        at=_AT,
        kind=KIND,
        feature=FEATURE,
        other_call_id=one.group,
        score=one.near.similarity,
        features=one.near.features,
        right=one.same,
        origin="outcome",
    )


def _groups(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Questions that are joined by pairs, directly or by others, have one name: that of one of them."""
    above: dict[str, str] = {}

    def top(text: str) -> str:
        while above.setdefault(text, text) != text:
            above[text] = above[above[text]]
            text = above[text]
        return text

    for one, other in pairs:
        above[top(one)] = top(other)
    return {text: top(text) for text in list(above)}
