"""A review as it is read, before it is Markdown or HTML: sections of paragraphs, tables and charts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["", "good", "warn", "bad", "muted"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its title, whether its cells are figures, and the most characters that Markdown gives a word in it."""

    title: str
    number: bool = True
    width: int = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; with `total` its last row is one."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a review. `points` are short paragraphs; `empty` is said where there is neither table nor point. `chart`
    names a picture that HTML shows.
    """

    title: str
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    after: Sequence[str] = ()
    empty: str = ""
    chart: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but `empty` to say."""
        return not (self.points or self.after or any(table.rows for table in self.tables))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole review. `tiles` are the few figures to see first: name, figure, tone."""

    title: str
    subtitle: str
    tiles: Sequence[tuple[str, str, Tone]] = ()
    notes: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=list[Section])


def word(title: str, width: int = 28) -> Column:
    """A column of words."""
    return Column(title=title, number=False, width=width)


def number(title: str) -> Column:
    """A column of figures."""
    return Column(title=title)
