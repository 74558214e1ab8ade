"""Why margins changed on the week before, from bridges: which rows a review tells of, and their parts in dollars."""

from floorline.margin.bridge import PARTS, Bridge, primary_driver
from floorline.margin.explanation import Explanation
from floorline.margin.policy import Policies
from floorline.margin.runbook import lever_for
from floorline.money import usd_of
from floorline.reviews.model import Explained, Part

SHOWN_MAX = 5
MOVED_MIN = 100
"""A row is told of when its margin moved by at least one part in this of the revenue (or else the cost) of the week."""


def explanations(explanation: Explanation, policies: Policies) -> list[Explained]:
    """The total and the rows that moved enough, those that moved most first; levers are the runbook's where it states them."""
    total = explanation.total
    scale = max(total.now.revenue_pico, total.was.revenue_pico) or max(total.now.cogs_pico, total.was.cogs_pico)
    moved = [
        bridge
        for bridge in sorted(explanation.rows, key=lambda one: (-abs(one.change_pico), one.key))
        if bridge.change_pico and abs(bridge.change_pico) * MOVED_MIN >= scale
    ]
    return [_of(bridge, policies) for bridge in (total, *moved[:SHOWN_MAX])] if moved else []


def _of(bridge: Bridge, policies: Policies) -> Explained:
    driver, parts = primary_driver(bridge), bridge.parts
    return Explained(
        feature=bridge.key[0] if bridge.key else "total",
        change=usd_of(bridge.change_pico),
        parts=tuple(Part(name=name, usd=usd_of(parts[name])) for name in PARTS),
        driver=driver.sentence if driver else "",
        lever=lever_for(policies, driver.part, driver.lever) if driver else "",
        crossings=bridge.crossings,
    )
