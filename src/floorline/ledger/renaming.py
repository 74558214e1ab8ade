"""Other names for the rows of one customer or user: what an erasure does to the store.

Every name becomes a surrogate, `erased-` and a keyed hash of it. The keys are random and of one erasure: who has forgotten
them cannot tell any more whose surrogate it is, and the same name within one erasure has one surrogate everywhere, so that
every grouping stays what it was. No amount, day, plan, feature or model changes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from floorline.ledger.store import Store
from floorline.query import Parameter, Query

PREFIX = "erased-"
_WORD = "[^\\W_]"


class Renaming(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows. Without `user` those of the customer that has the names `customers`, with every user id in them;
    with it those of that user, of these customers or, when there are none, of all. `keys` are 64 bits each.
    """

    customers: tuple[str, ...]
    user: str = ""
    keys: tuple[int, int]

    @property
    def names(self) -> tuple[str, ...]:
        """What may occur nowhere afterwards."""
        return (self.user,) if self.user else self.customers

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The values of the placeholders in this module's SQL."""
        return {
            "customers": self.customers,
            "names": self.names,
            "user": self.user,
            "k0": self.keys[0],
            "k1": self.keys[1],
        }


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a table."""

    rows: int


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text."""

    text: str


class Surrogate(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what stands for it."""

    name: str
    surrogate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A table with rows of customers or users: the columns that name them, those of identifiers, in which a name may
    stand, and what becomes of those that say more than an erasure may leave.
    """

    table: str
    customer: tuple[str, ...]
    user: str = ""
    identifiers: tuple[str, ...]
    emptied: Mapping[str, str] = field(default_factory=dict[str, str])

    def where(self, renaming: Renaming) -> str:
        """The condition that a row is the subject's; '' when this table holds no users."""
        if renaming.user:
            theirs = f"{self.customer[0]} IN {{customers:Array(String)}}" if renaming.customers else "1"
            return f"({self.user} = {{user:String}} AND {theirs})" if self.user else ""
        named = " OR ".join(f"{column} IN {{customers:Array(String)}}" for column in self.customer)
        if self.table == "aliases":
            return f"(kind = 'customer' AND ({named}))"
        if self.table == "outcomes":  # one that names its run only is its customer's
            runs = "SELECT run_id FROM calls WHERE run_id != '' AND customer_id IN {customers:Array(String)}"
            return f"({named} OR run_id IN ({runs}))"
        return f"({named})"

    def replaced(self, renaming: Renaming) -> dict[str, str]:
        """What becomes of each column of the subject's rows."""
        columns = {name: _surrogate(name) for name in (self.user,) if name}
        if not renaming.user:
            columns |= {
                name: f"if({name} IN {{customers:Array(String)}}, {_surrogate(name)}, {name})" for name in self.customer
            }
        columns |= {name: f"if({self._tells(name)}, {_surrogate(name)}, {name})" for name in self.identifiers}
        return columns | dict(self.emptied)

    def _tells(self, column: str) -> str:
        """Whether an identifier contains a name of the subject."""
        names = f"arrayExists(n -> position({column}, n) > 0, {{names:Array(String)}})"
        return f"({names} OR ({self.user} != '' AND position({column}, {self.user}) > 0))" if self.user else names


OWNED = (
    Owned(
        table="outcomes",  # before calls, by whose runs some of its rows are found
        customer=("customer",),
        user="user_id",
        identifiers=("id", "outcome_id", "run_id"),
        emptied={"reason": "''"},
    ),
    Owned(table="adjustments", customer=("customer_id",), user="user_id", identifiers=("id", "call_id", "run_id")),
    Owned(table="revenue", customer=("customer",), identifiers=("id", "reverses")),
    Owned(table="costs", customer=("customer",), identifiers=("id",)),
    Owned(table="customers", customer=("customer",), identifiers=("id",), emptied={"name": "''"}),
    Owned(
        table="labels",
        customer=("customer",),
        user="user_id",
        identifiers=("id", "subject", "call_id", "other_call_id"),
    ),
    Owned(table="aliases", customer=("alias", "canonical"), identifiers=("id",)),
    Owned(
        table="calls",
        customer=("customer_id",),
        user="user_id",
        identifiers=("id", "run_id"),
        emptied={"metadata": "CAST(map(), 'Map(LowCardinality(String), String)')"},
    ),
)


def _surrogate(expression: str) -> str:
    keyed = f"lower(leftPad(hex(sipHash64Keyed(({{k0:UInt64}}, {{k1:UInt64}}), toString({expression}))), 16, '0'))"
    return f"if({expression} = '', '', '{PREFIX}' || {keyed})"


def rename(store: Store, renaming: Renaming) -> None:
    """Give the subject's rows their surrogates, table by table, and compute the rollups anew. Nothing may be on its way
    into the store. Interrupted, it goes on from there under the same `renaming`.
    """
    touched = [owned for owned, where in _tables(renaming) if store.holds(owned.table, where, renaming.parameters)]
    if touched or store.rebuilding:
        store.drop_views(store.timezone)
        for owned in touched:
            store.rewrite(owned.table, owned.replaced(renaming), owned.where(renaming), renaming.parameters)
        store.rebuild(store.timezone)
    for owned in OWNED:
        store.drop_draft(owned.table)


def _tables(renaming: Renaming) -> Iterator[tuple[Owned, str]]:
    for owned in OWNED:
        where = owned.where(renaming)
        if where:
            yield owned, where


def row_counts(renaming: Renaming) -> dict[str, Query[Rows]]:
    """By table, the query for the number of the subject's rows."""
    return {
        owned.table: Query(
            sql=f"SELECT count() FROM {owned.table} WHERE {where}",  # noqa: S608 - our own names
            row=Rows,
            parameters=renaming.parameters,
        )
        for owned, where in _tables(renaming)
    }


def months(renaming: Renaming) -> Query[Text]:
    """The months that the subject's calls are of."""
    where = next(where for owned, where in _tables(renaming) if owned.table == "calls")
    sql = f"SELECT DISTINCT formatDateTime(utc_day, '%Y-%m') AS month FROM calls WHERE {where} ORDER BY month"  # noqa: S608 - our own names
    return Query(sql=sql, row=Text, parameters=renaming.parameters)


def customers_of(user: str) -> Query[Text]:
    """The customers that the user's calls are of, '' among them."""
    sql = "SELECT DISTINCT customer_id FROM calls WHERE user_id = {user:String} ORDER BY customer_id"
    return Query(sql=sql, row=Text, parameters={"user": user})


def surrogates(renaming: Renaming) -> Query[Surrogate]:
    """What stands for each of the names."""
    sql = f"SELECT name, {_surrogate('name')} FROM (SELECT arrayJoin({{names:Array(String)}}) AS name)"  # noqa: S608 - fixed text
    return Query(sql=sql, row=Surrogate, parameters=renaming.parameters)


def renamed(text: str, words: Mapping[str, str]) -> str:
    """`text` with every whole word that is a name replaced: `acme` in `acme-prod`, not in `acmeology`."""
    if not words:
        return text
    longest_first = "|".join(re.escape(name) for name in sorted(words, key=len, reverse=True))
    return re.sub(f"(?<!{_WORD})(?:{longest_first})(?!{_WORD})", lambda match: words[match[0]], text)
