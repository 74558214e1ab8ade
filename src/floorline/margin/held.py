"""What a ledger holds of outcomes: what need not be asked of them."""

from datetime import date

import msgspec

from floorline.margin.remembering import OUTCOMES, of_tables, rows_added
from floorline.margin.sources import SQL
from floorline.query import Halves, Parameter, Query, Reads

_BEFORE_DAY = "toDate(at, {timezone:String}) < {day:Date}"


class OutcomesRow(msgspec.Struct, frozen=True, kw_only=True):
    """Records of outcomes; of those `of_runs` something is to be asked of their runs, `amended` are not the first of theirs, and
    `valued` state a value.
    """

    count: int
    of_runs: int
    amended: int
    valued: int


ANY_OUTCOMES = OutcomesRow(count=1, of_runs=1, amended=1, valued=1)
"""What holds of any outcomes."""


def any_outcome(timezone: str) -> Query[OutcomesRow]:
    """How many records of outcomes there are, and what is to be asked of them."""

    def parts(day: date) -> tuple[Query[OutcomesRow], Query[OutcomesRow]]:
        """Records dated before `day`, and those from it on: of these also which outcomes had one before."""
        bound: dict[str, Parameter] = {"timezone": timezone, "day": day}
        before = Query(
            sql=_counted(_BEFORE_DAY), row=OutcomesRow, parameters=bound, reads=Reads(dated=OUTCOMES, end=day)
        )
        again = SQL["outcomes_again"].substitute(before=_BEFORE_DAY)
        since = Query(sql=_counted(f"NOT {_BEFORE_DAY}", again), row=OutcomesRow, parameters=bound)
        return before, of_tables(since, *OUTCOMES)

    return Query(
        sql=_counted("1"),
        row=OutcomesRow,
        reads=Reads(whole=OUTCOMES, end=date.max),
        halves=Halves(parts=parts, together=rows_added()),
    )


def _counted(days: str, again: str = "0") -> str:
    return SQL["any_outcome"].substitute(days=days, again=again)
