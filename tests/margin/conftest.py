from tests.support.ledger import engine, ledger, open_ledger

__all__ = ["engine", "ledger", "open_ledger"]
