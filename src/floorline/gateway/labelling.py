"""What classifiers and routers say of a call, as far as its route rules need it: asked one after the other, each at most once.

A router's answer is remembered for the same text of the same customer, and one that is late is remembered all the same: the next call
that asks has it.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from floorline.gateway.errand import Ask, Errand
from floorline.gateway.semantic.embedders import Ready
from floorline.gateway.semantic.workers import Late, Workers
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.spoken import last_said
from floorline.guardrails.frame import Evidence, Facts, Routed
from floorline.guardrails.route import RouteRule, subject_of
from floorline.guardrails.router import RouterRule, label_of, normalised, request
from floorline.guardrails.routing import wanted
from floorline.money import ZERO

if TYPE_CHECKING:
    from floorline.embedding.intents import Classifier

log = logging.getLogger(__name__)

ROUTER, INTENT = "router.", "intent."
ROUTING = Errand(step="routing", call_type="routing")
KEPT_MAX = 16_384
"""Answers of routers that one process remembers."""

ASKING_MAX = 256
"""Routers that are asked at a time; beyond it a call is of the default class."""


class Said(NamedTuple):
    """A label, '' for none; how it was come to, in words; and what that cost this call."""

    label: str
    how: str
    cost: Decimal = ZERO


class Classifying(NamedTuple):
    """A classifier, and who makes the vectors that it goes by."""

    embedder: Ready
    classifier: "Classifier"


class _Answered(msgspec.Struct, kw_only=True):
    """A router's answer, how long it is good, and what it cost while no call has taken that upon itself."""

    label: str
    until_s: float
    unclaimed: Decimal

    def claim(self) -> Decimal:
        """What it cost, once: for the first call that goes by it."""
        cost, self.unclaimed = self.unclaimed, ZERO
        return cost


class Labelling:
    """The routers and classifiers of one gateway; what takes milliseconds is left to `workers`. `clock` gives seconds that only go forward; `asked` counts what came of asking, by `router.<name>` and `intent.<name>`:
    `answered`, `kept` (from before), `no_class`, `late`, `busy`, `no_text`.
    """

    def __init__(self, workers: Workers, clock: Callable[[], float] = time.monotonic) -> None:
        self._workers, self._clock = workers, clock
        self._classifiers: Mapping[str, Classifying] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self._kept: OrderedDict[bytes, _Answered] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[_Answered]] = {}

    async def look(self, call: UnderWay, facts: Facts, evidence: Evidence, rule: RouteRule, ask: Ask) -> Routed | None:
        """What is said of the call, so that it is known which route rule counts; None where nobody need be asked."""
        routed: Routed | None = None
        while name := wanted(subject_of(facts, replace(evidence, route=routed), rule), rule.routes):
            if name.startswith(INTENT):
                said = await self._classified(call, name)
            else:
                said = await self._routed(call, rule.routers[name.removeprefix(ROUTER)], ask)
            before = routed or Routed()
            routed = Routed(
                labels={**before.labels, name: said.label}, cost=before.cost + said.cost, said=(*before.said, said.how)
            )
        return routed

    def follow(self, classifiers: Mapping[str, Classifying]) -> None:
        """These classifiers hold from now on."""
        self._classifiers = classifiers

    async def _classified(self, call: UnderWay, name: str) -> Said:
        """What a classifier says; it abstains where it is not sure, is not there, or has no time."""
        known, short = self._classifiers.get(name.removeprefix(INTENT)), name.replace(".", " ", 1)
        text = last_said(call.route.endpoint, call.request.body)
        if known is None or known.embedder.model is None or not text:
            self.asked[name, "no_text"] += 1
            return Said("", f"{short} has nothing to go by")
        embedder, classifier = known.embedder.model, known.classifier
        done = await self._workers.run(
            lambda: classifier.say(embedder.embed(text)), known.embedder.embedding.time_ms / 1_000
        )
        if isinstance(done, Late):
            self.asked[name, "busy" if done.why == "behind" else "late"] += 1
            return Said("", f"{short} did not answer in time")
        label = done.result.name
        self.asked[name, "answered" if label else "no_class"] += 1
        return Said(label, f"{short} is {label}" if label else f"{short} abstains")

    async def _routed(self, call: UnderWay, rule: RouterRule, ask: Ask) -> Said:
        text = last_said(call.route.endpoint, call.request.body)
        if not text:
            return self._by_default(rule, "no_text", "has nothing to go by")
        key = _key(call, rule, text)
        kept = self._kept.get(key)
        if kept is not None and kept.until_s > self._clock():
            self._kept.move_to_end(key)
            self.asked[ROUTER + rule.name, "kept"] += 1
            return Said(kept.label or rule.default, _of(rule, kept.label, ", as before"), kept.claim())
        if key not in self._asking and len(self._asking) >= ASKING_MAX:
            return self._by_default(rule, "busy", "is asked too much at once")
        task = self._asking.get(key) or self._begin(key, call, rule, text, ask)
        done, _ = await asyncio.wait({task}, timeout=rule.timeout_ms / 1_000)
        if not done:
            return self._by_default(rule, "late", f"did not answer within {rule.timeout_ms} ms")
        if task.cancelled() or task.exception() is not None:
            return self._by_default(rule, "late", "could not be asked")
        answered = task.result()
        label = answered.label
        self.asked[ROUTER + rule.name, "answered" if label else "no_class"] += 1
        return Said(label or rule.default, _of(rule, label, ""), answered.claim())

    def _by_default(self, rule: RouterRule, outcome: str, why: str) -> Said:
        self.asked[ROUTER + rule.name, outcome] += 1
        return Said(rule.default, f"router {rule.name} {why}{_default(rule)}")

    def _begin(self, key: bytes, call: UnderWay, rule: RouterRule, text: str, ask: Ask) -> asyncio.Task[_Answered]:
        self._asking[key] = task = asyncio.get_running_loop().create_task(self._ask(key, call, rule, text, ask))
        task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask(self, key: bytes, call: UnderWay, rule: RouterRule, text: str, ask: Ask) -> _Answered:
        heard = await ask(call, request(rule, text), ROUTING)
        said = heard.text
        if not said:
            log.warning(
                "router %s gave no class for the call %s: its model answered %d", rule.name, call.id, heard.status
            )
            return _Answered(label="", until_s=0, unclaimed=heard.cost)
        label, until_s = label_of(rule, said), self._clock() + rule.ttl_s
        answered = self._kept[key] = _Answered(label=label, until_s=until_s, unclaimed=heard.cost)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return answered

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _key(call: UnderWay, rule: RouterRule, text: str) -> bytes:
    """What an answer is remembered by: the router as it is now, whose call it is, and the text without what makes no difference."""
    classes = "\0".join(f"{name}\0{said}" for name, said in rule.classes.items())
    said = f"{rule.name}\0{rule.model}\0{classes}\0{call.attribution.customer}\0{call.key.id}\0{normalised(text)}"
    return blake2b(said.encode(errors="surrogatepass"), digest_size=16).digest()


def _of(rule: RouterRule, label: str, more: str) -> str:
    if label:
        return f"router {rule.name} says {label}{more}"
    return f"router {rule.name} named none of its classes{more}{_default(rule)}"


def _default(rule: RouterRule) -> str:
    return f": {rule.default} by default" if rule.default else ""
