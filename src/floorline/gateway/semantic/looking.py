"""One call's look into the semantic cache: what stands near its question."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from floorline.embedding.embedder import Embedded
from floorline.gateway.accounting import Account
from floorline.gateway.cache.asking import Keys, passed_by
from floorline.gateway.cache.keeping import Passed, dead, usable
from floorline.gateway.cache.taking import Taken
from floorline.gateway.errand import Ask
from floorline.gateway.policy import Target
from floorline.gateway.semantic.asking import asked
from floorline.gateway.semantic.embedders import Ready
from floorline.gateway.semantic.learning import Learning, Tell
from floorline.gateway.semantic.owed import Owed
from floorline.gateway.semantic.reading import Stored, forget
from floorline.gateway.semantic.served import embedded
from floorline.gateway.semantic.shared import Shared
from floorline.gateway.semantic.sought import KIND, Sought
from floorline.gateway.semantic.store import Known, Store
from floorline.gateway.semantic.workers import Late, Workers
from floorline.gateway.underway import UnderWay
from floorline.guardrails.cache import partition
from floorline.guardrails.frame import MILLION, Facts, Near, arm
from floorline.guardrails.rules import Rules
from floorline.guardrails.semantic import traps
from floorline.guardrails.semantic.choosing import NEIGHBOURS, choose
from floorline.guardrails.semantic.question import read
from floorline.guardrails.semantic.rule import NAME, SemanticRule, hit, subject
from floorline.ledger.content import Subject
from floorline.ledger.purging import Purges

if TYPE_CHECKING:
    from floorline.embedding.vector import Vector

LOOKED_AT = 4 * NEIGHBOURS
"""Of so many nearest some may be too old, purged, or of a target that the call may not go to."""

SWEEP_MS = 60_000
"""How often what has expired is forgotten."""


class _Found(NamedTuple):
    near: Near
    vector: "Vector | None" = None
    known: Known | None = None


class SemanticCache:
    """What one gateway knows of questions and their answers. `names` gives the keyed hashes of a subject's names, `now_ms` the instant."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        names: Callable[[Subject], tuple[str, str]],
        now_ms: Callable[[], int],
        workers: Workers,
        models: Workers,
    ) -> None:
        """`models` has a thread for each local model that is at work, `workers` one for everything else."""
        self.store, self.workers, self.models, self.owed = store, workers, models, Owed()
        self.learning = Learning(store, workers, names, self.owed)
        self.looks: Counter[tuple[str, str, str]] = Counter()
        self._keys, self._now_ms = keys, now_ms
        self._shared: Shared | None = None
        self._embedders: Mapping[str, Ready] = {}
        self._purges = Purges()
        self._asking: set[asyncio.Task[Embedded | None]] = set()
        self._swept_ms = 0

    # -- before the call

    async def look(
        self, call: UnderWay, facts: Facts, rules: Rules, targets: Sequence[Target], ask: Ask | None
    ) -> Sought:
        """What stands near the call's question."""
        rule = rules.semantic_cache
        assert rule is not None, "only where there is a rule"
        sought, embedder = self._begun(call, facts, rules, rule)
        if embedder is not None:
            await self._search(call, sought, embedder, rule, targets, ask)
        near = sought.near
        self.looks[sought.which, near.state, near.veto or near.reason] += 1
        return sought

    def _begun(self, call: UnderWay, facts: Facts, rules: Rules, rule: SemanticRule) -> tuple[Sought, Ready | None]:
        """The call's question, and who makes a vector of it; nobody where the call is passed by."""
        which, embedder = arm(rule.setting, NAME, facts), self._embedders.get(rule.embedder)
        question, scope = None, b""
        try:
            reason = passed_by(call, rule.temperature_max) or ("" if embedder is not None else "no_embedder")
            question = None if reason else asked(call)
            if embedder is not None and question is not None:
                vary = () if rules.cache is None else rules.cache.vary
                words = (KIND, epoch_of(embedder, rule), *partition(rule, facts))
                scope = self._keys.of(call, words, vary, question.rest)
        except RecursionError:  # nested nearly as deeply as a request may be
            reason = "nested"
        if reason or embedder is None or question is None:
            return Sought(near=Near(state="bypass", reason=reason or "no_question"), which=which), None
        sought = Sought(
            near=Near(state="miss"),
            which=which,
            rule=rule,
            scope=scope,
            epoch=epoch_of(embedder, rule),
            subject=subject(rule, facts),
            question=question.text,
        )
        return sought, embedder

    async def _search(
        self,
        call: UnderWay,
        sought: Sought,
        embedder: Ready,
        rule: SemanticRule,
        targets: Sequence[Target],
        ask: Ask | None,
    ) -> None:
        """Complete the look with what was found, or why nothing was looked for: what cannot be compared now is not kept either."""
        clock = asyncio.get_running_loop().time
        until_s = clock() + embedder.embedding.time_ms / 1_000
        if self._shared is not None:
            await self._shared.refresh(sought.scope, self._told, rule.entries_max, until_s - clock())
        made = await self._embedded(call, sought.question, embedder, ask, until_s - clock())
        if isinstance(made, str):
            sought.near = Near(state="bypass", reason=made)
            return
        now_ms, purges = self._now_ms(), self._purges

        def may(known: Known) -> bool:
            entry = known.entry
            return (
                (entry.body is not None or sought.which != "treated")
                and usable(entry, call, targets, rule.ttl_s, now_ms)
                and not dead(entry, purges)
            )

        found = await self.workers.run(lambda: self._near(sought, rule, embedder, made, may), until_s - clock())
        if isinstance(found, Late):
            sought.near = Near(state="bypass", reason=found.why)
            return
        near, sought.vector, sought.known = found.result
        draw = int.from_bytes(blake2b(call.id.encode(), digest_size=8).digest()) % MILLION
        sought.near = structs.replace(near, draw=draw) if near.state == "near" else near
        if sought.vector is not None:
            sought.passed = Passed(answer=Taken(rule.entry_bytes_max))

    async def _embedded(
        self, call: UnderWay, text: str, embedder: Ready, ask: Ask | None, within_s: float
    ) -> Embedded | str:
        """The question's vector, of a model here or by a call of the gateway's own; else why there is none. Such a call that takes too long ends
        by itself.
        """
        model = embedder.model
        if model is not None:
            outcome = await self.models.run(lambda: model.embed(text), within_s)
            return outcome.why if isinstance(outcome, Late) else outcome.result
        if ask is None:
            return "no_embedder"
        task = asyncio.get_running_loop().create_task(self._vector(call, text, embedder, ask))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        done, _ = await asyncio.wait({task}, timeout=max(within_s, 0))
        return (task.result() or "failed") if done else "slow"

    async def _vector(self, call: UnderWay, text: str, embedder: Ready, ask: Ask) -> Embedded | None:
        found, cost = await embedded(text, embedder.embedding, call, ask)
        self.owed.add(call.attribution.feature, cost)
        return found

    def _near(
        self,
        sought: Sought,
        rule: SemanticRule,
        embedder: Ready,
        made: Embedded,
        may: Callable[[Known], bool],
    ) -> _Found:
        """What stands near the question, which is `made` a vector: on a worker's thread."""
        question, vector = read(sought.question), made.vector
        reason = traps.passed_by(
            question,
            tokens=made.tokens,
            unknown=made.unknown,
            window=embedder.window,
            multilingual=embedder.multilingual,
        )
        if reason or vector is None:
            return _Found(Near(state="bypass", reason=reason or "too_long"))
        close = [one for one in self.store.nearest(sought.scope, vector, LOOKED_AT) if may(one.known)][:NEIGHBOURS]
        if not close or close[0].similarity < rule.similarity_min:
            return _Found(Near(state="miss"), vector)
        chosen = choose(question, [Stored(key, one) for key, one in enumerate(close)], rule.similarity_min)
        assert chosen is not None, "the nearest is near enough"
        known = close[chosen.key].known
        near = Near(
            state="near",
            similarity=chosen.similarity,
            agreement=chosen.agreement,
            features=chosen.features,
            veto=chosen.veto,
            epoch=sought.epoch,
            avoided=known.entry.avoided,
            age_s=max(self._now_ms() - known.entry.made_ms, 0) // 1_000,
        )
        return _Found(near, vector, known)

    # -- after it

    def _used(self, sought: Sought) -> None:
        """What was served stays longest."""
        known = sought.known
        assert known is not None, "what was served was known"
        self.workers.give(lambda: self.store.used(sought.scope, known.entry.call_id))

    def closed(self, call: UnderWay, sought: Sought, account: Account, ask: Ask | None, tell: Tell | None) -> None:
        """The call has closed with a complete answer: a stored one, or a provider's, which is kept and compared."""
        assert call.guarded is not None, "what was sought was decided"
        if call.verdict == "forward":
            self.learning.closed(call, sought, account, ask, tell)
        elif hit(call.guarded.verdict):
            self._used(sought)

    # -- what keeps it up to date

    def follow(self, embedders: Mapping[str, Ready], of: Callable[[str], Rules]) -> None:
        """These embedders hold from now on, and `of` gives a feature's rules: what was kept under others goes."""
        self._embedders = embedders

        def outdated(known: Known) -> bool:
            rule = of(known.entry.feature).semantic_cache
            embedder = None if rule is None else embedders.get(rule.embedder)
            return rule is None or embedder is None or known.epoch != epoch_of(embedder, rule)

        self.workers.must(lambda: self.store.drop(outdated))

    def fit(self, bytes_max: int) -> None:
        """Keep at most so much from now on."""
        self.workers.must(lambda: self.store.fit(bytes_max))

    def share(self, shared: Shared | None) -> None:
        """What is learned is told, and what others know is heard, through this from now on."""
        self._shared = self.learning.shared = shared

    def purge(self, purges: Purges) -> None:
        """These purges hold from now on."""
        self._purges = self.learning.purges = purges

        def purged() -> None:
            self.store.drop(lambda known: dead(known.entry, purges))
            forget()

        self.workers.must(purged)

    def sweep(self, now_ms: int) -> None:
        """Forget what has expired, now and again."""
        if now_ms >= self._swept_ms + SWEEP_MS:
            self._swept_ms = now_ms
            self.workers.give(lambda: self.store.drop(lambda known: known.entry.expires_ms <= now_ms))

    def _told(self, scope: bytes, known: Known, vector: "Vector", entries_max: int) -> None:
        """Another gateway knows something more: on a worker's thread."""
        if known.entry.expires_ms > self._now_ms() and not dead(known.entry, self._purges):
            self.store.add(scope, known, vector, entries_max)

    async def close(self) -> None:
        """Keep what waits, and end."""
        await self.learning.close()
        await asyncio.gather(*self._asking, return_exceptions=True)
        if self._shared is not None:
            await self._shared.close()
        await self.models.close()
        await self.workers.close()


def epoch_of(embedder: Ready, rule: SemanticRule) -> str:
    """What a certificate holds under: how questions are compared, and with whom answers are shared."""
    return blake2b(f"{embedder.name}\0{rule.partition}".encode(), digest_size=8).hexdigest()
