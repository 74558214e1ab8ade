"""Questions that come one after the other through the shipped cache rules: traps, vetoes, the decision, audits, labels and certificates.

What stands in for the rest is small: the answer to a question is known in advance, which is what its model would say.
"""

import copy
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from floorline.bench.semantic.data import Asked
from floorline.embedding.index import Index
from floorline.embedding.vector import Vector
from floorline.events import Label
from floorline.guardrails.frame import FORWARD, MILLION, Evidence, Facts, Near
from floorline.guardrails.semantic.choosing import NEIGHBOURS, Candidate, choose
from floorline.guardrails.semantic.controller import certify
from floorline.guardrails.semantic.question import Question, read
from floorline.guardrails.semantic.rule import KIND, SemanticRule, audited, hit, is_labelled, step
from floorline.guardrails.semantic.traps import passed_by
from floorline.proof.certificate import Certificate, Certificates

LOOK_EVERY = 200
"""Requests between two looks at the labels."""

WINDOW = 256
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one request. `state` is the certificate's when it came."""

    hit: bool
    wrong: bool
    state: str


class Stream:
    """A cache that begins empty. `agreeing`: neighbours' answers are compared. `judge_error`: how often the comparison itself is wrong."""

    def __init__(self, rule: SemanticRule, seed: int, *, agreeing: bool = True, judge_error: float = 0.0) -> None:
        self.certificate: Certificate | None = None
        self.labels: list[Label] = []
        self.history: list[Certificate] = []
        self.looks = True
        self._rule, self._agreeing, self._judge_error = rule, agreeing, judge_error
        self._random = random.Random(seed)  # noqa: S311 - a measurement repeats, it hides nothing
        self._index: Index | None = None
        self._held: list[tuple[Question, str]] = []
        self._count = 0

    def play(self, requests: Sequence[Asked]) -> Iterator[Served]:
        """Each request's end, in their order."""
        for asked in requests:
            yield self._one(asked)
            self._count += 1
            if self.looks and self._count % LOOK_EVERY == 0 and self.labels:
                self._look()

    def blind(self) -> "Stream":
        """The cache as it is, going on by the certificate that it has, without another look at labels."""
        other = copy.deepcopy(self)
        other.looks = False
        return other

    def _look(self) -> None:
        self.certificate = certify(self._rule, self.labels, self.certificate, self._now)
        self.history.append(self.certificate)

    @property
    def _now(self) -> datetime:
        return _BEGIN + self._count * _SECOND

    def _one(self, asked: Asked) -> Served:
        question = read(asked.text)
        state = "shadow" if self.certificate is None else self.certificate.state
        if asked.vector is None or passed_by(
            question, tokens=asked.tokens, unknown=asked.unknown, window=WINDOW, multilingual=False
        ):
            return Served(hit=False, wrong=False, state=state)
        near, key = self._near(asked.vector, question)
        facts = Facts(at=self._now, feature="stream")
        every = () if self.certificate is None else (self.certificate,)
        evidence = Evidence(semantic=near, certified=Certificates(as_of=self._now, every=every))
        verdict = step(facts, evidence, self._rule, FORWARD)
        right = near.state == "near" and self._held[key][1] == asked.answer
        if hit(verdict):
            return Served(hit=True, wrong=not right, state=state)
        if is_labelled(self._rule, near, self.certificate):
            self._label(near, key, right=right, served=audited(verdict))
        self._keep(asked.vector, question, asked.answer)
        return Served(hit=False, wrong=False, state=state)

    def _near(self, vector: Vector, question: Question) -> tuple[Near, int]:
        """What the shell's look finds, and the place of the stored answer."""
        found = [] if self._index is None else self._index.search(vector, NEIGHBOURS)
        candidates = [
            Candidate(
                key=one.key,
                similarity=one.similarity,
                question=self._held[one.key][0],
                answer=self._held[one.key][1].encode() if self._agreeing else b"",
            )
            for one in found
        ]
        chosen = choose(question, candidates, self._rule.similarity_min)
        if chosen is None:
            return Near(state="miss"), -1
        near = Near(
            state="near",
            similarity=chosen.similarity,
            agreement=chosen.agreement,
            features=chosen.features,
            veto=chosen.veto,
            draw=self._random.randrange(MILLION),
        )
        return near, chosen.key

    def _label(self, near: Near, key: int, *, right: bool, served: bool) -> None:
        said = right is (self._random.random() >= self._judge_error)
        self.labels.append(
            Label(
                source="bench",
                id=f"label-{self._count}",
                at=self._now,
                kind=KIND,
                feature="stream",
                call_id=f"call-{self._count}",
                other_call_id=f"call-{key}",
                score=near.similarity,
                features=near.features,
                right=said,
                served=served,
                origin="judge" if self._judge_error else "exact",
            )
        )

    def _keep(self, vector: Vector, question: Question, answer: str) -> None:
        if self._index is None:
            self._index = Index(len(vector))
        self._index.add(len(self._held), vector)
        self._held.append((question, answer))
