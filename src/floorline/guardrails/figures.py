"""What the ledger knows of every customer's running period, as the control process publishes it to gateways."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import msgspec

from floorline.guardrails.frame import Figures

NAME = "figures"
"""The file in FLOORLINE_HOME."""


class Known(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every customer with calls in the period that began at `since`, under each of its names: revenue (None: unknown), cost, calls.
    `as_of` is when it was true.
    """

    as_of: datetime
    since: datetime
    customers: Mapping[str, tuple[Decimal | None, Decimal, int]]

    def of(self, customer: str) -> Figures | None:
        """What is known of one; None for who has no calls in the period."""
        found = self._asked.get(customer)
        if found is None and (row := self.customers.get(customer)) is not None:
            revenue, cost, calls = row
            found = Figures(revenue=revenue, cost=cost, calls=calls, since=self.since, as_of=self.as_of)
            self._asked[customer] = found
        return found

    @cached_property
    def _asked(self) -> dict[str, Figures]:
        """Those that somebody asked for, made once."""
        return {}


_decode = msgspec.msgpack.Decoder(Known).decode


def to_bytes(known: Known) -> bytes:
    """The file's content."""
    return msgspec.msgpack.encode(known)


def from_bytes(content: bytes) -> Known:
    """What `to_bytes` was given. ValueError when it is something else."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is no file of figures: {error}") from error
