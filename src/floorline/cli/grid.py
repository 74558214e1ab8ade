"""Tables for people that never cut a figure off: names fold, and columns give way to the width by their weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import IO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

NAME_WIDTH_MIN = 16
"""A name longer than this folds before a column is left out."""
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column and its cells. `weight` 0 is always shown; of the others the lightest (1 first) stay the longest. Names are on
    the left and may fold; figures are on the right, or with `left` on the left, and never do.
    """

    title: str
    cells: Sequence[str | Text]
    weight: int = 0
    name: bool = False
    left: bool = False

    @property
    def width(self) -> int:
        """What the widest cell and the title need, undivided."""
        words = (*self.title.split("\n"), *(line for cell in self.cells for line in str(cell).split("\n")))
        return max((cell_len(word) for word in words), default=0)

    @property
    def least(self) -> int:
        """What it must have: a name may fold, a figure may not."""
        return min(self.width, NAME_WIDTH_MIN) if self.name else self.width


def plain_console(width: int | None = None, file: IO[str] | None = None) -> Console:
    """Standard output, or `file`, that prints what it is given: brackets and colons in somebody's names are no styles and no
    pictures.
    """
    return Console(highlight=False, markup=False, emoji=False, width=width, file=file)


def print_grid(
    out: Console, title: str, columns: Sequence[Column], *, sections: Sequence[int] = (), bold_last: bool = False
) -> list[str]:
    """Print the columns that fit and return the titles of those left out. A line ends the rows at `sections`.

    Where even the columns of weight 0 are too wide the lines are longer than the console: no digit is lost.
    """
    shown = fitting(columns, out.width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in shown:
        if column.name:
            table.add_column(Text(column.title), overflow="fold", min_width=column.least)
        else:
            justify = "left" if column.left else "right"
            table.add_column(Text(column.title), justify=justify, no_wrap=True, min_width=column.width)
    lines = list(zip(*(column.cells for column in shown), strict=True))
    for number, line in enumerate(lines):
        cells = [cell if isinstance(cell, Text) else Text(cell) for cell in line]
        is_last = number == len(lines) - 1
        table.add_row(*cells, style="bold" if bold_last and is_last else "", end_section=number in sections)
    needed = _needed(shown)
    wide = out if needed <= out.width else plain_console(needed, out.file)
    out.print(Text(title, style="italic"))
    wide.print(table)
    return [_one_line(column.title) for column in columns if not any(column is one for one in shown)]


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns in their order, without those that the width has no room for: the heaviest go first."""
    kept = [True] * len(columns)
    by_weight = sorted((n for n, column in enumerate(columns) if column.weight), key=lambda n: -columns[n].weight)
    for n in by_weight:
        if _needed(list(compress(columns, kept))) <= width:
            break
        kept[n] = False
    return list(compress(columns, kept))


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.least + _GAP for column in columns) - _GAP


def _one_line(title: str) -> str:
    return title.replace("-\n", "").replace("/\n", "/").replace("\n", " ")
