"""A review as Markdown that reads well in Slack and in a pull request.

Tables stand in fenced blocks with aligned columns of at most WIDTH_MAX characters: Slack has no tables, and a fence looks
the same everywhere. Names are clipped to fit; no figure ever is.
"""

from collections.abc import Iterator, Sequence

from floorline.margin.words import clipped
from floorline.reviews.page import Page, Section, Table

WIDTH_MAX = 100
_GAP = "  "
_NAME_MIN = 8


def markdown(page: Page) -> str:
    """The page, ending with a newline."""
    return "\n".join(_lines(page)).rstrip("\n") + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {_prose(page.title)}"
    yield ""
    yield _prose(page.subtitle)
    if page.tiles:
        yield ""
        yield from (f"- {_prose(name)}: **{_prose(figure)}**" for name, figure, _ in page.tiles)
    if page.notes:
        yield ""
        yield from (f"> {_prose(note)}" for note in page.notes)
    for section in page.sections:
        yield ""
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {_prose(section.title)}"
    yield ""
    if section.is_empty:
        yield _prose(section.empty)
        return
    yield from (f"- {_prose(point)}" for point in section.points)
    if section.points and section.tables:
        yield ""
    for table in section.tables:
        if table.rows:
            yield "```text"
            yield from _table(table)
            yield "```"
    yield from (f"- {_prose(point)}" for point in section.after)


def _table(table: Table) -> Iterator[str]:
    columns = table.columns
    cells = [[_prose(cell.text) for cell in row] for row in table.rows]
    widths = [max(len(column.title), *(len(row[at]) for row in cells)) for at, column in enumerate(columns)]
    widths = [
        width if column.number else min(width, column.width) for width, column in zip(widths, columns, strict=True)
    ]
    widths = _fitted(widths, [column.number for column in columns])
    numbers = [column.number for column in columns]
    yield _line([column.title for column in columns], widths, numbers)
    yield "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in cells:
        yield _line(row, widths, numbers)


def _fitted(widths: list[int], numbers: Sequence[bool]) -> list[int]:
    """The widths, the widest words made narrower until a line fits."""
    fitted = list(widths)
    while sum(fitted) + len(_GAP) * (len(fitted) - 1) > WIDTH_MAX:
        wordy = [at for at, number in enumerate(numbers) if not number and fitted[at] > _NAME_MIN]
        if not wordy:
            break
        fitted[max(wordy, key=lambda at: fitted[at])] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = [
        text.rjust(width) if number else clipped(text, width).ljust(width)
        for text, width, number in zip(cells, widths, numbers, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def _plain(text: str) -> str:
    """Text that ends neither a line nor a fence, whoever chose it."""
    return " ".join(text.split()).replace("```", "'''")


def _prose(text: str) -> str:
    """Text that opens no code, tag or mention."""
    return _plain(text).replace("<", "‹").replace(">", "›")
