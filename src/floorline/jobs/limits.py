"""How answers ended under their bounds, and what of prompts and answers could be shorter, of features that are watched."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.events import INPUT_BUCKETS
from floorline.ledger.surface import AnyLedger
from floorline.margin.remembering import of_window, rows_added
from floorline.query import Query

_SQL = resources.files("floorline.jobs").joinpath("sql")

STRUCTURED_FROM = Decimal("0.05")
"""The share of a feature's answers that begin with words before their JSON, from which structured output is suggested."""


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feature as `limits_use.sql` gives it: numbers of calls, tokens over all of them, and what these cost in 10^-12 USD.

    Of `watched` calls it is known how their answer ended, `cut` of them by a bound, `bounded_cut` by the gateway's.
    """

    feature: str
    watched: int
    cut: int
    bounded: int
    bounded_cut: int
    with_preamble: int
    preamble_tokens: int
    preamble_pico: int
    with_context: int
    context_tokens: int
    context_pieces: int
    context_pico: int
    with_examples: int
    example_tokens: int
    example_pieces: int
    examples_pico: int

    @property
    def cut_ratio(self) -> Decimal | None:
        """The share of watched answers that a bound has cut; None where none is watched."""
        return Decimal(self.cut) / self.watched if self.watched else None

    @property
    def suggests_structured(self) -> bool:
        """Whether so many answers begin with words before their JSON that a mode of structured output would save them."""
        return self.watched > 0 and Decimal(self.with_preamble) / self.watched >= STRUCTURED_FROM

    @property
    def preamble_cost(self) -> Decimal:
        """What words before structured output cost, in USD."""
        return Decimal(self.preamble_pico).scaleb(-12)

    @property
    def context_cost(self) -> Decimal:
        """What retrieved context costs, in USD."""
        return Decimal(self.context_pico).scaleb(-12)

    @property
    def examples_cost(self) -> Decimal:
        """What worked examples cost, in USD."""
        return Decimal(self.examples_pico).scaleb(-12)

    @property
    def one_piece_fewer(self) -> Decimal:
        """What a piece of context less in each call that has some would have saved."""
        return self.context_cost * self.with_context / self.context_pieces if self.context_pieces else Decimal(0)

    @property
    def one_example_fewer(self) -> Decimal:
        """What an example less in each call that has some would have saved."""
        return self.examples_cost * self.with_examples / self.example_pieces if self.example_pieces else Decimal(0)


def limits_use(ledger: AnyLedger, start: date, end: date) -> Sequence[UseRow]:
    """The features with watched or bounded calls from `start` until the day before `end`, days of the ledger's timezone."""
    return ledger.query(_of_days(ledger.timezone, start, end))


def _of_days(timezone: str, start: date, end: date) -> Query[UseRow]:
    query = Query(
        sql=_SQL.joinpath("limits_use.sql").read_text(),
        row=UseRow,
        parameters={"start": start, "end": end, "timezone": timezone, "input": list(INPUT_BUCKETS)},
    )
    return of_window(query, start, end, lambda since, until: _of_days(timezone, since, until), rows_added("feature"))
