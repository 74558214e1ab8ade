"""What a page must know of the machine that it is served from, so that what it tells people to type works there. `wiring` makes it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`command` is how `floorline` is called in a shell there, with its home and its configuration; `config` is the file of the
    latter, the one that is read or, where there is none yet, one that would be; `gateways` are the addresses of those that serve now.
    """

    command: str = "floorline"
    config: str = "floorline.yaml"
    gateways: tuple[str, ...] = field(default_factory=tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far something is: a share of 1, None before that is known, a sentence, and whether it goes on."""

    done: Decimal | None
    said: str
    running: bool


class DemoLoader(Protocol):
    """Loads the demo's company into the ledger, once and in the background."""

    def begin(self) -> None:
        """Begin. BadInput where the ledger has calls already, or loading has begun."""
        ...

    def progress(self) -> Progress | None:
        """How far it is; None where it was not begun."""
        ...
