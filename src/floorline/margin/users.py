"""The questions about active users, who are counted once however many days they come on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from floorline.margin.queries import NumberRow, NumbersRow, grouping_of
from floorline.margin.remembering import in_halves, of_days, one_after_another
from floorline.margin.sources import SQL, Days, placeholders, with_months
from floorline.query import Halves, Query

Users = np.ndarray[Any, np.dtype[np.uint64]]
NOBODY: Users = np.empty(0, dtype="<u8")
_HOW_MANY = {"gathered": "uniqExactState(who)", "told": "uniqExactMerge(users)"}
_WHO = {
    "gathered": "groupUniqArray(who)",
    "told": "arrayStringConcat(arrayMap(user -> hex(reinterpretAsFixedString(user)), arraySort(groupUniqArrayArray(users))))",
}


class UserSet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The users of a group of raw names: their numbers of 64 bits, ascending, in hexadecimal, lowest byte first."""

    names: list[str]
    as_of: int
    text: str

    @cached_property
    def users(self) -> Users:
        """The numbers."""
        return np.frombuffer(bytes.fromhex(self.text), dtype="<u8")


def active_users(days: Days, *, by_feature: bool = True) -> Query[NumberRow]:
    """How many users each feature has, and all of them together; these alone where nothing is asked `by_feature`."""
    sql = _of_users("active_users", days, _HOW_MANY, by_feature=by_feature)
    query = Query(sql=sql, row=NumberRow, parameters=placeholders(days))

    def parts(day: date) -> tuple[Query[UserSet], Query[UserSet]]:
        before, since = days.halves(day.toordinal())
        return _user_sets(before, by_feature=by_feature), _user_sets(since, by_feature=by_feature)

    return replace(of_days(query, days), halves=Halves(parts=parts, together=_counted))


def active_user_hashes(days: Days) -> Query[NumbersRow]:
    """The users of each feature."""
    query = Query(sql=_of_users("active_user_hashes", days), row=NumbersRow, parameters=placeholders(days))
    return in_halves(of_days(query, days), days, active_user_hashes, one_after_another)


def _user_sets(days: Days, *, by_feature: bool) -> Query[UserSet]:
    """As active_users, one by one."""
    sql = _of_users("active_users", days, _WHO, by_feature=by_feature)
    return of_days(Query(sql=sql, row=UserSet, parameters=placeholders(days)), days)


def _of_users(name: str, days: Days, told: Mapping[str, str] | None = None, *, by_feature: bool = True) -> str:
    grouping = grouping_of(("feature",) if by_feature else (), days)
    every = {} if by_feature else {"as_of": "toInt32(0)"}
    sets = f"GROUPING SETS (({grouping['groups']}), ())" if by_feature else grouping["groups"]
    named = {**grouping, **every, **(told or {}), "sets": sets}
    return SQL[name].substitute(named, source=with_months("users_day", days))


def _counted(before: list[UserSet], since: list[UserSet]) -> list[NumberRow]:
    """How many users both parts have, each once."""
    known = {(*one.names, one.as_of): one for one in before}
    found = {key: NumberRow(names=one.names, as_of=one.as_of, number=len(one.users)) for key, one in known.items()}
    for one in since:
        key = (*one.names, one.as_of)
        had = known[key].users if key in known else NOBODY
        again = np.searchsorted(had, one.users, "right") > np.searchsorted(had, one.users)
        number = len(had) + len(one.users) - int(again.sum())
        found[key] = NumberRow(names=one.names, as_of=one.as_of, number=number)
    return list(found.values())
