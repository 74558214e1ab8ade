"""Counters in this process: exact for one gateway process, and back after `kill -9`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from floorline.gateway.counters.pacing import Pacing
from floorline.gateway.counters.saving import Estimate, records_beyond, restored, saved, saved_call
from floorline.gateway.counters.tally import Bucket, Counted, Hold, Tally, standings
from floorline.gateway.counters.telling import Teller
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.frame import Amounts, Denial, Facts
from floorline.ledger.checkpoint import EARLIER, NAME, Checkpoint, Place, load, load_earlier

KEPT = timedelta(days=2)
"""How long a window's buckets stay after its end: records that come late belong to it."""


class LocalCounters:
    """The counters of one gateway process."""

    def __init__(self, folder: Path, place: Callable[[], Place], *, lost_after: timedelta) -> None:
        """`folder` is the gateway's; `place` says where its spool's next record goes; `lost_after` as the recorder has it."""
        self.tally = Tally()
        self._pacing = Pacing()
        self._place, self._lost_after = place, lost_after
        self._file, self._spool, self._earlier = folder / NAME, folder / "spool", folder / EARLIER
        self._learnt = 0
        self._segment, self._named_open = (
            0,
            False,
        )  # of the last frame: the spool's segment, and whether calls were under way
        self._checkpoint = Checkpoint(self._file)
        self._teller = Teller(folder)

    @property
    def reachable(self) -> bool:
        """Whether what counts can be asked."""
        return True

    # -- as the process lives

    async def begin(self, allowance: Allowance, now: datetime, estimate: Estimate) -> int:
        """Take up what an earlier process of this name counted; how many of its calls were lost."""
        self.tally.follow(allowance.budgets, now)
        self._pacing.follow(allowance.rates)
        before = load(self._file)
        lost = 0
        if before is not None:
            lost = restored(self.tally, before, records_beyond(self._spool, before.place), estimate)
        self.learn()
        self._save(now)
        return lost

    def follow(self, allowance: Allowance, now: datetime) -> None:
        """Count for what the configuration says now."""
        self.tally.follow(allowance.budgets, now)
        self._pacing.follow(allowance.rates)
        self._save(now)

    def tick(self, now: datetime, estimate: Estimate) -> None:
        """Every now and then: let go of what expired, and bring to disk what changed."""
        self.learn()
        for hold in self.tally.overdue(now - self._lost_after):
            self.settle(hold, estimate(saved_call(hold)))
        if self.tally.changed or self.tally.holds or self._is_behind():
            self._save(now, whole=self._checkpoint.is_long)

    def _is_behind(self) -> bool:
        """Whether what was saved last names calls that are over, or has the collector leave a segment in place that nobody needs."""
        return self._named_open or (bool(self.tally.since) and self._place().segment != self._segment)

    def learn(self) -> list[Bucket]:
        """Take over what the ledger says of the time before this gateway counted; the buckets of which there is news."""
        try:
            stamp = self._earlier.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if stamp == self._learnt:
            return []
        self._learnt = stamp
        earlier = load_earlier(self._earlier)
        uses = () if earlier is None else earlier.uses
        return [bucket for use in uses if (bucket := self.tally.earlier(use)) is not None]

    def _save(self, now: datetime, *, whole: bool = True) -> None:
        """Without a budget there is nothing to save, and no record that the collector must leave in place."""
        if not self.tally.since:
            self._checkpoint.remove()
            self._named_open = False
            return
        self._teller.tell(self.tally, now)
        if whole:
            self.tally.sweep(now - KEPT)
        frame = saved(self.tally, self._place(), now, whole=whole)
        self._checkpoint.write(frame)
        self._segment, self._named_open = frame.place.segment, bool(frame.open)

    async def end(self, now: datetime) -> None:
        """The last word of this process."""
        self._save(now)
        self._checkpoint.close()

    # -- as a call goes

    def open(self, call_id: str, facts: Facts) -> Hold:
        """The call belongs to its budgets from here on."""
        return self.tally.open(call_id, facts)

    async def look(self, hold: Hold) -> Counted:
        """Count the call in its rates, and say where its budgets stand."""
        return Counted(rate=self._pacing.admit(hold), standings=standings(hold))

    async def reserve(self, hold: Hold, worst: Amounts) -> Denial | None:
        """Hold so much more in every budget of the call, or nothing."""
        wanted = self.tally.asked(hold, worst)
        return wanted if isinstance(wanted, Denial) else self.tally.reserve(hold, wanted)

    def settle(self, hold: Hold, spent: Amounts | None) -> None:
        """The call has closed, and has used that; None: it was not sent."""
        self._pacing.settle(hold, spent)
        if spent is None:
            self.tally.release(hold)
        else:
            self.tally.settle(hold, spent)
