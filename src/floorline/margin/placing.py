"""Where everything of two windows belongs in an explanation: its row, its group (a feature of a row), its cell or its payer.

Words are numbers here, the same in both windows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from floorline.margin.coded import Coded
from floorline.margin.moves import Earnings, Named, Payers, Rows
from floorline.margin.scaling import columns_of_sums, narrow, wide
from floorline.margin.sides import By, Facts, Owners, ReceivedColumns
from floorline.margin.substitution import Cells
from floorline.margin.table import UNMATCHED, UNMATCHED_COST, UNMATCHED_REVENUE
from floorline.margin.vectors import Integers, distinct
from floorline.margin.works import Kind


class Places(NamedTuple):
    """Where things belong: the numbers of each one's row, group, customer and plan."""

    row: Integers
    group: Integers
    customer: Integers
    plan: Integers

    def at(self, held: Integers) -> "Places":
        """Those of some things."""
        return Places(*[column[held] for column in self])


class Placing:
    """The places of both windows' calls, revenue and shared costs; `names` are those of the rows, `named` which of them say whose
    they are. `received` and `shared` are the columns that `of_received` and `of_shared` are the places of.
    """

    def __init__(self, sides: tuple[Facts, Facts], by: By) -> None:
        self._by: By = by
        self._called = [side.called for side in sides]
        self.received, self.shared = [side.received for side in sides], [side.shared for side in sides]
        self._rows: dict[str, int] = {}
        self._customers: dict[str, int] = {}
        self._plans: dict[str, int] = {}
        self._kinds: dict[Kind, int] = {}
        self._components: dict[str, int] = {}
        self._kind = [side.called.kind.numbered(self._kinds) for side in sides]
        self._component = [side.shared.component.numbered(self._components) for side in sides]
        owners = [
            *((side.called.owners, UNMATCHED_COST) for side in sides),
            *((side.received.owners, UNMATCHED_REVENUE) for side in sides),
            *((side.shared.owners, UNMATCHED_COST) for side in sides),
        ]
        features: dict[str, int] = {}
        row = [self._rows_of(*one) for one in owners]
        feature = [one.feature.numbered(features) for one, _ in owners]
        first, group = distinct([np.concatenate(row), np.concatenate(feature)])
        places = [
            Places(of_row, of_group, one.customer.numbered(self._customers), one.plan.numbered(self._plans))
            for (one, _), of_row, of_group in zip(owners, row, _like(row, group), strict=True)
        ]
        self._of_called, self.of_received, self.of_shared = places[:2], places[2:4], places[4:]
        self.rows = Rows(len(self._rows), np.concatenate(row)[first])
        self.named = np.array([name not in UNMATCHED for name in self._rows], dtype=bool)

    def _rows_of(self, owners: Owners, nameless: str) -> Integers:
        column: Coded[str] = getattr(owners, self._by)
        return Coded([word or nameless for word in column.words], column.codes).numbered(self._rows)

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return list(self._rows)

    @property
    def customers(self) -> list[str]:
        """By number."""
        return list(self._customers)

    @property
    def components(self) -> list[str]:
        """By number."""
        return list(self._components)

    @property
    def kinds(self) -> list[Kind]:
        """By number."""
        return list(self._kinds)

    def cells(self, widened: bool) -> tuple[Cells, Payers]:
        """The cells of all calls, and whose they are. OverflowError where columns do not hold them and are not `widened`."""
        works = [side.works.widened() if widened else side.works.narrow() for side in self._called]
        payer, payers = self._payers(self._of_called)
        kind = np.concatenate(self._kind)
        first, cell = distinct([payer, kind])
        was, now = (
            side.placed(of, len(first)).settled() for side, of in zip(works, _like(self._kind, cell), strict=True)
        )
        return Cells(payers.group[payer[first]], payer[first], kind[first], self.kinds, was, now), payers

    def _payers(self, places: Sequence[Places], *apart: Integers) -> tuple[Integers, Payers]:
        """The number of the payer of each thing, one window after the other, and those payers; `apart` tells them apart too."""
        group, customer, plan = (
            np.concatenate([one.group for one in places]),
            np.concatenate([one.customer for one in places]),
            np.concatenate([one.plan for one in places]),
        )
        first, payer = distinct([group, customer, plan, *apart])
        return payer, Payers(group[first], customer[first])

    def earnings(self, widened: bool) -> Earnings:
        """What payers pay for their days. OverflowError as for cells."""
        held = [
            np.flatnonzero(one.by_day & self.named[at.row])
            for one, at in zip(self.received, self.of_received, strict=True)
        ]
        some = [one.at(at) for one, at in zip(self.received, held, strict=True)]
        places = [one.at(at) for one, at in zip(self.of_received, held, strict=True)]
        payer, payers = self._payers(places, np.concatenate([_own(one) for one in some]))
        sums = [
            columns_of_sums(wide(column) if widened else narrow(column), of, len(payers.group))
            for one, of in zip(some, _like(held, payer), strict=True)
            for column in (one.amount, one.quantity)
        ]
        return Earnings(payers, *sums)

    def shared_by_name(self) -> list[tuple[int, Named]]:
        """What each component of shared costs gave to the margin of its rows, or took."""
        return [
            (sign, Named(at.row[held], component[held], one.amount[held]))
            for sign, one, at, component in zip((1, -1), self.shared, self.of_shared, self._component, strict=True)
            for held in (np.flatnonzero(self.named[at.row]),)
        ]


def _own(received: ReceivedColumns) -> Integers:
    """1 for what is paid for a feature itself, apart from the bundle of the same payer."""
    feature = received.owners.feature
    named = np.array([bool(word) for word in feature.words], dtype=bool)
    return (received.own & named[feature.codes]).astype(np.int64) if len(named) else feature.codes


def _like(columns: Sequence[Integers], whole: Integers) -> list[Integers]:
    """A column that is as long as some others together, in parts as long as they are."""
    return np.split(whole, np.cumsum([len(column) for column in columns])[:-1])
