"""The figures of every row over stretches of days that follow each other, made in the cheaper of two ways: one series of days,
told apart afterwards, or a table for each stretch.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.series import NOTHING, Stretch, sums_of
from floorline.margin.table import Key

DAILY_ROWS_MAX = 200_000
"""A series is made of a row for each customer and day: with more of them tables of whole stretches are less work."""

Cut = tuple[date, date]
"""The first day, and the day after the last."""


def stretches(
    margins: Margins, by: Dimension, scope: Scope, cuts: Sequence[Cut], *, customers: int
) -> Mapping[Key, Sequence[Stretch]]:
    """The stretches of each row, one for each of `cuts`; one in which the row is absent is NOTHING. `customers` is about how many
    the company has.
    """
    if not cuts:
        return {}
    start, end = cuts[0][0], cuts[-1][1]
    if customers * (end - start).days <= DAILY_ROWS_MAX:
        series = margins.series(MarginRequest(by=(by,), start=start, end=end, scope=scope, with_p95=False))
        return {key: [series.stretch(key, *cut) for cut in cuts] for key in series.rows}
    found: dict[Key, list[Stretch]] = {}
    once = margins.once()
    for number, (first, last) in enumerate(cuts):
        report = once.table(MarginRequest(by=(by,), start=first, end=last, scope=scope, with_p95=False))
        for row in report.rows:
            found.setdefault(row.key, [NOTHING] * len(cuts))[number] = sums_of(row)
    return found
