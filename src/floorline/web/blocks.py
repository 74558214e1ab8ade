"""What a page is made of: blocks in their order, each a value that templates draw and JSON carries.

A figure is `Decimal` money in USD, a `Decimal` ratio, an `int`, a day, an instant or text; None is unknown and is shown as
unknown, never as 0. Its `unit` says which, and `definition` is its key in the glossary.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, overload

import msgspec

Unit = Literal[
    "usd", "percent", "points", "count", "tokens", "number", "ms", "hours", "days", "bytes",
    "text", "said", "code", "day", "instant", "zone", "flag",
]  # fmt: skip
"""`percent` is a ratio (0.5 is 50 %), `points` a difference of ratios; `zone` is red, yellow, green or unknown; `flag` is yes or no;
`said` is a sentence of ours, with commands between backticks, where `text` is anybody's."""

Value = Any
"""Decimal, int, str, bool, date, datetime or None, as its unit says."""

FIGURES: frozenset[Unit] = frozenset(
    ("usd", "percent", "points", "count", "tokens", "number", "ms", "hours", "days", "bytes")
)
"""Units that stand on the right and are sorted as numbers."""


class Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="block"):
    """`name` is unique on its page: its anchor, and a table's name in addresses."""

    name: str
    title: str = ""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Words that lead to `to`, an address of ours."""

    text: str
    to: str
    current: bool = False


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `before` is the same in the window compared with; `better` says which way is good; `thin`: too few calls
    to be sure; `note` is a word on what it covers ("last 60 s").
    """

    name: str
    title: str
    value: Value
    unit: Unit
    definition: str = ""
    before: Value = None
    compared: bool = False
    better: Literal["up", "down", ""] = ""
    zone: str = ""
    thin: bool = False
    note: str = ""
    to: str = ""


class Cards(Block, frozen=True, kw_only=True, tag="cards"):
    """The figures to see first."""

    cards: Sequence[Card]


class Facts(Block, frozen=True, kw_only=True, tag="facts"):
    """Names with their values: what is known of one thing."""

    facts: Sequence[Card]


class Chart(Block, frozen=True, kw_only=True, tag="chart"):
    """A Vega-Lite specification with its data. `said` is in one sentence what is seen; `table` names the table of the page
    that has the same figures.
    """

    said: str
    spec: Mapping[str, Value]
    table: str = ""
    live: str = ""
    opens: str = ""
    """The field of a point's data that is the address which a click on it opens."""


class Charts(Block, frozen=True, kw_only=True, tag="charts"):
    """Small charts side by side, to be compared with one another."""

    charts: Sequence[Chart]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `link` is an address with names of columns in braces, which are quoted; `thin` names the column (not shown)
    that says of each row whether its sample is thin; `hidden` columns are in JSON and downloads alone.
    """

    name: str
    title: str
    unit: Unit = "text"
    definition: str = ""
    link: str = ""
    thin: str = ""
    hidden: bool = False


class Rows(Sequence[Mapping[str, Value]]):
    """The rows that `make` makes of `of`, each when it is first looked at: of ten thousand a page shows fifty."""

    def __init__(
        self,
        of: Sequence[Any],
        make: Callable[[Any], Mapping[str, Value]],
        at: range | None = None,
        made: dict[int, Mapping[str, Value]] | None = None,
    ) -> None:
        self._of, self._make = of, make
        self._at = range(len(of)) if at is None else at
        self._made: dict[int, Mapping[str, Value]] = {} if made is None else made

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Value]: ...

    @overload
    def __getitem__(self, index: slice) -> "Rows": ...

    def __getitem__(self, index: int | slice) -> "Mapping[str, Value] | Rows":
        if isinstance(index, slice):
            return Rows(self._of, self._make, self._at[index], self._made)
        number = self._at[index]
        row = self._made.get(number)
        if row is None:
            row = self._made[number] = self._make(self._of[number])
        return row


class Table(Block, frozen=True, kw_only=True, tag="table"):
    """Rows of values by column: None is unknown, and a column that a row lacks does not apply to it. `empty` says what it means that there is none. The last `totals` rows are sums, which stay
    last however the others are sorted.

    `rows` are all of them: sorting and paging are the page's. A table that its query has paged itself says so with `cut`,
    and where the next ones are with `more`.
    """

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Value]]
    empty: str
    note: str = ""
    totals: int = 0
    cut: bool = False
    more: str = ""
    sort: str = ""
    """How `rows` are sorted: a column's name, with a minus where the largest is first."""
    page: int = 1
    pages: int = 1
    all_rows: int = 0
    closed: bool = False
    """Shown folded, as the figures of a chart."""
    form: str = ""
    """An address with names of columns in braces: each row has a button that posts there."""
    form_text: str = ""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a limit is used. `state` is ok, near, over or unknown; `marks` are thresholds as ratios."""

    title: str
    used: Value
    limit: Value
    unit: Unit
    state: Literal["ok", "near", "over", "unknown"]
    said: str
    reserved: Value = None
    marks: Sequence[Decimal] = ()
    to: str = ""


class Meters(Block, frozen=True, kw_only=True, tag="meters"):
    """Budgets."""

    meters: Sequence[Meter]
    empty: str = ""


class Note(Block, frozen=True, kw_only=True, tag="note"):
    """Something to know, or to do."""

    kind: Literal["info", "good", "warning", "wrong"]
    text: str
    links: Sequence[Link] = ()


class Text(Block, frozen=True, kw_only=True, tag="text"):
    """Paragraphs."""

    paragraphs: Sequence[str]


class Tabs(Block, frozen=True, kw_only=True, tag="tabs"):
    """Pages that belong together."""

    links: Sequence[Link]


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """Something to copy."""

    title: str
    text: str
    said: str = ""


class Snippets(Block, frozen=True, kw_only=True, tag="snippets"):
    """Commands and code to copy."""

    snippets: Sequence[Snippet]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, at an instant or on a day. `kind` is a word that is shown."""

    at: Value
    title: str
    kind: str = ""
    text: str = ""
    by: str = ""
    to: str = ""


class Timeline(Block, frozen=True, kw_only=True, tag="timeline"):
    """What happened, in the order given."""

    events: Sequence[Event]
    empty: str = ""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time within a whole, in the unit of its block, with `marks` inside it by name."""

    title: str
    start: int
    end: int
    said: str = ""
    state: Literal["ok", "wrong", ""] = ""
    marks: Mapping[str, int] = {}


class Spans(Block, frozen=True, kw_only=True, tag="spans"):
    """Stretches of one time side by side, in milliseconds: the attempts of a call."""

    spans: Sequence[Span]
    end: int


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a form. `options` are pairs of value and words, for a choice."""

    name: str
    label: str
    kind: Literal["text", "date", "number", "choice", "email", "password", "long", "hidden", "switch"] = "text"
    value: str = ""
    options: Sequence[tuple[str, str]] = ()
    required: bool = False
    help: str = ""
    behind: str = ""
    """Words behind which the field is folded away, with all others that have the same; it shows while one of them is filled."""


class Form(Block, frozen=True, kw_only=True, tag="form"):
    """Something that can be done: a form that is posted to `action`. Without fields it is a button. `rule` is who may."""

    action: str
    submit: str
    fields: Sequence[Field] = ()
    rule: Literal["viewer", "editor", "admin"] = "editor"
    danger: bool = False
    key: str = ""
    """The single key that presses it."""
    method: Literal["post", "get"] = "post"


class Forms(Block, frozen=True, kw_only=True, tag="forms"):
    """What can be done with one thing, side by side."""

    forms: Sequence[Form]


AnyBlock = (
    Cards | Facts | Chart | Charts | Table | Meters | Note | Text | Tabs | Snippets | Timeline | Spans | Form | Forms
)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures of a page cover. Days are of `timezone`, `to` is the day after the last one; `quality` are shares of the
    cost by where they come from; `notes` are what a reader must know before believing a figure.
    """

    timezone: str
    as_of: datetime
    currency: str = "USD"
    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None
    before_from: date | None = None
    before_to: date | None = None
    environment: str = ""
    purpose: str = ""
    quality: Mapping[str, str | int] | None = None
    notes: Sequence[str] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A page's content: the same for HTML, its JSON twin and the API."""

    title: str
    about: About
    blocks: Sequence[AnyBlock]
    lead: str = ""
    """One sentence that says what matters here now."""

    def table(self, name: str) -> Table | None:
        """The table of that name."""
        return next((block for block in self.blocks if isinstance(block, Table) and block.name == name), None)

    @property
    def tables(self) -> list[Table]:
        """Every table, in the order of the page."""
        return [block for block in self.blocks if isinstance(block, Table)]
