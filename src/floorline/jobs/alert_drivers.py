"""Why a feature's or customer's margin fell: the bridge of two windows, asked of the ledger once for all that fire."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from floorline.jobs.baselining import Baselines
from floorline.jobs.explaining import Crossed, ExplainRequest, crossed_in, explained
from floorline.jobs.margins import Margins
from floorline.ledger.surface import AnyLedger
from floorline.margin.bridge import Days, Driver, primary_driver
from floorline.margin.explanation import Explanation
from floorline.margin.policy import Policies
from floorline.margin.sides import By

Explain = Callable[[By, str, Days, Days], Driver | None]
"""The part that took most margin of a feature or customer from one window to the next, None where nothing did."""


class Drivers:
    """The drivers of one ledger; the last few explanations are remembered, for several alerts share their windows."""

    _KEPT = 4

    def __init__(self, ledger: AnyLedger, policies: Policies) -> None:
        self._margins = Margins(ledger, policies)
        self._crossed: Crossed | None = None
        self._known: dict[tuple[By, Days, Days], Explanation] = {}

    def forget(self, now: datetime) -> None:
        """Ask the ledger again from now on, and know the baselines of `now`."""
        self._known.clear()
        self._crossed = crossed_in(Baselines(self._margins.ledger, self._margins.policies).log(now))

    def driver(self, by: By, subject: str, before: Days, after: Days) -> Driver | None:
        """The part that took most margin of `subject`, with the baselines of a feature that changed meanwhile; None where it
        has no calls or nothing took any.
        """
        key = (by, before, after)
        if key not in self._known:
            if len(self._known) >= self._KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = explained(
                self._margins, ExplainRequest(by=by, before=before, after=after), self._crossed
            )
        bridge = next((one for one in self._known[key].rows if one.key == (subject,)), None)
        driver = None if bridge is None else primary_driver(bridge)
        if bridge is None or driver is None or not bridge.crossings:
            return driver
        return replace(driver, sentence=f"{driver.sentence}; crosses a baseline: {'; '.join(bridge.crossings)}")
