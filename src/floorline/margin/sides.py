"""What one window earned and cost, as columns: a side of a bridge.

Owners are in canonical names, empty where unknown. Amounts are integers of 10^-12 USD, in columns of 64 bits or, where those
would not do, of Python's integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np

from floorline.margin.bridge import Days
from floorline.margin.coded import Bools, Coded, coded
from floorline.margin.scaling import column_of
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE
from floorline.margin.vectors import Integers
from floorline.margin.works import Kind, Work, Works, columns_of

By = Literal["feature", "customer", "plan"]
BY: tuple[By, ...] = get_args(By)


class Owned(NamedTuple):
    """Whose something is."""

    customer: str
    plan: str
    feature: str


class Called(NamedTuple):
    """The calls of one owner of one kind."""

    owner: Owned
    kind: Kind
    work: Work


class Received(NamedTuple):
    """Revenue of one owner: paid for its days (10^-6 of them), or, without `by_day`, for use and outcomes. `own`: paid for
    the feature itself and not as a share of a bundle.
    """

    owner: Owned
    amount: int
    quantity: int = 0
    by_day: bool = True
    own: bool = False


class Shared(NamedTuple):
    """A cost that no call carries, as it was divided."""

    owner: Owned
    component: str
    amount: int


class Owners(NamedTuple):
    """Whose many things are."""

    customer: Coded[str]
    plan: Coded[str]
    feature: Coded[str]

    def at(self, held: Integers) -> "Owners":
        """Those of some things."""
        return Owners(*[column.at(held) for column in self])


class CalledColumns(NamedTuple):
    """As Called."""

    owners: Owners
    kind: Coded[Kind]
    works: Works

    def at(self, held: Integers) -> "CalledColumns":
        """Some of the calls."""
        return CalledColumns(self.owners.at(held), self.kind.at(held), self.works.at(held))


class ReceivedColumns(NamedTuple):
    """As Received."""

    owners: Owners
    amount: Integers
    quantity: Integers
    by_day: Bools
    own: Bools

    def at(self, held: Integers) -> "ReceivedColumns":
        """Some of the revenue."""
        return ReceivedColumns(
            self.owners.at(held), self.amount[held], self.quantity[held], self.by_day[held], self.own[held]
        )


class SharedColumns(NamedTuple):
    """As Shared."""

    owners: Owners
    component: Coded[str]
    amount: Integers

    def at(self, held: Integers) -> "SharedColumns":
        """Some of the costs."""
        return SharedColumns(self.owners.at(held), self.component.at(held), self.amount[held])


def owners_of(owners: Sequence[Owned]) -> Owners:
    """The columns of some owners."""
    return Owners(*[coded([owner[n] for owner in owners]) for n in range(len(Owned._fields))])


def called_columns(called: Sequence[Called]) -> CalledColumns:
    """The columns of some calls."""
    return CalledColumns(
        owners=owners_of([one.owner for one in called]),
        kind=coded([one.kind for one in called]),
        works=columns_of([one.work for one in called]),
    )


def received_columns(received: Sequence[Received]) -> ReceivedColumns:
    """The columns of some revenue."""
    return ReceivedColumns(
        owners=owners_of([one.owner for one in received]),
        amount=column_of([one.amount for one in received]),
        quantity=column_of([one.quantity for one in received]),
        by_day=np.array([one.by_day for one in received], dtype=bool),
        own=np.array([one.own for one in received], dtype=bool),
    )


def shared_columns(shared: Sequence[Shared]) -> SharedColumns:
    """The columns of some costs."""
    return SharedColumns(
        owners=owners_of([one.owner for one in shared]),
        component=coded([one.component for one in shared]),
        amount=column_of([one.amount for one in shared]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one window earned and cost."""

    days: Days
    called: CalledColumns = field(default_factory=lambda: called_columns(()))
    received: ReceivedColumns = field(default_factory=lambda: received_columns(()))
    shared: SharedColumns = field(default_factory=lambda: shared_columns(()))

    def of(self, by: By, row: str) -> "Facts":
        """What the row `row` holds of it."""
        called, received, shared = self.called, self.received, self.shared
        return Facts(
            days=self.days,
            called=called.at(_held(called.owners, by, row, UNMATCHED_COST)),
            received=received.at(_held(received.owners, by, row, UNMATCHED_REVENUE)),
            shared=shared.at(_held(shared.owners, by, row, UNMATCHED_COST)),
        )


def _held(owners: Owners, by: By, row: str, nameless: str) -> Integers:
    """The places of what is of `row`; what has no name is of `nameless`."""
    column: Coded[str] = getattr(owners, by)
    return np.flatnonzero(column.equal("" if row == nameless else row))


def facts_of(
    days: Days, called: Sequence[Called] = (), received: Sequence[Received] = (), shared: Sequence[Shared] = ()
) -> Facts:
    """The columns of a window's records."""
    return Facts(
        days=days,
        called=called_columns(called),
        received=received_columns(received),
        shared=shared_columns(shared),
    )
