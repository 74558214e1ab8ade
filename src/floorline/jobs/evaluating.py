"""An evaluation: every case asked of every model through the gateway, scored, and summed up.

ask each model ▸ score each answer (plain, a judge, an embedder, somebody's code) ▸ or compare two by a judge ▸ summary
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from itertools import combinations, product

import msgspec

from floorline.delivery.posting import Unreached, post
from floorline.evals.judging import (
    ANSWER_TOKENS_MAX,
    Agreement,
    Better,
    agreement,
    ask_better,
    ask_right,
    ask_same,
    heard_better,
    heard_right,
    heard_same,
    settled,
)
from floorline.evals.kept import Asks
from floorline.evals.policy import Evaluation
from floorline.evals.scorers import (
    PLAIN,
    Http,
    Judge,
    Plain,
    Python,
    Score,
    Scorer,
    Similarity,
    read_score,
    said,
    score,
)
from floorline.evals.sets import Case
from floorline.evals.summary import PLAIN as TRUSTED
from floorline.evals.summary import Answered, Summary, Trust, summary, together
from floorline.jobs.gateway_calls import GatewayCalls
from floorline.money import ZERO

Hook = Callable[[Mapping[str, object], str], object]
"""A scorer of the user's own: the case as its line has it, and the answer; returns True, False, None or a Score's members."""

Ask = Callable[[], tuple[bool | None, bool]]
"""Asks a judge: what it said, and what people said."""

_json = msgspec.json.Encoder(decimal_format="number")


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A score, and what it cost to tell; None where nobody knows it."""

    score: Score
    cost: Decimal | None = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Asks and scores, `concurrency` cases at once. `load` finds a function of the user's own."""

    calls: GatewayCalls
    load: Callable[[str], Hook]
    concurrency: int = 4

    def run(
        self,
        cases: Sequence[Case],
        models: Sequence[str],
        evaluation: Evaluation,
        trust: Trust = TRUSTED,
        tell: Callable[[int], None] = lambda _: None,
    ) -> tuple[Summary, Mapping[str, Sequence[Answered]]]:
        """The figures, and each answer. `tell` is told how many cases are done."""
        answers: dict[str, list[Answered]] = {model: [] for model in models}
        preferred: dict[str, list[Better | None]] = {model: [] for model in models[1:]}
        scorer = evaluation.scorer
        compares = isinstance(scorer, Judge) and scorer.compare
        score_one = self._scorer(scorer)

        def one_case(case: Case) -> tuple[list[Answered], list[Better | None]]:
            return self._case(case, models, scorer, score_one)

        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="eval") as pool:
            for number, (found, verdicts) in enumerate(pool.map(one_case, cases), 1):
                for one in found:
                    answers[one.model].append(one)
                for model, verdict in zip(models[1:], verdicts, strict=True):
                    preferred[model].append(verdict)
                tell(number)
        return summary(answers, evaluation.margin, trust, preferred if compares else None), answers

    def agreement(
        self, cases: Sequence[Case], judge: str, asks: Asks, tell: Callable[[int], None] = lambda _: None
    ) -> Agreement:
        """The judge beside the people who labelled answers of the cases: each answer alone, each right one beside each wrong one, or
        each right one beside every other answer.
        """
        ways = {"right": self._alone, "better": self._contrasts, "same": self._alike}
        every = [ask for case in cases for ask in ways[asks](judge, case)]
        verdicts: list[tuple[bool | None, bool]] = []
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="judge") as pool:
            for number, verdict in enumerate(pool.map(_called, every), 1):
                verdicts.append(verdict)
                tell(number)
        return agreement(verdicts)

    def _case(
        self, case: Case, models: Sequence[str], scorer: Scorer, score_one: Callable[[Case, str], Scored]
    ) -> tuple[list[Answered], list[Better | None]]:
        asked = [self._asked(case, model) for model in models]
        if isinstance(scorer, Judge) and scorer.compare:
            return self._compared(case, scorer, asked)
        return [one if one.trouble else _with(one, score_one(case, one.text)) for one in asked], [None] * (
            len(models) - 1
        )

    def _asked(self, case: Case, model: str) -> Answered:
        reached = self.calls.answer(model, case.messages, step=case.step, parameters=case.parameters)
        return Answered(
            case=case.id,
            model=model,
            text=reached.text,
            cost=reached.cost,
            latency_ms=reached.latency_ms,
            trouble=reached.trouble,
        )

    def _compared(
        self, case: Case, judge: Judge, asked: Sequence[Answered]
    ) -> tuple[list[Answered], list[Better | None]]:
        """Each candidate's answer beside the reference's. Who has no answer is worse than who has one."""
        reference, *others = asked
        found: list[Answered] = [reference]
        verdicts: list[Better | None] = []
        for one in others:
            verdict, cost = _without_answers(reference, one), ZERO
            if verdict is None:
                verdict, cost = self._preferred(judge.model, case, reference.text, one.text)
            right = None if verdict is None else verdict != "first"
            found.append(msgspec.structs.replace(one, right=right, judging=cost))
            verdicts.append(verdict)
        return found, verdicts

    def _preferred(self, judge: str, case: Case, first: str, second: str) -> tuple[Better | None, Decimal | None]:
        """What the judge says both ways round, and what that cost; None where nobody knows it."""
        replies = [
            self.calls.verdict(judge, ask_better(case.input, one, other, case.expected, case.rubric), ANSWER_TOKENS_MAX)
            for one, other in ((first, second), (second, first))
        ]
        heard: list[Better | None] = [None if reply.trouble else heard_better(reply.text) for reply in replies]
        return settled(*heard), together([reply.cost for reply in replies])

    def _scorer(self, scorer: Scorer) -> Callable[[Case, str], Scored]:
        """What scores one answer."""
        match scorer:
            case Judge():
                return lambda case, answer: self._judged(scorer.model, case, answer)
            case Similarity():
                return lambda case, answer: self._near(scorer, case, answer)
            case Python():
                hook = self.load(scorer.call)
                return lambda case, answer: Scored(score=_hooked(hook, case, answer))
            case Http():
                return lambda case, answer: Scored(score=_posted(scorer, case, answer))
            case _:
                assert isinstance(scorer, PLAIN), "every other kind needs nobody else"
                plain: Plain = scorer
                return lambda case, answer: Scored(score=score(plain, answer, case.expected))

    def _judged(self, judge: str, case: Case, answer: str) -> Scored:
        if case.expected is None and not case.rubric:
            return Scored(score=Score(right=None, reason="the case states no expected answer and no rubric"))
        asked = ask_right(case.input, answer, case.expected, case.rubric)
        reply = self.calls.verdict(judge, asked, ANSWER_TOKENS_MAX)
        if reply.trouble:
            return Scored(score=Score(right=None, reason=f"the judge: {reply.trouble}"), cost=reply.cost)
        return Scored(score=heard_right(reply.text), cost=reply.cost)

    def _near(self, scorer: Similarity, case: Case, answer: str) -> Scored:
        if case.expected is None:
            return Scored(score=Score(right=None, reason="the case states no expected answer"))
        vectors, reached = self.calls.vectors(scorer.model, [answer, said(case.expected)])
        cost = reached.cost
        if reached.trouble:
            return Scored(score=Score(right=None, reason=f"the embedder: {reached.trouble}"), cost=cost)
        near = _cosine(*vectors)
        right = near >= scorer.threshold
        reason = "" if right else f"its cosine with the expected answer is {near:.2f}, below {scorer.threshold:g}"
        return Scored(score=Score(right=right, value=max(near, 0.0), reason=reason), cost=cost)  # float: a cosine

    def _alone(self, judge: str, case: Case) -> Iterator[Ask]:
        """Each labelled answer, for the judge."""
        for one in case.human:
            yield lambda one=one: (self._judged(judge, case, one.answer).score.right, one.right)

    def _contrasts(self, judge: str, case: Case) -> Iterator[Ask]:
        """Each right answer beside each wrong one: does the judge prefer it? A tie is a verdict that does not."""
        for right, wrong in product(case.human, case.human):
            if right.right and not wrong.right:
                yield lambda right=right, wrong=wrong: (self._prefers(judge, case, right.answer, wrong.answer), True)

    def _prefers(self, judge: str, case: Case, first: str, second: str) -> bool | None:
        verdict, _ = self._preferred(judge, case, first, second)
        return None if verdict is None else verdict == "first"

    def _alike(self, judge: str, case: Case) -> Iterator[Ask]:
        """Each right answer beside every other one: two right ones say the same, and a wrong one says something else."""
        for one, other in combinations(case.human, 2):
            if one.right or other.right:
                yield lambda one=one, other=other: (
                    self._called_same(judge, case, one.answer, other.answer),
                    one.right and other.right,
                )

    def _called_same(self, judge: str, case: Case, first: str, second: str) -> bool | None:
        reply = self.calls.verdict(judge, ask_same(case.input, first, second), ANSWER_TOKENS_MAX)
        return None if reply.trouble else heard_same(reply.text).right


def digest_of(cases: Sequence[Case]) -> str:
    """Names a set by what is in it, in whatever order."""
    hashed = blake2b(digest_size=8)
    for line in sorted(_json.encode(case) for case in cases):
        hashed.update(line)
    return hashed.hexdigest()


def _with(one: Answered, scored: Scored) -> Answered:
    found = scored.score
    return msgspec.structs.replace(one, right=found.right, value=found.value, reason=found.reason, judging=scored.cost)


def _without_answers(reference: Answered, candidate: Answered) -> Better | None:
    """Who is better where one or both have no answer; None where both have one."""
    if reference.trouble and candidate.trouble:
        return "tie"
    if reference.trouble:
        return "second"
    return "first" if candidate.trouble else None


def _called(ask: Ask) -> tuple[bool | None, bool]:
    return ask()


def _hooked(hook: Hook, case: Case, answer: str) -> Score:
    """What the user's own function says. What it raises is the user's to see."""
    found = hook(msgspec.to_builtins(case), answer)
    if found is None or isinstance(found, bool):
        return Score(right=found)
    return read_score(_json.encode(found))


def _posted(scorer: Http, case: Case, answer: str) -> Score:
    """What the user's own service says. One that does not answer well has told nothing."""
    body = _json.encode({"case": case, "answer": answer})
    try:
        reply = post(scorer.url, body, {"content-type": "application/json"}, timeout_ms=scorer.timeout_ms)
    except Unreached as unreached:
        return Score(right=None, reason=f"the scorer: {unreached}")
    if reply.status != 200:
        return Score(right=None, reason=f"the scorer answered {reply.words}")
    try:
        return read_score(reply.body)
    except ValueError as error:
        return Score(right=None, reason=str(error)[:300])


def _cosine(first: Sequence[float], second: Sequence[float]) -> float:  # float: a cosine
    inner = sum(x * y for x, y in zip(first, second, strict=True))
    lengths = (sum(x * x for x in first) * sum(y * y for y in second)) ** 0.5  # float: a length
    return inner / lengths if lengths else 0.0  # float: a cosine
