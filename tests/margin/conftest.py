from tests.support.ledger import databases, engine, ledger, open_ledger

__all__ = ["databases", "engine", "ledger", "open_ledger"]
