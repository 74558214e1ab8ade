"""Comparisons from traffic: for a share of the calls a candidate model is asked too, after the call, and its answer is compared with that of
the model asked for. What comes of it is a label; nothing of either answer is kept.

While a candidate serves, it is the other way round: the model asked for is asked too, so that its certificate is watched.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b

from msgspec import structs

from floorline.events import Label, Touch
from floorline.gateway.again import again
from floorline.gateway.cache.taking import Taken
from floorline.gateway.checking import Checking, question_of, text_of
from floorline.gateway.errand import Ask
from floorline.gateway.judging import Judged, as_good
from floorline.gateway.recording import SOURCE
from floorline.gateway.underway import Guarded, UnderWay
from floorline.gateway.weighed import Sampled
from floorline.guardrails.cascade import rule as cascade
from floorline.guardrails.certified import rule as certified
from floorline.guardrails.certified.complexity import features
from floorline.guardrails.frame import MILLION, Facts
from floorline.money import ZERO

STEP = "comparison"
"""What the records of calls that compare call themselves."""

COMPARING_MAX = 64
"""Comparisons that one process makes at a time; beyond it calls are not compared for a while."""

ANSWER_BYTES_MAX = 256 << 10
Keep = Callable[[Label], bool]


class Comparing:
    """The comparisons of one gateway. `owed` is what they have cost, by guardrail and feature, since a call last bore it; `outcomes` counts
    them by kind and what came of them.
    """

    def __init__(self, checking: Checking) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.owed: dict[tuple[str, str], Decimal] = {}
        self._checking = checking
        self._tasks: set[asyncio.Task[None]] = set()

    def closed(self, call: UnderWay, sampled: Sampled, ending: str, ask: Ask, keep: Keep) -> None:
        """The call has closed: compare its answer, where it is a whole and good one."""
        if ending != "complete" or call.status != 200 or sampled.taken.body is None:
            return
        if len(self._tasks) >= COMPARING_MAX:
            self.outcomes[sampled.kind, "dropped"] += 1
            return
        task = asyncio.get_running_loop().create_task(self._compare(call, sampled, ask, keep))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _compare(self, call: UnderWay, sampled: Sampled, ask: Ask, keep: Keep) -> None:
        label = await self._label(call, sampled, ask)
        kept = label is not None and keep(label)
        outcome = "none" if label is None else "not_kept" if not kept else "right" if label.right else "wrong"
        self.outcomes[sampled.kind, outcome] += 1

    async def _label(self, call: UnderWay, sampled: Sampled, ask: Ask) -> Label | None:
        """Whether the candidate's answer is as good as the other; None where there are not two, or nobody can tell."""
        guarded = call.guarded
        assert guarded is not None, "what is sampled was decided"
        shown = sampled.text
        if sampled.kind == "cascade" and guarded.weighed:
            return await self._of_stages(call, guarded, sampled, shown, ask)
        other = await self._asked(call, call.view.model if sampled.served else sampled.candidate, sampled.kind, ask)
        if other is None or not shown:
            return None
        candidate, reference = (shown, other) if sampled.served else (other, shown)
        score = 0.0
        if sampled.kind == "cascade":
            score = _score(await self._graded(call, sampled.candidate, candidate, ask))
        judged = await self._judged(call, sampled.kind, candidate, reference, ask)
        return self._labelled(call, sampled.kind, sampled.candidate, judged, score=score, served=sampled.served)

    async def _of_stages(
        self, call: UnderWay, guarded: Guarded, sampled: Sampled, shown: str, ask: Ask
    ) -> Label | None:
        """The label of a call that cascaded: of the stage that was drawn, whether it was its turn or not."""
        reference = shown
        if guarded.weighed[-1].shown:
            reference = await self._asked(call, call.view.model, "cascade", ask)
        found = next((one for one in guarded.weighed if one.stage == sampled.candidate), None)
        text = await self._asked(call, sampled.candidate, "cascade", ask) if found is None else found.text
        if not reference or text is None:
            return None
        grade = await self._graded(call, sampled.candidate, text, ask) if found is None else found.graded.grade
        judged = await self._judged(call, "cascade", text, reference, ask)
        served = found is not None and found.shown
        return self._labelled(call, "cascade", sampled.candidate, judged, score=_score(grade), served=served)

    async def _graded(self, call: UnderWay, model: str, text: str, ask: Ask) -> float | None:
        """What the answer of a stage is graded that no customer sees."""
        guarded = call.guarded
        assert guarded is not None and guarded.rules.cascade is not None, "what is sampled has a rule"  # noqa: PT018 - one sentence
        graded = await self._checking.grade(guarded.rules.cascade, model, text, call, ask)
        self._owe(call, "cascade", graded.cost)
        return graded.grade

    async def _asked(self, call: UnderWay, model: str, kind: str, ask: Ask) -> str | None:
        """What another model answers to the call's request; None where it does not."""
        request = again(call, model, step=STEP)
        if request is None:
            return None
        heard = await ask(call, request.body, request.errand)
        self._owe(call, kind, heard.cost)
        return text_of(call, heard) if heard.status == 200 and not heard.broken else None

    async def _judged(self, call: UnderWay, kind: str, candidate: str, reference: str, ask: Ask) -> Judged:
        if not candidate:  # it said nothing, or did something else where the other one spoke
            return Judged(right=False, origin="normalised")
        guarded = call.guarded
        assert guarded is not None, "what is sampled was decided"
        rule = guarded.rules.cascade if kind == "cascade" else guarded.rules.certified_route
        judge = "" if rule is None else rule.judge
        judged = await as_good(question_of(call), candidate, reference, judge, call, ask, STEP)
        self._owe(call, kind, judged.cost)
        return judged

    def _labelled(
        self, call: UnderWay, kind: str, candidate: str, judged: Judged, *, score: float, served: bool
    ) -> Label | None:
        if judged.right is None:
            return None
        whose, guarded = call.attribution, call.guarded
        assert guarded is not None, "what is sampled was decided"
        rule = guarded.rules.cascade
        looked_at = kind == "cascade" and rule is not None
        return Label(
            source=SOURCE,
            id=f"{kind}-{call.id}",
            at=call.opened_at,
            kind="cascade" if kind == "cascade" else "route",
            feature=whose.feature,
            step=whose.step,
            subject=certified.subject_of(candidate, call.view.model),
            customer=whose.customer,
            user_id=whose.user,
            call_id=call.id,
            model=candidate,
            score=score,
            features=() if looked_at else features(question_of(call)),
            right=judged.right,
            served=served,
            origin=judged.origin,
            epoch=cascade.epoch_of(rule, whose.prompt) if looked_at and rule is not None else whose.prompt,
            judge=judged.judge,
        )

    def _owe(self, call: UnderWay, kind: str, cost: Decimal) -> None:
        name = cascade.NAME if kind == "cascade" else certified.NAME
        place = name, call.attribution.feature
        self.owed[place] = self.owed.get(place, ZERO) + cost

    def borne(self, touches: tuple[Touch, ...], feature: str) -> tuple[Touch, ...]:
        """The touches, each with what comparing has cost its guardrail since a call of the feature last bore that."""
        if not self.owed:
            return touches
        return tuple(
            [
                structs.replace(one, cost=one.cost + self.owed.pop((one.guardrail, feature), ZERO))
                if (one.guardrail, feature) in self.owed
                else one
                for one in touches
            ]
        )

    async def close(self) -> None:
        """Compare no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _score(grade: float | None) -> float:
    """As a label has it: an answer that nobody could grade goes to the next stage, as one does that a gate turned away."""
    return cascade.GATED if grade is None else grade


def sampled(call: UnderWay, guarded: Guarded) -> Sampled | None:
    """What of the call is compared; None for most. A cascade is asked first: its answers are there already."""
    facts, rules = guarded.facts, guarded.rules
    if call.own or guarded.verdict.action != "forward" or facts.purpose != "production":
        return None
    rule = rules.cascade
    if rule is not None and not cascade.why_not(rule, facts) and _drawn(call, cascade.NAME) < rule.sample_ppm:
        found = _candidate(rule.stages.get(facts.model, ()), facts, call)
        if guarded.verdict.cascade is not None or (found and not guarded.verdict.model):
            return Sampled(kind="cascade", candidate=found, served=False, taken=Taken(ANSWER_BYTES_MAX))
    route = rules.certified_route
    if route is None or _drawn(call, certified.NAME) >= route.sample_ppm or guarded.verdict.cascade is not None:
        return None
    adopted = guarded.verdict.moves.get(certified.NAME, "")
    if adopted and guarded.verdict.model == adopted:
        return Sampled(kind="route", candidate=adopted, served=True, taken=Taken(ANSWER_BYTES_MAX))
    found = _candidate(route.candidates.get(facts.model, ()), facts, call)
    if not found or guarded.verdict.model:
        return None
    return Sampled(kind="route", candidate=found, served=False, taken=Taken(ANSWER_BYTES_MAX))


def _candidate(models: tuple[str, ...], facts: Facts, call: UnderWay) -> str:
    """One of those that the call may go to; '' where there is none."""
    there = [model for model in models if model in facts.reachable]
    return there[_drawn(call, "candidate") % len(there)] if there else ""


def _drawn(call: UnderWay, salt: str) -> int:
    """A number below a million that is the call's own."""
    digest = blake2b(f"{salt}\0{call.id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % MILLION
