"""The figures of every row over stretches of days that follow each other."""

from collections.abc import Mapping, Sequence
from datetime import date

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.dimensions import Dimension, Scope
from floorline.margin.series import NOTHING, Stretch, sums_of
from floorline.margin.table import Key

Cut = tuple[date, date]
"""The first day, and the day after the last."""


def stretches(margins: Margins, by: Dimension, scope: Scope, cuts: Sequence[Cut]) -> Mapping[Key, Sequence[Stretch]]:
    """The stretches of each row, one for each of `cuts`; one in which the row is absent is NOTHING."""
    if not cuts:
        return {}
    edges = [cuts[0][0], *(end for _, end in cuts)]
    request = MarginRequest(by=(by,), start=edges[0], end=edges[-1], scope=scope, with_p95=False)
    found: dict[Key, list[Stretch]] = {}
    for number, report in enumerate(margins.tables(request, edges)):
        for row in report.rows:
            found.setdefault(row.key, [NOTHING] * len(cuts))[number] = sums_of(row)
    return found
