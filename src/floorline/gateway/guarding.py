"""Guardrails around one call: what is known is gathered, `guardrails.decide` decides, its worst case is reserved; after the close
what the call really used is settled. `pipeline` calls this only where floorline.yaml configures a guardrail.

    look up (counters, cache) → decide → reserve → on a denial decide once more → carry out
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct, structs

from floorline.gateway.accounting import Account
from floorline.gateway.admission import Admitted
from floorline.gateway.attempts import Answered
from floorline.gateway.cache.replaying import replay
from floorline.gateway.cache.store import ExactCache, Held
from floorline.gateway.cache.taking import Both, Taking
from floorline.gateway.measuring import measured
from floorline.gateway.message import Reply
from floorline.gateway.policy import Target
from floorline.gateway.relay import Close, HeadersOut, is_stream
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Guarded, UnderWay
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.worst import worst_case
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import FORWARD, Amounts, Denial, Evidence, Facts, Figures, Standing, held_out, unit_of
from floorline.guardrails.rules import Rules

CACHED_CALL = "cached_call"
"""Where the metadata of a hit's record names the call that its answer was made for."""

UNSEEN = frozenset({"prompt_cache"})
"""Changes to a request that its answer does not depend on."""


class Counted(Struct, frozen=True, kw_only=True):
    """What the counters say of a call before it is decided: the rate that denies it, and where its budgets stand."""

    rate: Denial | None = None
    standings: tuple[Standing, ...] = ()


class Counters(Protocol):
    """Budgets and rates as they are counted: in this process, or in one place for several gateways."""

    async def look(self, facts: Facts, rules: Rules) -> Counted:
        """Count the call in every rate that holds for it, and say where each of its budgets stands."""
        ...

    async def reserve(self, call_id: str, facts: Facts, rules: Rules, worst: Amounts) -> "object | Denial":
        """Reserve the worst case in every budget of the call, or in none of them: what was reserved, for the two below."""
        ...

    async def top_up(self, held: object, more: Amounts) -> Denial | None:
        """Reserve as much again for one more attempt."""
        ...

    def settle(self, held: object, spent: Amounts) -> None:
        """The call has closed: what it really used stands in place of what was reserved. An unknown amount leaves the
        reservation as what was used. Never waits.
        """
        ...


class Guard:
    """The guardrails of one gateway, with what they count and remember."""

    def __init__(self, counters: Counters | None = None, cache: ExactCache | None = None) -> None:
        self.counters, self.cache = counters, cache

    async def decided(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot, reply: Reply) -> Admitted:
        """Decide the call, reserve for it, and have it where the verdict sends it. A refused one has its refusal."""
        assert snapshot.policy.guardrails is not None, "only where there are guardrails"
        rules = snapshot.policy.guardrails.of(call.attribution.feature)
        facts = _facts(call, rules, snapshot)
        guarded = call.guarded = Guarded(rules=rules, facts=facts, verdict=FORWARD)
        evidence = await self._evidence(call, guarded, admitted, snapshot, reply)
        verdict = guarded.verdict = decide(facts, evidence, rules)
        call.decided(guarded)
        placed = _placed(call, admitted, snapshot)
        if verdict.action == "forward" and self.counters is not None:
            worst = worst_case(call, facts, verdict, placed.targets, snapshot)
            held = await self.counters.reserve(call.id, facts, rules, worst)
            if isinstance(held, Denial):
                guarded.verdict = decide(facts, structs.replace(evidence, denial=held), rules)
                placed = _placed(call, admitted, snapshot)
            else:
                guarded.held = held
        if guarded.verdict.action == "hit" and guarded.served is not None:
            call.metadata = {**call.metadata, CACHED_CALL: guarded.served.call_id}
        call.notes = (*call.notes, *guarded.verdict.reasons)
        if guarded.verdict.action == "refuse":
            call.refusal = guarded.verdict.refusal
        elif guarded.verdict.delay_ms and guarded.verdict.action == "forward":
            await asyncio.sleep(guarded.verdict.delay_ms / 1000)
        return placed

    async def _evidence(
        self, call: UnderWay, guarded: Guarded, admitted: Admitted, snapshot: Snapshot, reply: Reply
    ) -> Evidence:
        """What is looked up for the call. One that a rate denies is not looked for in the cache."""
        facts, rules = guarded.facts, guarded.rules
        counted = Counted() if self.counters is None else await self.counters.look(facts, rules)
        if counted.rate is not None:
            return Evidence(rate=counted.rate, standings=counted.standings)
        figures, stale = _figures(facts, rules, snapshot)
        if self.cache is not None and rules.cache is not None:
            stored = guarded.stored = await self.cache.look(call, facts, rules.cache, admitted.targets, reply)
            guarded.looked, guarded.cache, guarded.served = stored.looked, stored.told, stored.served
        return Evidence(standings=counted.standings, cache=guarded.looked, figures=figures, stale=stale)

    def replay(self, call: UnderWay, reply: Reply, captured: Taking | None, close: Close, out: HeadersOut) -> None:
        """Answer a hit with what is stored."""
        stored = _stored(call)
        assert stored is not None and stored.entry is not None, "a hit has an answer"  # noqa: PT018 - one sentence
        replay(call, stored.entry, reply, captured=captured, close=close, out=out)

    def taking(self, call: UnderWay, answered: Answered, captured: Taking | None) -> Taking | None:
        """Who takes in the call's answer: the cache too, where it may be kept there."""
        stored = _stored(call)
        if stored is None or stored.answer is None:
            return captured
        stored.answered, stored.streamed = answered, is_stream(call, answered)
        return stored.answer if captured is None else Both(captured, stored.answer)

    def room(self, call: UnderWay, snapshot: Snapshot) -> Callable[[Target], Awaitable[bool]] | None:
        """Whether the call's budgets have room for one more attempt at a target; None when nothing was reserved for it."""
        guarded, counters = call.guarded, self.counters
        if guarded is None or guarded.held is None or counters is None:
            return None

        async def ask(target: Target) -> bool:
            more = worst_case(call, guarded.facts, guarded.verdict, [target], snapshot)
            denied = await counters.top_up(guarded.held, more)
            if denied is not None:
                call.notes = (*call.notes, f"budget: {denied.standing.name} has no room for another attempt")
            return denied is None

        return ask

    def measure(self, call: UnderWay, account: Account, snapshot: Snapshot) -> None:
        """The call has ended, and is about to be closed: what guardrails saved on it is known now."""
        if call.guarded is not None:
            call.guarded.touches, call.guarded.counterfactual_cost = measured(call, account, snapshot)

    def settle(self, call: UnderWay, account: Account, ending: str) -> None:
        """The call has closed."""
        guarded = call.guarded
        if guarded is None:
            return
        if guarded.held is not None and self.counters is not None:
            held, guarded.held = guarded.held, None
            self.counters.settle(held, _spent(account))
        stored = _stored(call)
        if stored is not None and self.cache is not None:
            self.cache.closed(call, stored, account, ending, as_asked=_as_asked(guarded, account))

    def left(self, call: UnderWay) -> None:
        """The call is over, closed or not: nobody waits for it any more."""
        stored = _stored(call)
        if stored is not None and self.cache is not None:
            self.cache.land(stored, None)


def _stored(call: UnderWay) -> Held | None:
    """What the cache has to do with the call."""
    stored = None if call.guarded is None else call.guarded.stored
    assert stored is None or isinstance(stored, Held), "only the cache puts anything there"
    return stored


def _as_asked(guarded: Guarded, account: Account) -> bool:
    """Whether the answer is to what was asked, whatever was changed of it: no other model gave it, and no cap cut it short."""
    verdict, usage = guarded.verdict, account.usage
    if verdict.model or any(change.name not in UNSEEN for change in verdict.changes):
        return False
    return verdict.output_cap is None or (usage is not None and usage.tokens - usage.input_tokens < verdict.output_cap)


def _facts(call: UnderWay, rules: Rules, snapshot: Snapshot) -> Facts:
    whose, view, route = call.attribution, call.view, call.route
    unit = unit_of(whose.customer, whose.user, call.key.id)
    return Facts(
        at=call.opened_at,
        customer=whose.customer,
        user=whose.user,
        plan=whose.plan,
        feature=whose.feature,
        workflow=whose.workflow,
        key=call.key.id,
        call_type=call.call_type,
        environment=whose.environment,
        purpose=whose.purpose,
        dialect=route.dialect,
        endpoint=route.endpoint,
        model=view.model,
        streamed=view.stream,
        input_tokens=call.input_tokens,
        input_bound=len(call.request.body),
        output_cap=view.output_cap,
        priced=route.metered,
        cheaper=_cheaper(call, rules, snapshot),
        held_out=held_out(unit, rules.holdout_ppm),
        unit=unit,
    )


def _cheaper(call: UnderWay, rules: Rules, snapshot: Snapshot) -> str:
    """The model of the downgrade map for this call's, where it may go there and can be said there."""
    model = "" if rules.route is None else rules.route.cheaper.get(call.view.model, "")
    if not model or call.route.action != "call":
        return ""
    place = snapshot.places.of(call.route, model, call.attribution, call.key)
    if place.kind:
        return ""
    can_be_said = place.own or any(not isinstance(call.asked(dialect), Invalid) for dialect in place.dialects)
    return model if can_be_said else ""


def _figures(facts: Facts, rules: Rules, snapshot: Snapshot) -> tuple[Figures | None, bool]:
    """What is known of the call's customer where a rule asks for it, and whether that is too old to be asked."""
    route, known = rules.route, snapshot.known
    if route is None or not route.asks_figures:
        return None, False
    if known is None or (facts.at - known.as_of).total_seconds() > route.stale_after_s:
        return None, True
    return known.of(facts.customer), False


def _placed(call: UnderWay, admitted: Admitted, snapshot: Snapshot) -> Admitted:
    """The call with the targets of the model that it goes to now."""
    if call.model == call.view.model:
        return admitted
    place = snapshot.places.of(call.route, call.model, call.attribution, call.key)
    assert place.group is not None, f"{call.model} was chosen because the call may go there"
    return Admitted(call=call, group=place.group, targets=place.targets)


def _spent(account: Account) -> Amounts:
    usage = account.usage
    tokens = 0 if usage is None else usage.tokens + sum([part.tokens for part in account.also])
    return Amounts(usd=account.effective_cost, tokens=tokens)
