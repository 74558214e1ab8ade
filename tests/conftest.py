"""The ledger that tests share (chDB opens one folder a process, so these fixtures are defined once), and how often properties are tried."""

from hypothesis import settings

from tests.support.ledger import databases, engine, ledger, open_ledger

__all__ = ["databases", "engine", "ledger", "open_ledger"]

settings.register_profile("floorline", max_examples=60)  # where a property names no number; each run tries others
settings.load_profile("floorline")
