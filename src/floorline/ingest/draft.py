"""What a row becomes on its way to the ledger: a draft with its identity and fingerprint, or a reason against it."""

from dataclasses import dataclass

from floorline.errors import BadRow
from floorline.events import Alias, Cost, Customer, FxRate, Outcome, Revenue
from floorline.ingest.usage import UsageEvent

Body = UsageEvent | Revenue | Cost | Outcome | Customer | Alias | FxRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One record to be. `fingerprint` is of the normal input: neither a price book nor a file format changes it."""

    source: str
    id: str
    fingerprint: bytes
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One row of the input: where it stands, and its drafts, or why it is refused or passed over.

    `drafts` empty and `refused` None means passed over for the reason `skipped`.
    """

    place: str
    drafts: tuple[Draft, ...] = ()
    refused: BadRow | None = None
    skipped: str = ""
