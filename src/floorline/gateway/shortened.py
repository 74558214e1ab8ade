"""One long conversation: what of it a summary stands for, and what is to be summarised. `gateway/shortening.py` alone makes it."""

from msgspec import Struct

from floorline.gateway.summaries import Summary
from floorline.gateway.wire.history import History
from floorline.guardrails.compaction import CompactionRule


class Shortened(Struct, kw_only=True):
    """`summary` stands for the first `known` messages; the first `wanted` are to have one for the turns to come, 0 for none."""

    rule: CompactionRule
    history: History
    keys: list[bytes]
    known: int
    wanted: int
    summary: Summary | None

    @property
    def wanted_tokens(self) -> int:
        """About how many tokens the messages to be summarised have."""
        return sum([message.tokens for message in self.history.said[: self.wanted]])
