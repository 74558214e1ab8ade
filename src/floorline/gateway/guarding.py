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
from floorline.gateway.message import Reply
from floorline.gateway.policy import Target
from floorline.gateway.relay import Close, HeadersOut
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Guarded, UnderWay
from floorline.gateway.worst import worst_case
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import Amounts, Denial, Evidence, Facts, Looked, Standing, held_out, unit_of
from floorline.guardrails.rules import Rules


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


class Found(Struct, frozen=True, kw_only=True):
    """A look into the cache, and on a hit the answer that it has."""

    looked: Looked
    stored: object | None = None


class CacheLookup(Protocol):
    """The exact cache of one gateway."""

    async def look(self, call: UnderWay, facts: Facts, rules: Rules) -> Found:
        """Whether there is an answer for the call. Waits for an identical call that is under way."""
        ...

    async def replay(self, call: UnderWay, stored: object, reply: Reply, close: Close, out: HeadersOut) -> None:
        """Answer the call with what is stored; the record is closed before the last byte."""
        ...

    def closed(self, call: UnderWay, account: Account, ending: str) -> None:
        """The call has closed: whoever waits for it can go on."""
        ...


class Guard:
    """The guardrails of one gateway, with what they count and remember."""

    def __init__(self, counters: Counters | None = None, cache: CacheLookup | None = None) -> None:
        self.counters, self.cache = counters, cache

    async def decided(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot) -> Admitted:
        """Decide the call, reserve for it, and have it where the verdict sends it. A refused one has its refusal."""
        assert snapshot.policy.guardrails is not None, "only where there are guardrails"
        rules = snapshot.policy.guardrails.of(call.attribution.feature)
        facts = _facts(call, rules)
        evidence, stored = await self._evidence(call, facts, rules)
        verdict = decide(facts, evidence, rules)
        guarded = Guarded(rules=rules, facts=facts, verdict=verdict, looked=evidence.cache, stored=stored)
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
        call.notes = (*call.notes, *guarded.verdict.reasons)
        if guarded.verdict.action == "refuse":
            call.refusal = guarded.verdict.refusal
        elif guarded.verdict.delay_ms and guarded.verdict.action == "forward":
            await asyncio.sleep(guarded.verdict.delay_ms / 1000)
        return placed

    async def _evidence(self, call: UnderWay, facts: Facts, rules: Rules) -> tuple[Evidence, object | None]:
        """What is looked up for the call, and the answer that the cache has. A call that a rate denies is not looked for."""
        counted = Counted() if self.counters is None else await self.counters.look(facts, rules)
        if counted.rate is not None or self.cache is None:
            return Evidence(rate=counted.rate, standings=counted.standings), None
        found = await self.cache.look(call, facts, rules)
        return Evidence(standings=counted.standings, cache=found.looked), found.stored

    async def replay(self, call: UnderWay, reply: Reply, close: Close, out: HeadersOut) -> None:
        """Answer a hit with what is stored."""
        assert self.cache is not None and call.guarded is not None, "only a cache has hits"  # noqa: PT018 - one sentence
        assert call.guarded.stored is not None, "a hit has an answer"
        await self.cache.replay(call, call.guarded.stored, reply, close, out)

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

    def settle(self, call: UnderWay, account: Account, ending: str) -> None:
        """The call has closed."""
        guarded = call.guarded
        if guarded is None:
            return
        if guarded.held is not None and self.counters is not None:
            held, guarded.held = guarded.held, None
            self.counters.settle(held, _spent(account))
        if self.cache is not None:
            self.cache.closed(call, account, ending)


def _facts(call: UnderWay, rules: Rules) -> Facts:
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
        held_out=held_out(unit, rules.holdout_ppm),
        unit=unit,
    )


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
