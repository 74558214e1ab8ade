"""Compaction around one call: its conversation is looked at, sent with the summary of its beginning where there is one, and one
that has become too long is summarised meanwhile, for the turns to come. No call waits for a summary.

A summary is asked for by a call of the gateway's own, which goes the way of every call: recorded and priced, for the same customer
and feature, within the same budgets and the same providers.
"""

import asyncio
import logging
import re
from decimal import Decimal

import msgspec

from floorline.events import Touch
from floorline.gateway.accounting import Account, priced_as
from floorline.gateway.editing import with_body
from floorline.gateway.errand import Ask, Errand
from floorline.gateway.shortened import Shortened
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.summaries import Summaries, Summary, keys_of
from floorline.gateway.translate.request import Asked
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.body import estimate_input_tokens
from floorline.gateway.wire.history import COMPACTED, compacted, read_history
from floorline.guardrails.compaction import NAME, CompactionRule, cut, cuttable, request
from floorline.guardrails.prefix import LIFETIMES_MS
from floorline.money import ZERO, usd
from floorline.pricing.version import PriceVersion

log = logging.getLogger(__name__)

SUMMARISING = Errand(step=NAME)

MAKING_MAX = 64
"""Summaries that one process has made at a time; beyond it conversations stay long for a while."""

BLOB = re.compile(rb"[A-Za-z0-9+/=_-]{1024,}")
_LEFT_OUT = b"(file left out)"


class Shortening:
    """The summaries of one gateway, and those that are being made."""

    def __init__(self) -> None:
        self._summaries = Summaries()
        self._making: dict[bytes, asyncio.Task[None]] = {}

    def look(self, call: UnderWay, rule: CompactionRule) -> Shortened | None:
        """What is to be done about the call's conversation; None where nothing is."""
        if call.route.endpoint not in COMPACTED or call.input_tokens <= rule.above_tokens:
            return None
        history = read_history(call.route.endpoint, call.request.body)
        through = 0 if history is None else cuttable(history.said, rule.keep_turns)
        if history is None or not through:
            return None
        whose, first = call.attribution, history.first
        keys = keys_of(
            (whose.customer, whose.user, whose.feature, call.key.id, call.route.endpoint, rule.model),
            history.raw[first : first + through],
        )
        known, summary = self._summaries.deepest(keys, _ms(call))
        found = cut(history.said, known, rule)
        if not found.known and not found.wanted:
            return None
        return Shortened(rule=rule, history=history, keys=keys, known=found.known, wanted=found.wanted, summary=summary)

    def carry_out(self, call: UnderWay, one: Shortened, ask: Ask) -> None:
        """Have the call sent with its summary, and make the one that is wanted."""
        guarded = call.guarded
        assert guarded is not None, "what is shortened was decided"
        if one.summary is not None:
            body = compacted(call.route.endpoint, call.request.body, one.history, one.known, one.summary.text)
            changed = with_body(call, body)
            guarded.instead = Asked(route=changed.route, view=changed.view, request=changed.request)
        if one.wanted and one.keys[one.wanted - 1] not in self._making and len(self._making) < MAKING_MAX:
            key = one.keys[one.wanted - 1]
            self._making[key] = task = asyncio.get_running_loop().create_task(self._make(call, one, ask))
            task.add_done_callback(lambda _: self._making.pop(key, None))

    async def _make(self, call: UnderWay, one: Shortened, ask: Ask) -> None:
        first = one.history.first
        said = [BLOB.sub(_LEFT_OUT, raw) for raw in one.history.raw[first + one.known : first + one.wanted]]
        before = "" if one.summary is None else one.summary.text
        heard = await ask(call, request(said, before, one.rule), SUMMARISING)
        text = heard.text
        if not text:
            log.warning("no summary for the conversation of call %s: its model answered %d", call.id, heard.status)
            return
        summary = Summary(
            text=text,
            messages_tokens=one.wanted_tokens,
            tokens=estimate_input_tokens(text.encode()),
            made_ms=_ms(call),
            used_ms=_ms(call),
            unclaimed=heard.cost,
        )
        self._summaries.keep(one.keys[one.wanted - 1], summary)

    async def close(self) -> None:
        """Make no more summaries."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def measured(
    one: Shortened, touches: tuple[Touch, ...], call: UnderWay, account: Account, snapshot: Snapshot
) -> tuple[Touch, ...]:
    """The touches, compaction's with what the summary saved on this call, or would have; and with what making it cost, on the first
    call that goes with it.
    """
    return tuple(
        [_measured(one, touch, call, account, snapshot) if touch.guardrail == NAME else touch for touch in touches]
    )


def _measured(one: Shortened, touch: Touch, call: UnderWay, account: Account, snapshot: Snapshot) -> Touch:
    rate = _rate(one, call, account, snapshot)
    if touch.arm != "treated":
        out = one.wanted_tokens - one.rule.summary_tokens_max
        return msgspec.structs.replace(touch, saved=None if rate is None else usd(out * rate))
    if one.summary is None:
        return msgspec.structs.replace(touch, saved=ZERO)
    cost, one.summary.unclaimed = one.summary.unclaimed, ZERO
    out = one.summary.messages_tokens - one.summary.tokens
    return msgspec.structs.replace(touch, saved=None if rate is None else usd(out * rate), cost=cost)


def _rate(one: Shortened, call: UnderWay, account: Account, snapshot: Snapshot) -> Decimal | None:
    """What a token that was left out would have cost: as one read from the provider's cache where the conversation was warm there,
    as plain input else. None where there is no price.
    """
    if not call.tries:
        return None
    last = call.tries[-1]
    version = snapshot.prices.book.resolve(priced_as(last.provider), last.model, call.opened_at)
    if not isinstance(version, PriceVersion):
        return None
    read = 0 if account.usage is None else account.usage.buckets.get("cache_read", 0)
    warm = read > 0 or (one.summary is not None and _ms(call) - one.summary.made_ms <= LIFETIMES_MS["5m"])
    price = version.by_unit.get("cache_read" if warm else "input") or version.by_unit.get("input")
    return None if price is None else price.contracted / price.per


def _ms(call: UnderWay) -> int:
    return int(call.opened_at.timestamp() * 1_000)
