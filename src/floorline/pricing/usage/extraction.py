"""What reading an answer gives."""

from typing import Literal

import msgspec

from floorline.events import Usage

Status = Literal["ok", "no_usage", "error"]


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says was used.

    `status`: `ok`; `no_usage` when it reports none (null, which is not zero); `error` when it contradicts itself, is not
    what it says it is, or was cut off. `reason` says which, with both numbers. `usage` is what the answering model used:
    None without usage, and None when a number could not be read; beside a mere contradiction it holds the dearer
    reading. `also` is what the same answer bills at other models (an advisor, a declined attempt, a compound system's
    models). `checksum_ok`: the provider's own total equals the buckets of all parts; None when it gives none.
    `complete` is False when a stream stopped before its last word on usage: the figures are then a lower bound.
    """

    status: Status
    usage: Usage | None = None
    also: tuple[Usage, ...] = ()
    checksum_ok: bool | None = None
    reason: str = ""
    complete: bool = True

    @property
    def parts(self) -> tuple[Usage, ...]:
        """Everything that is billed: `usage` and `also`."""
        return () if self.usage is None else (self.usage, *self.also)
