"""A cascade around one call: its stages are asked one after the other, each answer is looked at before anybody sees it, and the first that
does is shown. Every stage is an attempt of the same call: reserved before it is made, priced, and on its record.

What was asked for as a stream is held back until it has been looked at; the last stage's answer is passed on as any other.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from msgspec import structs

from floorline.events import Touch
from floorline.gateway.attempts import Answered, Attempts
from floorline.gateway.cache.taking import Taken
from floorline.gateway.checking import Checking, told_by
from floorline.gateway.errand import Ask
from floorline.gateway.metering import Meter
from floorline.gateway.policy import Target
from floorline.gateway.relay import is_stream
from floorline.gateway.semantic.saying import said
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Guarded, UnderWay
from floorline.gateway.upstream import UpstreamBroken
from floorline.gateway.weighed import Weighed
from floorline.guardrails.cascade.rule import NAME, CascadeRule
from floorline.guardrails.frame import Stage
from floorline.money import ZERO

Room = Callable[[Target], Awaitable[bool]]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the model `stage` that was read before it is shown."""

    stage: str
    answered: Answered
    text: str


class Cascading:
    """The cascades of one gateway."""

    def __init__(self) -> None:
        self.checking = Checking()

    async def answer(
        self, call: UnderWay, attempts: Attempts, snapshot: Snapshot, room: Room | None, ask: Ask
    ) -> Answered | None:
        """The answer of the first stage that does, else of the model asked for; as `Attempts.answer`. Where a budget has no room for a
        further stage, what is there is shown.
        """
        guarded = call.guarded
        assert guarded is not None and guarded.verdict.cascade is not None  # noqa: PT018 - who cascades was told to
        rule, cascade = guarded.rules.cascade, guarded.verdict.cascade
        assert rule is not None, "what cascades has a rule"
        kept: Held | None = None
        for number, stage in enumerate(cascade.stages):
            if number and not await self._moved(call, guarded, stage.model, snapshot, room):
                break
            held = await self._stage(call, attempts, snapshot, rule)
            if held is None:
                continue
            kept = held
            if await self._does(call, guarded, rule, stage, held, ask):
                return held.answered
        if not await self._moved(call, guarded, cascade.last, snapshot, room):
            guarded.sampled = None  # the model asked for has nothing that this could be compared with
            if kept is None:
                return None
            self._move(call, guarded, kept.stage)
            return kept.answered
        place = snapshot.places.of(call.route, cascade.last, call.attribution, call.key)
        assert place.group is not None, "the model asked for is served"
        return await attempts.answer(place.group, place.targets)

    async def _moved(self, call: UnderWay, guarded: Guarded, model: str, snapshot: Snapshot, room: Room | None) -> bool:
        """Have the call go to the next model; whether its budgets have room for that, which is asked by where it goes."""
        self._move(call, guarded, model)
        place = snapshot.places.of(call.route, model, call.attribution, call.key)
        return room is None or not place.targets or await room(place.targets[0])

    def _move(self, call: UnderWay, guarded: Guarded, model: str) -> None:
        """Have the call go to the model."""
        guarded.verdict = structs.replace(guarded.verdict, model="" if model == call.view.model else model)
        call.decided(guarded)

    async def _stage(self, call: UnderWay, attempts: Attempts, snapshot: Snapshot, rule: CascadeRule) -> Held | None:
        """The stage's answer, read and priced; None where it gave none, or one that is too long to be held."""
        place = snapshot.places.of(call.route, call.model, call.attribution, call.key)
        assert place.group is not None, "a stage was chosen because the call may go there"
        answered = await attempts.answer(place.group, place.targets)
        if answered is None:
            return None
        try:
            body = await answered.attempt.whole(rule.held_bytes_max)
        except UpstreamBroken as broken:
            answered.one.trouble = f"{broken.kind}: {broken}"
            body = None
        taken = Taken(rule.held_bytes_max)
        meter = Meter(answered.one, answered.attempt, answered.endpoint, taken)
        if body is None:
            answered.attempt.abort()
            with suppress(UpstreamBroken):
                await answered.attempt.pipe(meter.feed)  # what had come of it, which may be billed
            meter.ended(ending="upstream_error", streamed=is_stream(call, answered))
            return None
        good = answered.one.status < 400
        meter.whole(body, ending="complete" if good else "upstream_error")
        if not good:
            return None
        text = said(told_by(call, answered, taken.body)) or ""
        return Held(stage=call.model, answered=structs.replace(answered, read=body), text=text)

    async def _does(
        self, call: UnderWay, guarded: Guarded, rule: CascadeRule, stage: Stage, held: Held, ask: Ask
    ) -> bool:
        """Whether the stage's answer may be shown."""
        graded = await self.checking.grade(rule, stage.model, held.text, call, ask)
        shown = graded.grade is not None and graded.grade >= max(stage.threshold, 0.0)
        guarded.weighed = (*guarded.weighed, Weighed(stage=stage.model, text=held.text, graded=graded, shown=shown))
        grade = "not graded" if graded.grade is None else f"graded {graded.grade:.2f}"
        why = f" ({graded.reason})" if graded.reason and not shown else ""
        outcome = "shown" if shown else "not shown"
        call.notes = (*call.notes, f"{NAME}: {stage.model} {grade}, {stage.threshold:.2f} needed: {outcome}{why}")
        return shown

    def close(self) -> None:
        """End what goes on beside the calls."""
        self.checking.close()


def costed(guarded: Guarded, touches: tuple[Touch, ...]) -> tuple[Touch, ...]:
    """The touches, the cascade's with what looking at answers cost."""
    cost = sum([one.graded.cost for one in guarded.weighed], ZERO)
    return tuple(
        [structs.replace(one, cost=one.cost + cost) if one.guardrail == NAME and cost else one for one in touches]
    )
