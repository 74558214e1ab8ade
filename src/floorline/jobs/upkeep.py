"""What the control process does for the ledger itself: content that is over is removed, rollups are compared."""

from datetime import datetime
from pathlib import Path

from floorline.errors import Mismatch
from floorline.ledger.content import CONTENT, purge
from floorline.ledger.surface import AnyLedger


def purge_content(home: Path, now: datetime) -> str:
    """Remove captured prompts and answers whose time is over."""
    days = purge(home / CONTENT, now)
    return f"captured content of {days} days that are over was removed" if days else ""


def verify_ledger(ledger: AnyLedger) -> str:
    """Compare every rollup with its base table, and look for identities that are stored twice. Mismatch says what differs."""
    differences = ledger.verify()
    if differences:
        raise Mismatch("; ".join(differences) + ": run `floorline ledger rebuild`")
    return "every rollup equals its base table"
