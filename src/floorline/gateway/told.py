"""The headers that an answer carries of its call (docs/headers.md)."""

from functools import lru_cache

from floorline.gateway.accounting import Account
from floorline.gateway.counters.tally import told
from floorline.gateway.message import Headers
from floorline.gateway.underway import UnderWay
from floorline.money import PICO

SHOWN_MAX = 256
"""Characters of a provider's word in a header."""


def told_of(call: UnderWay, account: Account | None) -> Headers:
    """What the gateway says of the call on its answer; without an account where its cost is not known yet. A verdict has some of its
    own, as x-floorline-route.
    """
    last = call.tries[-1] if call.tries else None
    headers = [
        (b"x-floorline-call-id", call.id.encode()),
        (b"x-floorline-verdict", call.verdict.encode()),
        (b"x-floorline-attempts", b"%d" % len(call.tries)),
        (b"x-floorline-cache", b"off" if call.guarded is None else call.guarded.cache.encode()),
    ]
    if call.guarded is not None:
        headers += [(b"x-floorline-" + name.encode(), _shown(text)) for name, text in call.guarded.verdict.headers]
        if call.guarded.hold is not None:
            headers += told(call.guarded.hold)
    if last is not None:
        usage = None if account is None else account.usage
        served = usage.model if usage is not None and usage.model else last.model
        headers.append((b"x-floorline-model-served", _shown(served)))
        cascaded = call.guarded is not None and call.guarded.verdict.cascade is not None
        if last.provider.name != call.tries[0].provider.name and not cascaded:
            headers.append((b"x-floorline-fallback-from", call.tries[0].provider.name.encode()))
    elif call.guarded is not None and call.guarded.served is not None:
        headers.append((b"x-floorline-model-served", _shown(call.guarded.served.model)))
    if account is not None:
        headers += _cost_headers(account)
        headers.append((b"x-floorline-overhead-us", b"%d" % (call.overhead_ns // 1_000)))
    return headers


def _cost_headers(account: Account) -> Headers:
    """Cost, its basis and price version; an unknown cost has no amount."""
    headers = [(b"x-floorline-cost-basis", account.basis.encode())]
    if account.effective is not None and account.list is not None:
        headers.append((b"x-floorline-cost-usd", b"%d.%012d" % divmod(account.effective, PICO)))
        headers.append((b"x-floorline-cost-list-usd", b"%d.%012d" % divmod(account.list, PICO)))
    if account.price_version:
        headers.append((b"x-floorline-price-version", account.price_version.encode()))
    return headers


@lru_cache(maxsize=1_024)
def _shown(name: str) -> bytes:
    """A provider's word in a header: nothing in it can end the line. Remembered, because many calls are told the same few."""
    text = name[:SHOWN_MAX].encode("ascii", "replace")
    return text if text.decode().isprintable() else bytes(c if 0x20 <= c < 0x7F else 0x3F for c in text)
