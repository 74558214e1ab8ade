"""What is kept and learned of a call after its close: its question with its answer, and whether what stood near it would have been right."""

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from msgspec import structs

from floorline.evals.sameness import SAME, Sameness, normalised, same_answer
from floorline.events import Label, LabelOrigin
from floorline.gateway.accounting import Account
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.keeping import as_asked, dead, entry_of
from floorline.gateway.errand import Ask
from floorline.gateway.semantic.judging import judged
from floorline.gateway.semantic.owed import Owed
from floorline.gateway.semantic.saying import said
from floorline.gateway.semantic.shared import Shared
from floorline.gateway.semantic.sought import KIND, Sought
from floorline.gateway.semantic.store import Known, Store
from floorline.gateway.semantic.workers import Late, Workers
from floorline.gateway.underway import UnderWay
from floorline.guardrails.semantic.rule import SemanticRule, audited
from floorline.ledger.content import Subject
from floorline.ledger.purging import Purges

SOURCE = "gateway"
UNDER_WAY_MAX = 256
"""Calls whose answers are being kept and compared at a time, in one process; those beyond are not, and are counted."""

WITHIN_S = 30.0
UNLIKE: LabelOrigin = "normalised"
"""Who says that two answers differ whose texts do, where there is no judge."""


Tell = Callable[[Label], bool]
"""Keeps a label; False where there is no room for it."""


class _Kept(NamedTuple):
    """What was kept of an answer, and how it agrees with the one that stood near: with both texts, for who must judge."""

    known: Known | None
    sameness: Sameness | None = None
    texts: tuple[str, str] = ("", "")


class Learning:
    """Keeps answers and makes labels: `ask` asks a judge, and `tell` takes the label.

    `labels` counts them by who said so and what; `unread` counts answers that are no text alone, `dropped` those that came when too
    many were being kept.
    """

    def __init__(self, store: Store, workers: Workers, names: Callable[[Subject], tuple[str, str]], owed: Owed) -> None:
        self.shared: Shared | None = None
        self.purges = Purges()
        self.labels: Counter[tuple[str, str]] = Counter()
        self.unread = self.dropped = 0
        self._store, self._workers, self._names, self._owed = store, workers, names, owed
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing is being kept or compared."""
        return not self._tasks

    def closed(self, call: UnderWay, sought: Sought, account: Account, ask: Ask | None, tell: Tell | None) -> None:
        """The call has closed with a complete answer of a provider: it is kept if it is a good one to what was asked."""
        rule, passed = sought.rule, sought.passed
        if rule is None or passed is None or not as_asked(call, rule.partition, account):
            return
        names = self._names(Subject(call.attribution.customer, call.attribution.user))
        entry = entry_of(call, passed, account, key=sought.scope, names=names, ttl_s=rule.ttl_s)
        if entry is None:
            return
        if len(self._tasks) >= UNDER_WAY_MAX:
            self.dropped += 1
            return
        task = asyncio.get_running_loop().create_task(self._learn(call, sought, rule, entry, ask, tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _learn(
        self, call: UnderWay, sought: Sought, rule: SemanticRule, entry: Entry, ask: Ask | None, tell: Tell | None
    ) -> None:
        outcome = await self._workers.run(lambda: self._keep(sought, rule, entry), WITHIN_S)
        if isinstance(outcome, Late):
            self.dropped += 1
            return
        known, sameness, texts = outcome.result
        if known is not None and sought.vector is not None and self.shared is not None:
            self.shared.put(sought.scope, known, sought.vector)
        if sameness is None or sought.known is None:
            return
        if sameness == "unknown" and rule.judge and ask is not None:
            right, cost = await judged(rule.judge, sought.question, texts, call, ask)
            self._owed.add(call.attribution.feature, cost)
            if right is None:
                self.labels["judge", "unheard"] += 1
            else:
                self._label(label_of(call, sought, sought.known, "judge", right=right, judge=rule.judge), tell)
        else:
            same = sameness in SAME
            origin: LabelOrigin = sameness if sameness in ("exact", "normalised", "structured") else UNLIKE
            self._label(label_of(call, sought, sought.known, origin, right=same), tell)

    def _keep(self, sought: Sought, rule: SemanticRule, entry: Entry) -> _Kept:
        """Keep the answer, and compare it: on a worker's thread. Of who is held out only a mark is kept, and nothing is compared."""
        text = said(entry)
        if text is None or sought.vector is None or dead(entry, self.purges):
            self.unread += text is None
            return _Kept(None)
        if sought.which == "holdout":
            entry = structs.replace(entry, body=None)
        digest = blake2b(normalised(text).encode(errors="surrogatepass"), digest_size=16).digest()
        known, near = Known(question=sought.question, said=digest, epoch=sought.epoch, entry=entry), sought.known
        again = near is not None and (near.question, near.said) == (sought.question, digest)
        new = not again and self._store.add(sought.scope, known, sought.vector, rule.entries_max)
        kept = known if new else None
        other = None if near is None or not sought.compared or sought.which == "holdout" else said(near.entry)
        return _Kept(kept) if other is None else _Kept(kept, same_answer(other, text), (other, text))

    def _label(self, label: Label, tell: Tell | None) -> None:
        kept = tell is not None and tell(label)
        self.labels[label.origin, ("right" if label.right else "wrong") if kept else "not_kept"] += 1

    async def close(self) -> None:
        """What is still being judged is given up."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def label_of(
    call: UnderWay, sought: Sought, known: Known, origin: LabelOrigin, *, right: bool, judge: str = ""
) -> Label:
    """Whether the answer that stood near the call's question would have been right; `judge` is the model, where one says so."""
    whose = call.attribution
    return Label(
        source=SOURCE,
        id=f"{KIND}-{call.id}",
        at=call.opened_at,
        kind=KIND,
        feature=whose.feature,
        subject=sought.subject,
        customer=whose.customer,
        user_id=whose.user,
        call_id=call.id,
        other_call_id=known.entry.call_id,
        model=known.entry.served,
        score=sought.near.similarity,
        features=sought.near.features,
        right=right,
        served=call.guarded is not None and audited(call.guarded.verdict),
        origin=origin,
        epoch=sought.epoch,
        judge=judge,
    )
