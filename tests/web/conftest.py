"""The odd ledger is shared by all that read it."""

from tests.support.odd import odd, odd_ledger

__all__ = ["odd", "odd_ledger"]
