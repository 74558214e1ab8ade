"""From an answer that has passed to what is stored of it: whole and good ones alone, to what was asked."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from floorline.gateway.accounting import Account, priced_as
from floorline.gateway.attempts import Answered
from floorline.gateway.cache.asking import ENDS, age_max_s
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.taking import Taken
from floorline.gateway.policy import Target
from floorline.gateway.underway import UnderWay
from floorline.guardrails.cache import Partition, keeps
from floorline.ledger.purging import Purges


class Passed(Struct, kw_only=True):
    """An answer on its way to its client. `answer` takes it in, and `answered` says what it was an answer to, once its head has come."""

    answer: Taken
    answered: Answered | None = None
    streamed: bool = False


def entry_of(
    call: UnderWay, passed: Passed, account: Account, *, key: bytes, names: tuple[str, str], ttl_s: int
) -> Entry | None:
    """What is stored of the answer under `key`, for the subject of these keyed `names`; None when it is no whole and good one."""
    answered, body = passed.answered, passed.answer.body
    if answered is None or body is None or call.status != 200 or not _whole(answered, body, streamed=passed.streamed):
        return None
    made_ms = int(call.opened_at.timestamp() * 1_000)
    usage, one = account.usage, answered.one
    return Entry(
        key=key,
        call_id=call.id,
        made_ms=made_ms,
        expires_ms=made_ms + ttl_s * 1_000,
        customer=names[0],
        user=names[1],
        feature=call.attribution.feature,
        provider=one.provider.name,
        model=one.model,
        priced_as=priced_as(one.provider),
        served=(usage.model if usage is not None else "") or one.model,
        dialect=one.provider.dialect,
        endpoint=answered.endpoint,
        content_type=answered.attempt.named.get(b"content-type", b"").decode("latin-1"),
        streamed=passed.streamed,
        usage_asked=answered.sent.usage_asked,
        avoided=_cost_of_last(call, account),
        body=body,
    )


def usable(entry: Entry, call: UnderWay, targets: Sequence[Target], ttl_s: int, now_ms: int) -> bool:
    """Whether an entry may answer the call: it is young enough, also for who asked, and of a target that the call itself could go to."""
    age_s = age_max_s(call.request)
    age_ms_max = (ttl_s if age_s is None else min(ttl_s, age_s)) * 1_000
    return entry.made_ms > now_ms - age_ms_max and any(
        one.provider == entry.provider and (one.model or call.view.model) == entry.model for one in targets
    )


def dead(entry: Entry, purges: Purges) -> bool:
    """Whether an entry was purged: it is not to be used any more."""
    return purges.dead(entry.call_id, entry.feature, entry.customer, entry.user, entry.made_ms)


def as_asked(call: UnderWay, partition: Partition, account: Account) -> bool:
    """Whether what guardrails changed of the call leaves its answer one to what was asked."""
    output_tokens = None if account.usage is None else account.tokens[2]
    return call.guarded is None or keeps(partition, call.guarded.verdict, output_tokens)


def _whole(answered: Answered, body: bytes, *, streamed: bool) -> bool:
    """Whether the answer is a good one that nothing is missing of, by what itself says."""
    one, end = answered.one, ENDS.get(answered.endpoint)
    if end is None or one.status != 200 or one.ending != "complete":
        return False
    usage = one.usage
    return usage is not None and usage.usage is not None and usage.complete and (not streamed or end in body)


def _cost_of_last(call: UnderWay, account: Account) -> Decimal | None:
    """What the attempt that answered cost: failed attempts before it are no part of the answer."""
    if account.effective is None or len(call.tries) == 1:
        return account.effective_cost
    return account.of_attempt(len(call.tries) - 1)
