"""The ledger that tests share: chDB opens one folder a process, so these fixtures are defined once."""

from tests.support.ledger import databases, engine, ledger, open_ledger

__all__ = ["databases", "engine", "ledger", "open_ledger"]
