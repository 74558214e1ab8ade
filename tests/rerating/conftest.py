"""Two ledgers for one story: one that was told wrong prices on day one, one that knew better."""

from tests.support.ledger import databases, engine, ledger, open_ledger

__all__ = ["databases", "engine", "ledger", "open_ledger"]
