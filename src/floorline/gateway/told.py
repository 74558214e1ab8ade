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
    guarded = call.guarded
    headers = [
        (b"x-floorline-call-id", call.id.encode()),
        *_usual(
            call.verdict,
            len(call.tries),
            "off" if guarded is None else guarded.cache,
            _served(call, account),
            "" if len(call.tries) < 2 else _fallen_from(call),
            "" if account is None else account.basis,
            "" if account is None else account.price_version,
        ),
    ]
    if guarded is not None:
        if guarded.verdict.headers:
            headers += [(b"x-floorline-" + name.encode(), _shown(text)) for name, text in guarded.verdict.headers]
        if guarded.hold is not None:
            headers += told(guarded.hold)
    if account is not None:
        if account.effective is not None and account.list is not None:
            headers.append((b"x-floorline-cost-usd", b"%d.%012d" % divmod(account.effective, PICO)))
            headers.append((b"x-floorline-cost-list-usd", b"%d.%012d" % divmod(account.list, PICO)))
        headers.append((b"x-floorline-overhead-us", b"%d" % (call.overhead_ns // 1_000)))
    return headers


def _served(call: UnderWay, account: Account | None) -> str | None:
    """The model that answered, as it calls itself where that is known; None where none did."""
    if call.tries:
        usage = None if account is None else account.usage
        return (usage.model if usage is not None else "") or call.tries[-1].model
    return None if call.guarded is None or call.guarded.served is None else call.guarded.served.model


def _fallen_from(call: UnderWay) -> str:
    """The provider that was asked before the one that answered; '' where it is the first, or one of a cascade."""
    tries = call.tries
    if call.guarded is not None and call.guarded.verdict.cascade is not None:
        return ""
    first = tries[0].provider.name
    return first if tries[-1].provider.name != first else ""


@lru_cache(maxsize=1_024)
def _usual(
    verdict: str, attempts: int, cache: str, served: str | None, fallen_from: str, basis: str, price_version: str
) -> tuple[tuple[bytes, bytes], ...]:
    """What many calls are told alike."""
    headers = [
        (b"x-floorline-verdict", verdict.encode()),
        (b"x-floorline-attempts", b"%d" % attempts),
        (b"x-floorline-cache", cache.encode()),
    ]
    if served is not None:
        headers.append((b"x-floorline-model-served", _shown(served)))
    if fallen_from:
        headers.append((b"x-floorline-fallback-from", fallen_from.encode()))
    if basis:
        headers.append((b"x-floorline-cost-basis", basis.encode()))
    if price_version:
        headers.append((b"x-floorline-price-version", price_version.encode()))
    return tuple(headers)


@lru_cache(maxsize=1_024)
def _shown(name: str) -> bytes:
    """A provider's word in a header: nothing in it can end the line. Remembered, because many calls are told the same few."""
    text = name[:SHOWN_MAX].encode("ascii", "replace")
    return text if text.decode().isprintable() else bytes(c if 0x20 <= c < 0x7F else 0x3F for c in text)
