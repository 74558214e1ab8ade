"""What was used of a budget before a gateway began to count for it: told to the gateway from the ledger.

A budget that is added in the middle of its window holds for all of the window. Its gateway says in its checkpoint from when on it
counts; what its calls used before that instant is in the ledger, and goes into a file beside the checkpoint. The same again changes
nothing: calls that were under way at that instant are in it once they are in the ledger.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from floorline.guardrails.budget import Budget, holder
from floorline.jobs.budget_audit import counted_rows, measured, named
from floorline.ledger.checkpoint import EARLIER, NAME, Earlier, EarlierUse, earlier_bytes, load, load_earlier
from floorline.ledger.files import put_file
from floorline.ledger.ledger import Ledger
from floorline.ledger.snapshot import GATEWAYS

EVERY = timedelta(seconds=30)
SETTLED = timedelta(hours=3)
"""After this no call is under way any more that opened before a gateway began to count."""


def publish(ledger: Ledger, budgets: Sequence[Budget], now: datetime) -> str:
    """Tell every gateway that began to count in the middle of a window what was used before; what was told, in a sentence."""
    told = 0
    for file in sorted((ledger.home / GATEWAYS).glob(f"*/{NAME}")):
        saved = load(file)
        since = {} if saved is None else saved.since
        begun = [one for one in budgets if one.id in since and _is_told(one, since[one.id], now)]
        if begun:
            uses = [use for budget in begun for use in _uses(ledger, file.parent.name, budget, since[budget.id], now)]
            told_before = load_earlier(file.parent / EARLIER)
            stays = [
                use
                for use in (told_before.uses if told_before is not None else ())
                if use.end > now and since.get(use.budget) == use.since and use.budget not in {one.id for one in begun}
            ]
            put_file(file.parent / EARLIER, earlier_bytes(Earlier(at=now, uses=(*stays, *uses))))
            told += len(uses)
    return f"{told} counters begin with what was used before" if told else ""


def _is_told(budget: Budget, since: datetime, now: datetime) -> bool:
    """Whether the running window began before the gateway counted, and the ledger may still learn of calls in it."""
    return budget.window.at(now).start < since and now - since < SETTLED


def _uses(ledger: Ledger, gateway: str, budget: Budget, since: datetime, now: datetime) -> list[EarlierUse]:
    span = budget.window.at(now)
    sums: dict[str, int] = {}
    for row in counted_rows(ledger, gateway, span.start, since, since, ()):
        whose = holder(budget.scope, named(row))
        if whose is not None:
            sums[whose] = sums.get(whose, 0) + measured(row, budget.measure)
    return [
        EarlierUse(
            budget=budget.id, holder=whose, start=span.start, end=span.end, name=span.name, since=since, used=used
        )
        for whose, used in sums.items()
    ]
