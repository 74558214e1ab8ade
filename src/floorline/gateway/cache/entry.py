"""One stored answer, as its provider gave it: readable bytes, before anything was made of them for the caller that asked."""

from decimal import Decimal

import msgspec

from floorline.gateway.policy import Dialect

OVERHEAD_BYTES = 1_024
"""What an entry takes in memory beside its body: measured, rounded up."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is kept of an answer. `body` None is a mark: that there was an answer, for who only counts what hits would save.

    `call_id` is the call that it answered first and `made_ms` when that call was opened (milliseconds since 1970): who
    purges what was before an instant also means the calls that were under way then. `customer` and `user` are the keyed
    hashes of ledger/content.py's subjects, never names. `provider` and `model` are the target that answered in `dialect`
    at `endpoint`, `priced_as` whose prices held there, `served` what it called its model. `avoided` is what the answer cost, in USD, None where that is unknown.
    `streamed`: it came as a stream; `usage_asked`: its usage event was the gateway's wish, not the caller's.
    """

    key: bytes
    call_id: str
    made_ms: int
    expires_ms: int
    customer: str
    user: str
    feature: str
    provider: str
    model: str
    priced_as: str
    served: str
    dialect: Dialect
    endpoint: str
    content_type: str
    streamed: bool
    usage_asked: bool
    avoided: Decimal | None
    body: bytes | None

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return OVERHEAD_BYTES + (len(self.body) if self.body is not None else 0)


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode
