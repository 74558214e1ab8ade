"""Guardrails around one call: what is known is gathered, `guardrails.decide` decides, its worst case is reserved; after the close
what the call really used is settled. `pipeline` calls this only where floorline.yaml configures a guardrail.

    look up (counters, cache) → decide → reserve → on a denial decide once more → carry out
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import structs

from floorline.events import Label
from floorline.gateway import shortening
from floorline.gateway.accounting import Account
from floorline.gateway.admission import Admitted
from floorline.gateway.attempts import Answered, Attempts, Edit
from floorline.gateway.cache.replaying import replay
from floorline.gateway.cache.store import ExactCache
from floorline.gateway.cache.taking import Both, Taken, Taking
from floorline.gateway.cascading import Cascading, costed
from floorline.gateway.checking import question_of, told_by
from floorline.gateway.comparing import Comparing, sampled
from floorline.gateway.counters.tally import Counted, Hold, used_share
from floorline.gateway.editing import Asking, edited
from floorline.gateway.errand import Ask
from floorline.gateway.experimenting import completed
from floorline.gateway.facts import facts_of
from floorline.gateway.labelling import Labelling
from floorline.gateway.measuring import measured
from floorline.gateway.message import Reply
from floorline.gateway.policy import Provider, Target
from floorline.gateway.prefixing import Prefixing
from floorline.gateway.relay import Close, HeadersOut
from floorline.gateway.semantic.looking import SemanticCache
from floorline.gateway.semantic.sought import KIND, noted, told
from floorline.gateway.semantic.workers import Workers
from floorline.gateway.shortened import Shortened
from floorline.gateway.shortening import Shortening
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Guarded, Served, UnderWay
from floorline.gateway.watching import ANSWER_BYTES_MAX, Watching
from floorline.gateway.worst import worst_case
from floorline.guardrails.certified.complexity import features
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import Amounts, Denial, Evidence, Facts, Figures, Lengthy
from floorline.guardrails.route import RouteRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.rule import found, hit, is_labelled
from floorline.guardrails.spending import refusal

CACHED_CALL = "cached_call"
"""Where the metadata of a hit's record names the call that its answer was made for."""

OWN = Rules()
"""A call of the gateway's own, or one that evaluates a model, is within its customer's budgets, and no optimisation changes it."""


class Counters(Protocol):
    """Budgets and rates as they are counted: in this process, or in one place for several gateways."""

    def open(self, call_id: str, facts: Facts) -> Hold:
        """The call belongs to its budgets from here on, and holds nothing of them yet. Called as soon as it is recorded."""
        ...

    async def look(self, hold: Hold) -> Counted:
        """Count the call in every rate that holds for it, and say where those of its budgets stand that have something to say."""
        ...

    async def reserve(self, hold: Hold, worst: Amounts) -> Denial | None:
        """Hold so much more in every budget of the call, or in none of them: the worst case of one attempt, before it is made."""
        ...

    def settle(self, hold: Hold, spent: Amounts | None) -> None:
        """The call has closed: what it really used stands in place of what it held; None: it was not sent. An unknown amount leaves
        what it held as what it used. Never waits.
        """
        ...


class Guard:
    """The guardrails of one gateway, with what they count and remember. Without `counting` nothing is, of calls that begin. `ask`
    makes calls of the gateway's own, `label` keeps whether an answer was right; who serves calls sets them.
    """

    def __init__(
        self,
        counters: Counters | None = None,
        cache: ExactCache | None = None,
        semantic: SemanticCache | None = None,
    ) -> None:
        self.counters, self.cache, self.semantic = counters, cache, semantic
        self.counting = counters is not None
        self.ask: Ask | None = None
        self.label: Callable[[Label], bool] | None = None
        self.prefixing, self.shortening, self.watching = Prefixing(), Shortening(), Watching()
        self.labelling = Labelling(Workers(calculates=True) if semantic is None else semantic.models)
        self.cascading = Cascading()
        self.comparing = Comparing(self.cascading.checking)

    async def decided(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot, reply: Reply) -> Admitted:
        """Decide the call, reserve for it, and have it where the verdict sends it. A refused one has its refusal."""
        assert snapshot.policy.guardrails is not None, "only where there are guardrails"
        rules = rules_of(call, snapshot.policy.guardrails)
        facts = facts_of(call, admitted, rules, snapshot)
        guarded = call.guarded = Guarded(rules=rules, facts=facts)
        if self.counting and self.counters is not None:
            guarded.hold = self.counters.open(call.id, facts)
        evidence = await self._evidence(call, guarded, admitted, snapshot, reply)
        if rules.route is not None and rules.route.labels and self.ask is not None:
            evidence = await self._labelled(call, guarded, evidence, rules.route, self.ask)
        placed = self._decide(call, evidence, admitted, snapshot)
        denial = await self._denied(call, placed, snapshot)
        if denial is not None:
            placed = self._decide(call, structs.replace(evidence, denial=denial), admitted, snapshot)
            denial = await self._denied(call, placed, snapshot)
            if denial is not None:
                guarded.verdict = structs.replace(guarded.verdict, action="refuse", refusal=refusal(denial))
        if guarded.sought is not None:
            _note_near(call, guarded)
        if guarded.verdict.action == "hit" and guarded.served is not None:
            call.metadata = {**call.metadata, CACHED_CALL: guarded.served.call_id}
        if guarded.verdict.action == "forward":
            self._prompt(call, guarded)
        call.notes = (*call.notes, *guarded.verdict.reasons)
        if guarded.verdict.action == "refuse":
            call.refusal = guarded.verdict.refusal
        elif guarded.verdict.delay_ms and guarded.verdict.action == "forward":
            await asyncio.sleep(guarded.verdict.delay_ms / 1000)
        return placed

    async def _labelled(
        self, call: UnderWay, guarded: Guarded, evidence: Evidence, rule: RouteRule, ask: Ask
    ) -> Evidence:
        """What is known of the call with what routers say of it, where it goes to a provider at all."""
        facts = guarded.facts
        if not facts.priced or decide(facts, evidence, guarded.rules).action != "forward":
            return evidence
        routed = await self.labelling.look(call, facts, evidence, rule, ask)
        if routed is None:
            return evidence
        call.metadata = {**call.metadata, **{name: label for name, label in routed.labels.items() if label}}
        return structs.replace(evidence, route=routed)

    def _prompt(self, call: UnderWay, guarded: Guarded) -> None:
        """Shorten the call's prompt, look at it as its provider's cache will, and see whether its answer is to be compared."""
        if guarded.lengthy is not None and guarded.verdict.shortened and self.ask is not None:
            self.shortening.carry_out(call, guarded.lengthy, self.ask)
            call.decided(guarded)
        if guarded.rules.certified_route is not None or guarded.rules.cascade is not None:
            guarded.sampled = sampled(call, guarded)
        if guarded.rules.prompt_cache is not None:
            guarded.prefixed = self.prefixing.see(guarded.rules.prompt_cache, guarded.facts, guarded.instead or call)

    def _decide(self, call: UnderWay, evidence: Evidence, admitted: Admitted, snapshot: Snapshot) -> Admitted:
        """Have the call decided by what is known, and find where it goes then."""
        guarded = call.guarded
        assert guarded is not None, "what is decided is known"
        guarded.verdict = decide(guarded.facts, evidence, guarded.rules)
        call.decided(guarded)
        return moved(call, admitted, snapshot)

    async def _denied(self, call: UnderWay, placed: Admitted, snapshot: Snapshot) -> Denial | None:
        """Reserve what the call may use at most where it goes now; why a budget has no room for that."""
        guarded = call.guarded
        if guarded is None or guarded.hold is None or self.counters is None or guarded.verdict.action != "forward":
            return None
        if not guarded.hold.counted:
            return None
        worst = worst_case(call, guarded.facts, guarded.verdict, placed.targets, snapshot)
        denial = await self.counters.reserve(guarded.hold, worst)
        return None if denial is None else structs.replace(denial, model=call.model)

    async def _evidence(
        self, call: UnderWay, guarded: Guarded, admitted: Admitted, snapshot: Snapshot, reply: Reply
    ) -> Evidence:
        """What is looked up for the call. One that a rate denies is not looked for in the cache."""
        facts, rules, hold, counted = guarded.facts, guarded.rules, guarded.hold, Counted()
        if hold is not None and self.counters is not None:
            counted = await self.counters.look(hold)
        if counted.rate is not None:
            return Evidence(rate=counted.rate, standings=counted.standings)
        figures, stale = figures_of(facts, rules, snapshot)
        if self.cache is not None and rules.cache is not None:
            stored = guarded.stored = await self.cache.look(call, facts, rules.cache, admitted.targets, reply)
            guarded.looked, guarded.cache, guarded.served = stored.looked, stored.told, stored.served
        near = None
        if rules.semantic_cache is not None and self.semantic is not None and not _found(guarded):
            sought = guarded.sought = await self.semantic.look(call, facts, rules, admitted.targets, self.ask)
            near = sought.near
            sought.compared = sought.rule is not None and is_labelled(
                sought.rule, near, found(sought.rule, facts, near, snapshot.certificates)
            )
        if rules.compaction is not None:
            guarded.lengthy = self.shortening.look(call, rules.compaction)
        return Evidence(
            standings=counted.standings,
            cache=guarded.looked,
            semantic=near,
            lengthy=_lengthy(guarded.lengthy),
            figures=figures,
            stale=stale,
            budget_used=used_share(hold) if hold is not None and rules.route and rules.route.asks_budgets else None,
            certified=snapshot.certificates,
            complexity=_complexity(call, rules, snapshot),
        )

    def replay(self, call: UnderWay, reply: Reply, captured: Taking | None, close: Close, out: HeadersOut) -> None:
        """Answer a hit with what is stored."""
        guarded = call.guarded
        assert guarded is not None, "a hit was decided"
        stored, sought = guarded.stored, guarded.sought
        if hit(guarded.verdict):
            entry = None if sought is None or sought.known is None else sought.known.entry
        else:
            entry = None if stored is None else stored.entry
        assert entry is not None, "a hit has an answer"
        replay(call, entry, reply, captured=captured, close=close, out=out)

    def taking(
        self, call: UnderWay, guarded: Guarded, answered: Answered, captured: Taking | None, *, streamed: bool
    ) -> Taking | None:
        """Who takes in the call's answer: the cache too, where it may be kept there, and who watches it."""
        for one in (guarded.stored, guarded.sought):
            if one is not None and one.passed is not None:
                one.passed.answered, one.passed.streamed = answered, streamed
                captured = one.passed.answer if captured is None else Both(captured, one.passed.answer)
        if guarded.rules.watch:
            guarded.watched = Taken(ANSWER_BYTES_MAX)
            captured = guarded.watched if captured is None else Both(captured, guarded.watched)
        if guarded.sampled is not None:
            guarded.sampled.told, taken = told_by(call, answered, None), guarded.sampled.taken
            captured = taken if captured is None else Both(captured, taken)
        return captured

    async def cascaded(self, call: UnderWay, attempts: Attempts, snapshot: Snapshot) -> Answered | None:
        """The answer to a call that cascades."""
        assert self.ask is not None, "who serves calls has the gateway's own made"
        room = None if call.guarded is None else self.room(call, call.guarded, snapshot)
        return await self.cascading.answer(call, attempts, snapshot, room, self.ask)

    def room(self, call: UnderWay, guarded: Guarded, snapshot: Snapshot) -> Callable[[Target], Awaitable[bool]] | None:
        """Whether the call's budgets have room for one more attempt at a target; None when nothing was reserved for it."""
        hold, counters = guarded.hold, self.counters
        if hold is None or counters is None or not hold.counted:
            return None

        async def ask(target: Target) -> bool:
            more = worst_case(call, guarded.facts, guarded.verdict, [target], snapshot)
            denied = await counters.reserve(hold, structs.replace(more, calls=0))  # it is still one call
            if denied is not None:
                call.notes = (*call.notes, f"budget: {denied.standing.name} has no room for another attempt")
            return denied is None

        return ask

    def editor(self, guarded: Guarded, snapshot: Snapshot) -> Edit | None:
        """What makes the request that goes to a provider's model; None when it goes as it was asked."""
        if guarded.prefixed is None and not guarded.verdict.changes:
            return None

        def edit(asked: Asking, provider: Provider, model: str) -> Asking:
            asked = edited(asked, guarded.verdict.changes, provider)
            if guarded.prefixed is None:
                return asked
            return self.prefixing.sent(guarded.prefixed, asked, provider, model, snapshot.prices)

        return edit

    def measure(self, call: UnderWay, account: Account, snapshot: Snapshot) -> None:
        """The call has ended, and is about to be closed: what guardrails did and saved on it is known now."""
        guarded = call.guarded
        if guarded is None:
            return
        if guarded.prefixed is not None and call.tries:
            marked = self.prefixing.closed(guarded.prefixed, account, status=call.tries[-1].status)
            if marked is not None:
                touches = (*guarded.verdict.touches, marked)
                guarded.verdict = structs.replace(guarded.verdict, touches=touches)
                call.notes = (*call.notes, *guarded.prefixed.reasons)
        if guarded.rules.watch and guarded.verdict.action == "forward":
            call.metadata = {**call.metadata, **self.watching.noted(call, guarded.watched)}
        if guarded.sought is not None and self.semantic is not None:
            touches = self.semantic.owed.borne(guarded.verdict.touches, guarded.facts.feature)
            guarded.verdict = structs.replace(guarded.verdict, touches=touches)
        if guarded.lengthy is not None:
            touches = shortening.measured(guarded.lengthy, guarded.verdict.touches, call, account, snapshot)
            guarded.verdict = structs.replace(guarded.verdict, touches=touches)
        if guarded.rules.certified_route is not None or guarded.rules.cascade is not None:
            touches = self.comparing.borne(costed(guarded, guarded.verdict.touches), guarded.facts.feature)
            guarded.verdict = structs.replace(guarded.verdict, touches=touches)
        guarded.touches, guarded.counterfactual_cost = measured(call, account, snapshot)

    def settle(self, call: UnderWay, account: Account, ending: str) -> None:
        """The call has closed."""
        guarded = call.guarded
        if guarded is None:
            return
        hold = guarded.hold
        if hold is not None and not hold.settled and self.counters is not None:
            hold.settled = True
            self.counters.settle(hold, _spent(account) if call.verdict == "forward" else None)
        if guarded.stored is not None and self.cache is not None:
            self.cache.closed(call, guarded.stored, account, ending)
        if guarded.rules.experiments and self.label is not None:
            for label in completed(call, guarded, ending):
                self.label(label)
        if guarded.sought is not None and self.semantic is not None and ending == "complete":
            self.semantic.closed(call, guarded.sought, account, self.ask, self.label)
        if guarded.sampled is not None and self.ask is not None and self.label is not None:
            self.comparing.closed(call, guarded.sampled, ending, self.ask, self.label)

    async def close(self) -> None:
        """End what goes on beside the calls of applications."""
        await self.shortening.close()
        await self.labelling.close()
        if self.semantic is not None:
            await self.semantic.close()
        await self.comparing.close()
        self.cascading.close()

    def left(self, guarded: Guarded) -> None:
        """The call is over, closed or not: nobody waits for it any more."""
        if guarded.stored is not None and self.cache is not None:
            self.cache.land(guarded.stored, None)


def _found(guarded: Guarded) -> bool:
    """Whether the exact cache has an answer."""
    return guarded.looked is not None and guarded.looked.state == "hit"


def _note_near(call: UnderWay, guarded: Guarded) -> None:
    """Have the call's record and its answer say what stood near, and whose answer it has where that is served."""
    sought, verdict = guarded.sought, guarded.verdict
    assert sought is not None, "what is noted was looked for"
    call.metadata = {**call.metadata, **noted(sought, verdict)}
    guarded.verdict = structs.replace(verdict, headers=(*verdict.headers, *told(sought, verdict)))
    if hit(verdict) and sought.known is not None:
        entry = sought.known.entry
        guarded.cache = KIND
        guarded.served = Served(call_id=entry.call_id, provider=entry.priced_as, model=entry.served)


def rules_of(call: UnderWay, guardrails: Guardrails) -> Rules:
    """What holds for the call. What is passed through is nothing that a guardrail could edit, or read as a prompt."""
    if call.own or call.attribution.purpose == "evaluation":
        return OWN
    rules = guardrails.of(call.attribution.feature)
    if call.route.action == "call":
        return rules
    return structs.replace(
        rules,
        certified_route=None,
        cascade=None,
        compaction=None,
        prompt_cache=None,
        output=None,
        reasoning=None,
        watch=False,
    )


def _lengthy(found: Shortened | None) -> Lengthy | None:
    """What `decide` is told of a long conversation."""
    if found is None:
        return None
    if found.summary is None:
        return Lengthy(wanted=found.wanted)
    return Lengthy(
        messages=found.known,
        messages_tokens=found.summary.messages_tokens,
        summary_tokens=found.summary.tokens,
        wanted=found.wanted,
    )


def _complexity(call: UnderWay, rules: Rules, snapshot: Snapshot) -> tuple[float, ...]:
    """The figures of the request's text, where a score goes by them."""
    rule, certificates, whose = rules.certified_route, snapshot.certificates, call.attribution
    if rule is None or not rule.by_request or certificates is None:
        return ()
    if not any(one.acts for one in certificates.of("score", whose.feature, whose.step)):
        return ()
    return features(question_of(call))


def figures_of(facts: Facts, rules: Rules, snapshot: Snapshot) -> tuple[Figures | None, bool]:
    """What is known of the call's customer where a rule asks for it, and whether that is too old to be asked."""
    route, known = rules.route, snapshot.known
    if route is None or not route.asks_figures:
        return None, False
    if known is None or facts.at - known.as_of > route.stale_after:
        return None, True
    return known.of(facts.customer), False


def moved(call: UnderWay, admitted: Admitted, snapshot: Snapshot) -> Admitted:
    """The call with the targets of the model that it goes to now."""
    if call.model == call.view.model:
        return admitted
    place = snapshot.places.of(call.route, call.model, call.attribution, call.key)
    assert place.group is not None, f"{call.model} was chosen because the call may go there"
    return Admitted(call=call, group=place.group, targets=place.targets)


def _spent(account: Account) -> Amounts:
    """What the call's record says that it used."""
    if account.usage is None:
        return Amounts(pico=account.effective, tokens=None if account.effective is None else 0)
    given, _, made, _ = account.tokens
    return Amounts(pico=account.effective, tokens=given + made)
