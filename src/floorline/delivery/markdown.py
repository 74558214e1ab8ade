"""The Markdown that messages are written in, read into blocks and spans, and shown as HTML.

Headings, paragraphs, lists, tables, quotes, code, **bold**, `code` and [links](https://…): nothing else has a meaning, and any
text is some Markdown.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Literal

_SPAN = re.compile(
    r"`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*|\[(?P<label>[^\]\n]+)\]\((?P<href>https?://[^)\s]+)\)"
)
_HEADING = re.compile(r"(#{1,6}) +(.*)")
_ITEM = re.compile(r"( *)(?:[-*+]|(\d+)[.)]) +(.*)")
_RULE = frozenset(" :|-")
_FENCE = "```"
Kind = Literal["heading", "paragraph", "list", "table", "quote", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a line; `href` of a link alone."""

    kind: Literal["text", "bold", "code", "link"]
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, a paragraph, a list's items, a table's rows, a quote, or code: lines as they were written, marks left out.

    `mark` of an item is `1.` or `•`, after two spaces for each level.
    """

    kind: Kind
    lines: tuple[str, ...]
    marks: tuple[str, ...] = ()

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a table, its head first."""
        return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in self.lines]


@dataclass(frozen=True, slots=True)
class _Line:
    kind: Kind
    part: int
    text: str
    mark: str = ""


def blocks(text: str) -> list[Block]:
    """The blocks of `text`."""
    found: list[Block] = []
    for (kind, _), group in groupby(_lines(text), key=lambda line: (line.kind, line.part)):
        lines = list(group)
        texts, marks = tuple(line.text for line in lines), tuple(line.mark for line in lines)
        found.append(Block(kind=kind, lines=texts, marks=marks if kind == "list" else ()))
    return found


def _lines(text: str) -> Iterator[_Line]:
    """Each line that says something, with the kind of block it belongs to; lines of one block have one `part`."""
    part, is_code, is_list = 0, False, False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(_FENCE):
            is_code, part = not is_code, part + 1
        elif is_code:
            yield _Line("code", part, line)
        elif not bare:
            part, is_list = part + 1, False
        elif heading := _HEADING.fullmatch(bare):
            part, is_list = part + 1, False
            yield _Line("heading", part, heading[2])
        elif bare.startswith("|"):
            if not _RULE.issuperset(bare):
                yield _Line("table", part, bare)
        elif bare.startswith(">"):
            yield _Line("quote", part, bare[1:].lstrip())
        elif item := _ITEM.fullmatch(line):
            is_list = True
            yield _Line("list", part, item[3], "  " * (len(item[1]) // 2) + (f"{item[2]}." if item[2] else "•"))
        else:
            yield _Line("list" if is_list else "paragraph", part, bare)


def spans(line: str) -> Iterator[Span]:
    """The pieces of a line, in order; put together they are its text."""
    start = 0
    for match in _SPAN.finditer(line):
        if match.start() > start:
            yield Span(kind="text", text=line[start : match.start()])
        if match["code"]:
            yield Span(kind="code", text=match["code"])
        elif match["bold"]:
            yield Span(kind="bold", text=match["bold"])
        else:
            yield Span(kind="link", text=match["label"], href=match["href"])
        start = match.end()
    if start < len(line):
        yield Span(kind="text", text=line[start:])


def html(text: str) -> str:
    """`text` as HTML, every character of it escaped."""
    return "\n".join(_block_html(block) for block in blocks(text))


def _block_html(block: Block) -> str:
    if block.kind == "heading":
        return f"<h3>{_line_html(block.lines[0])}</h3>"
    if block.kind == "code":
        return f"<pre>{escape(chr(10).join(block.lines))}</pre>"
    if block.kind == "list":
        lines = (
            f"{'&nbsp;' * 2 * (len(mark) - len(mark.lstrip()))}{mark.strip()} {_line_html(line)}".lstrip()
            for mark, line in zip(block.marks, block.lines, strict=True)
        )
        return f"<p>{'<br>'.join(lines)}</p>"
    if block.kind == "table":
        head, *rows = block.rows
        return f"<table>{_row_html('th', head)}{''.join(_row_html('td', row) for row in rows)}</table>"
    tag = "blockquote" if block.kind == "quote" else "p"
    return f"<{tag}>{'<br>'.join(map(_line_html, block.lines))}</{tag}>"


def _row_html(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_line_html(cell)}</{tag}>' for cell in cells)}</tr>"


def _line_html(line: str) -> str:
    return "".join(map(_span_html, spans(line)))


def _span_html(span: Span) -> str:
    text = escape(span.text)
    if span.kind == "link":
        return f'<a href="{escape(span.href)}">{text}</a>'
    tag = {"bold": "b", "code": "code"}.get(span.kind)
    return f"<{tag}>{text}</{tag}>" if tag else text
