"""What a page says its figures cover, from what it was asked and from the margin table it shows. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

from floorline.margin.report import quality
from floorline.margin.table import MarginReport
from floorline.web.blocks import About
from floorline.web.params import Window

NONE_OF_IT: tuple[str, ...] = ()


def about(
    params: Window, today: date, as_of: datetime, timezone: str, *, report: MarginReport | None = None, notes: Sequence[str] = NONE_OF_IT
) -> About:  # fmt: skip
    """The window and the one it is compared with, whose calls count, and the quality of `report`'s cost."""
    days, before = params.window(today), params.before(today)
    return About(
        timezone=timezone,
        as_of=as_of,
        from_=days.start,
        to=days.end,
        before_from=before.start if before else None,
        before_to=before.end if before else None,
        environment=params.environment,
        purpose=params.purpose,
        quality=None if report is None else quality(report.total),
        notes=[*_unpriced(report), *notes],
    )


def _unpriced(report: MarginReport | None) -> list[str]:
    """That some calls have no price, when some have none: the cost is at least that much too low."""
    unpriced = 0 if report is None else report.total.sums.unpriced
    if not unpriced:
        return []
    said = "1 call has" if unpriced == 1 else f"{unpriced:,} calls have"
    return [f"{said} no known price: costs lack them, and margins are too high by them."]
