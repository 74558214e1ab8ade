"""Whether a ledger has any call yet: before it has, there is nothing to show and everything to set up."""

from importlib import resources

import msgspec

from floorline.ledger.surface import Answering
from floorline.query import Query

_SQL = resources.files("floorline.jobs").joinpath("sql", "any_call.sql")


class _One(msgspec.Struct, frozen=True, kw_only=True):
    one: int


def has_calls(ledger: Answering) -> bool:
    """Whether there is one."""
    return bool(ledger.query(Query(sql=_SQL.read_text(), row=_One)))
